#!/usr/bin/env python3
"""A tenant's policy against a started server: in force on the next request through every door, deny over everything,
lists filtered, bounds of time, dry runs, the command; and tokens that are bound to addresses, renew and revoke themselves."""

import datetime
import json
import time
import unittest

import grpc

import stubs
from admin_client import Admin
from admin_client import pb as admin_pb
from harness import ServerCase
from test_dapr_http import STORES

native, native_services = stubs.native()
direktiv, direktiv_services = stubs.direktiv()
Code = grpc.StatusCode
READ = ["list", "read", "read-value"]
EVERYTHING = ["list", "read", "read-value", "write", "delete", "inject", "grant"]


def grant(capabilities=READ, names=("app/*",), spaces=("kv",), **more):
    return {"capabilities": list(capabilities), "spaces": list(spaces), "names": list(names), **more}


def policy(*bindings, **roles):
    """policy((role, subject, ...), ..., role=[grants])"""
    return {"roles": [{"name": name.replace("_", "-"), "grants": grants} for name, grants in roles.items()],
            "bindings": [{"role": role, "subjects": subjects} for role, *subjects in bindings]}


def in_seconds(seconds):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)).isoformat()


class Case(ServerCase):
    config = STORES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = Admin(cls.server)
        for name in ("app/db", "app/prod/db", "other"):
            cls.server.put(name, "secret")

    @classmethod
    def tearDownClass(cls):
        cls.admin.channel.close()
        super().tearDownClass()

    def setUp(self):
        self.apply({})

    def cli(self, code, *arguments, **more):
        done = self.server.cli("admin", *arguments, **more)
        self.assertEqual(done.returncode, code, (arguments, done.stdout, done.stderr))
        return done

    def apply(self, document, *arguments, code=0):
        return self.cli(code, "policy", "apply", "-f", "-", *arguments, input=json.dumps(document)).stdout.decode()

    def token(self, **more):
        """A token without scopes: its secret and its subject."""
        made = self.admin.call(self.admin.tokens.Create, admin_pb.CreateTokenRequest(tenant="default", **more))
        return made.secret, "token:" + made.token.id

    def names(self, token):
        answer = self.server.request("GET", "/v1/tenants/default/spaces/kv/secrets", token=token)
        self.assertEqual(answer.status, 200, answer)
        return [s["name"] for s in answer.json["secrets"]]


class Policies(Case):
    def test_a_role_takes_effect_and_ends_on_the_next_request(self):
        token, subject = self.token()
        self.assertStatus(self.server.get("app/db", token=token), 403, "PERMISSION_DENIED")
        self.assertEqual(self.names(token), [])
        self.apply(policy(("reader", subject), reader=[grant()]))
        self.assertEqual(self.server.get("app/db", token=token).status, 200)
        self.assertStatus(self.server.get("other", token=token), 403)
        self.assertStatus(self.server.put("app/db", "x", token=token), 403)
        self.assertEqual(self.names(token), ["app/db", "app/prod/db"])
        self.apply({})
        self.assertStatus(self.server.get("app/db", token=token), 403)

    def test_it_holds_at_every_door(self):
        token, subject = self.token()
        dapr = lambda name: self.server.request("GET", "/v1.0/secrets/single/" + name, headers={"dapr-api-token": token}, token=None)
        bulk = lambda: self.server.request("GET", "/v1.0/secrets/single/bulk", headers={"dapr-api-token": token}, token=None).json
        with grpc.insecure_channel(self.server.grpc_address) as channel:
            stub = native_services.SecretsStub(channel)
            get = lambda: stub.Get(native.GetRequest(tenant="default", space="kv", name="app/db"), timeout=20,
                                   metadata=[("authorization", "Bearer " + token)])
            with self.assertRaises(grpc.RpcError) as caught:
                get()
            self.assertEqual(caught.exception.code(), Code.PERMISSION_DENIED)
            self.assertEqual(dapr("app%2Fdb").status, 403)
            self.apply(policy(("reader", subject), ("no-prod", "*"), reader=[grant()],
                              no_prod=[grant(EVERYTHING, ["app/prod/*"], effect="deny")]))
            self.assertEqual(get().value, "secret")
            self.assertEqual(dapr("app%2Fdb").json, {"app/db": "secret"})
            self.assertEqual(dapr("app%2Fprod%2Fdb").status, 403)
            self.assertEqual(bulk(), {"app/db": {"app/db": "secret"}})

    def test_deny_binds_a_door_that_is_open(self):
        open_dapr = lambda: self.server.request("GET", "/v1.0/secrets/single/other", token=None).status
        self.assertEqual(open_dapr(), 200, "--dev on loopback needs no token")
        self.apply(policy(("closed", "door:dapr"), closed=[grant(EVERYTHING, ["*"], ["*"], effect="deny")]))
        self.assertEqual(open_dapr(), 403)

    def test_deny_binds_direktiv(self):
        self.admin.create_tenant("for-direktiv")
        self.admin.open_door("for-direktiv", "direktiv", "pol-ns")
        with grpc.insecure_channel(self.server.grpc_address) as channel:
            api = direktiv_services.SecretsServiceStub(channel)
            store = lambda name: api.StoreSecret(direktiv.SecretsStoreRequest(namespace="pol-ns", name=name, data=b"x", stype=direktiv.SECRET),
                                                 timeout=20)
            store("ci")
            self.apply(policy(("frozen", "door:*"), frozen=[grant(["write"], ["prod*"], ["direktiv"], effect="deny")]),
                       "--tenant", "for-direktiv")
            store("ci-2")
            with self.assertRaises(grpc.RpcError) as caught:
                store("prod-1")
            self.assertEqual(caught.exception.code(), Code.PERMISSION_DENIED)

    def test_deny_dominates_the_scopes_of_a_token(self):
        made = self.admin.create_token("default", EVERYTHING, ("*",), ("*",))
        self.apply(policy(("no-prod", "token:" + made.token.id), no_prod=[grant(EVERYTHING, ["app/prod/*"], ["*"], effect="deny")]))
        for refused in (self.server.get("app/prod/db", token=made.secret), self.server.put("app/prod/db", "x", token=made.secret),
                        self.server.request("DELETE", self.server.path("app/prod/db"), token=made.secret),
                        self.server.request("GET", self.server.path("app/prod/db") + ":history", token=made.secret)):
            self.assertStatus(refused, 403, "PERMISSION_DENIED")
        self.assertEqual(self.names(made.secret), ["app/db", "other"])
        self.assertEqual(self.server.get("app/prod/db").json["version"], 1)

    def test_a_role_does_not_widen_a_tokens_scopes(self):
        made = self.admin.create_token("default", ("list",), ("kv",), ("*",))
        self.apply(policy(("reader", "*"), reader=[grant(names=["*"])]))
        self.assertStatus(self.server.get("other", token=made.secret), 403)

    def test_a_grant_ends_by_itself(self):
        token, subject = self.token()
        self.apply(policy(("reader", subject), reader=[grant(expires_at=in_seconds(5)), grant(names=["other"], not_before=in_seconds(3600))]))
        self.assertEqual(self.server.get("app/db", token=token).status, 200)
        self.assertStatus(self.server.get("other", token=token), 403)
        end = time.monotonic() + 60
        while self.server.get("app/db", token=token).status == 200 and time.monotonic() < end:
            time.sleep(0.1)
        self.assertStatus(self.server.get("app/db", token=token), 403)
        self.assertEqual(self.names(token), [])

    def test_a_dry_run_says_what_would_change_and_changes_nothing(self):
        token, subject = self.token()
        before = json.loads(self.cli(0, "policy", "get").stdout)
        out = self.apply(policy(("reader", subject), reader=[grant()]), "--dry-run")
        self.assertEqual(out.splitlines(), ["+ role reader", "+ role reader: allow list, read, read-value on app/* in kv",
                                            f"+ binding of role reader to {subject}"])
        self.assertEqual(json.loads(self.cli(0, "policy", "get").stdout), before)
        self.assertStatus(self.server.get("app/db", token=token), 403)
        self.assertEqual(self.apply(policy(("reader", subject), reader=[grant()])), out, "what is done is what was said")

    def test_what_get_prints_is_applied_only_where_it_came_from(self):
        self.apply(policy(("reader", "user:ann"), reader=[grant()]))
        document = json.loads(self.cli(0, "policy", "get").stdout)
        self.assertEqual(document["changed_by"], "dev-root")
        self.apply(document)
        document["bindings"][0]["subjects"] = ["user:bob"]
        self.apply(document)
        self.apply({**document, "bindings": []}, code=4)
        self.assertEqual(json.loads(self.cli(0, "policy", "get").stdout)["bindings"][0]["subjects"], ["user:bob"])

    def test_a_bad_policy_is_refused_with_its_place(self):
        for document, words in (({"roles": [{"name": "Bad Name"}]}, b"roles[0]: name"),
                                (policy(("raeder", "user:ann"), reader=[grant()]), b"bindings[0]: role: there is no role"),
                                (policy(("reader", "ann"), reader=[grant()]), b"bindings[0]: subjects[0]"),
                                (policy(reader=[grant(["fly"])]), b"roles[0]: grants[0]: capability"),
                                (policy(reader=[grant(names=[])]), b"roles[0]: grants[0]: names: at least one"),
                                ({"rules": []}, b"is no policy")):
            done = self.cli(2, "policy", "apply", "-f", "-", input=json.dumps(document))
            self.assertIn(words, done.stderr)
        self.cli(3, "policy", "get", "--tenant", "no-such-tenant")

    def test_only_operators_read_and_change_it(self):
        made = self.admin.create_token("default", EVERYTHING + ["admin"], ("*",), ("*",))
        with Admin(self.server, made.secret) as foreign, self.assertRaises(grpc.RpcError) as caught:
            foreign.call(foreign.policies.Get, admin_pb.GetPolicyRequest(tenant="default"))
        self.assertEqual(caught.exception.code(), Code.PERMISSION_DENIED)

    def test_policies_of_two_tenants_do_not_meet(self):
        token, _ = self.token()
        self.admin.create_tenant("neighbour")
        self.apply(policy(("reader", "*"), reader=[grant(names=["*"])]), "--tenant", "neighbour")
        self.assertStatus(self.server.get("app/db", token=token), 403)
        self.assertStatus(self.server.get("app/db", tenant="neighbour", token=token), 403)

    def test_a_secret_is_shared_by_its_permissions(self):
        token, subject = self.token()
        path = self.server.path("other")
        share = lambda level, by="root": self.server.request("POST", path + ":setPermission", {"subject": subject, "level": level}, token=by)
        self.assertEqual(share("READ").json["permissions"], [{"subject": subject, "level": "READ"}])
        self.assertEqual(self.names(token), ["other"])
        self.assertStatus(self.server.get("other", token=token), 403)
        self.assertEqual(share("USER").status, 200)
        self.assertEqual(self.server.get("other", token=token).status, 200)
        self.assertStatus(share("ADMIN", by=token), 403, "PERMISSION_DENIED")
        self.assertEqual(self.server.request("GET", path + ":permissions", token=token).json["permissions"], [{"subject": subject, "level": "USER"}])
        self.assertStatus(share("Owner"), 400, "INVALID_ARGUMENT")
        self.apply(policy(("closed", subject), closed=[grant(READ, ["*"], effect="deny")]))
        self.assertStatus(self.server.get("other", token=token), 403)
        self.apply({})
        self.assertEqual(share("NONE").json["permissions"], [])
        self.assertStatus(self.server.get("other", token=token), 403)


class OwnTokens(Case):
    SELF = "/v1/tenants/default/tokens/self"

    def create(self, *arguments):
        done = self.cli(0, "tokens", "create", "--scope", "read,read-value:kv:*", *arguments)
        return done.stdout.decode().strip()

    def test_a_token_looks_itself_up_and_revokes_itself(self):
        token = self.create("--description", "mine", "--expires", "1h")
        me = self.server.request("GET", self.SELF, token=token).json
        self.assertEqual((me["description"], me["renewable"], me["addresses"]), ("mine", False, []))
        self.assertEqual(me["scopes"], [{"capabilities": ["read", "read-value"], "spaces": ["kv"], "names": ["*"]}])
        self.assertNotIn(token, json.dumps(me))
        self.assertStatus(self.server.request("POST", self.SELF + ":renew", {}, token=token), 403, "PERMISSION_DENIED")
        self.assertIn("revoked_at", self.server.request("POST", self.SELF + ":revoke", {}, token=token).json)
        self.assertStatus(self.server.request("GET", self.SELF, token=token), 401, "UNAUTHENTICATED")
        self.assertStatus(self.server.request("GET", self.SELF), 404, "NOT_FOUND")

    def test_a_renewable_token_renews_itself(self):
        token = self.create("--expires", "1h", "--renewable", "--max-ttl", "90m")
        me = self.server.request("GET", self.SELF, token=token).json
        renewed = self.server.request("POST", self.SELF + ":renew", {"ttl_seconds": 4000}, token=token).json
        self.assertGreater(renewed["expires_at"], me["expires_at"])
        longest = self.server.request("POST", self.SELF + ":renew", {"ttl_seconds": 40000}, token=token).json
        self.assertEqual(longest["expires_at"], me["max_expires_at"])
        self.cli(2, "tokens", "create", "--scope", "read:kv:*", "--renewable")

    def test_a_bound_token_works_from_its_addresses_only(self):
        here, elsewhere = self.create("--address", "127.0.0.0/8"), self.create("--address", "10.0.0.0/8", "--address", "2001:db8::/32")
        self.assertEqual(self.server.get("other", token=here).status, 200)
        refused = self.assertStatus(self.server.get("other", token=elsewhere), 403, "PERMISSION_DENIED")
        self.assertIn("does not work from the address", refused.error["message"])
        with grpc.insecure_channel(self.server.grpc_address) as channel:
            stub = native_services.SecretsStub(channel)
            get = lambda token: stub.Get(native.GetRequest(tenant="default", space="kv", name="other"), timeout=20,
                                         metadata=[("x-coffer-token", token)])
            self.assertEqual(get(here).value, "secret")
            with self.assertRaises(grpc.RpcError) as caught:
                get(elsewhere)
            self.assertEqual(caught.exception.code(), Code.PERMISSION_DENIED)
        self.cli(2, "tokens", "create", "--scope", "read:kv:*", "--address", "10.0.0.1/8")

    def test_a_token_without_scopes_must_be_meant(self):
        self.cli(2, "tokens", "create")
        token = self.cli(0, "tokens", "create", "--by-policy").stdout.decode().strip()
        self.assertStatus(self.server.get("other", token=token), 403)
        me = self.server.request("GET", self.SELF, token=token).json
        self.apply(policy(("reader", "token:" + me["id"]), reader=[grant(names=["other"])]))
        self.assertEqual(self.server.get("other", token=token).status, 200)


class Restart(ServerCase):
    def test_a_policy_survives_a_restart(self):
        self.server.put("app/db", "secret")
        with Admin(self.server) as admin:
            made = admin.call(admin.tokens.Create, admin_pb.CreateTokenRequest(tenant="default"))
        document = policy(("reader", "token:*"), reader=[grant()])
        self.assertEqual(self.server.cli("admin", "policy", "apply", "-f", "-", input=json.dumps(document)).returncode, 0)
        self.server.kill()
        self.server.start()
        self.assertEqual(self.server.get("app/db", token=made.secret).status, 200)
        self.assertStatus(self.server.get("other", token=made.secret), 403)


if __name__ == "__main__":
    unittest.main()
