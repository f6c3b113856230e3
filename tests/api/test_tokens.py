#!/usr/bin/env python3
"""Coffer tokens at every door: scoped, expiring, revoked, forged, of another tenant, missing. Each door refuses in its own
words, an operator's token works on the admin listener only, and a refusal changes nothing."""

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
dapr, dapr_services = stubs.dapr()
Code = grpc.StatusCode


class Tokens(ServerCase):
    config = STORES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = Admin(cls.server)
        cls.server.put("app/db", "secret")
        cls.server.put("other", "secret")
        cls.server.put("n", "secret", tenant="other-tenant")
        cls.admin.open_door("default", "direktiv", "tok")
        cls.channel = grpc.insecure_channel(cls.server.grpc_address)

    @classmethod
    def tearDownClass(cls):
        cls.admin.channel.close()
        cls.channel.close()
        super().tearDownClass()

    def token(self, *arguments, **more):
        return self.admin.create_token("default", *arguments, **more)

    def grpc_code(self, call, request, token, header="authorization"):
        value = "Bearer " + token if header == "authorization" else token
        try:
            call(request, metadata=[(header, value)] if token else [], timeout=20)
            return Code.OK
        except grpc.RpcError as error:
            return error.code()

    def bad_tokens(self):
        """Kinds of tokens that must not work, by what is wrong with them."""
        good = self.token().secret
        revoked = self.token()
        self.admin.revoke("default", revoked.token.id)
        expiring = self.token(seconds=4).secret
        self.assertEqual(self.server.get("other", token=expiring).status, 200)
        flipped = good[:-3] + ("A" if good[-3] != "A" else "B") + good[-2:]
        time.sleep(4.5)
        return {"revoked": revoked.secret, "expired": expiring, "forged": flipped, "cut": good[:-5], "garbage": "cft_" + "A" * 60,
                "no token": "password", "empty": "cft_"}

    def test_every_door_refuses_bad_tokens_in_its_own_words(self):
        self.assertEqual(self.server.get("other", token=self.token().secret).status, 200)
        self.assertStatus(self.server.get("other", token=None), 401, "UNAUTHENTICATED")
        for what, bad in self.bad_tokens().items():
            with self.subTest(what):
                self.assertStatus(self.server.get("other", token=bad), 401, "UNAUTHENTICATED")
                self.assertStatus(self.server.put("written", "x", token=bad), 401, "UNAUTHENTICATED")
                get = native.GetRequest(tenant="default", space="kv", name="other")
                self.assertEqual(self.grpc_code(native_services.SecretsStub(self.channel).Get, get, bad), Code.UNAUTHENTICATED)
                answer = self.server.request("GET", "/v1.0/secrets/single/other", headers={"dapr-api-token": bad}, token=None)
                self.assertEqual((answer.status, answer.body), (401, b"invalid api token\n"))
                get = dapr.GetSecretRequest(store_name="single", key="other")
                self.assertEqual(self.grpc_code(dapr_services.DaprStub(self.channel).GetSecret, get, bad, "dapr-api-token"), Code.UNAUTHENTICATED)
                get = direktiv.GetSecretsRequest(namespace="tok")
                self.assertEqual(self.grpc_code(direktiv_services.SecretsServiceStub(self.channel).GetSecrets, get, bad), Code.UNAUTHENTICATED)
        self.assertStatus(self.server.get("written"), 404)

    def test_a_scope_bounds_capabilities_spaces_and_names(self):
        reader = self.token(spaces=("kv",), names=("app/*",)).secret
        self.assertEqual(self.server.get("app/db", token=reader).status, 200)
        for refused in (self.server.get("other", token=reader), self.server.get("app/db", space="elsewhere", token=reader),
                        self.server.put("app/db", "x", token=reader),
                        self.server.request("DELETE", self.server.path("app/db"), token=reader)):
            self.assertStatus(refused, 403, "PERMISSION_DENIED")
        self.assertEqual(self.server.get("app/db").json["version"], 1)

    def test_metadata_may_be_read_without_the_value(self):
        meta = self.token(("list", "read")).secret
        self.assertEqual(self.server.get("app/db", query="?view=metadata", token=meta).status, 200)
        self.assertStatus(self.server.get("app/db", token=meta), 403, "PERMISSION_DENIED")

    def test_a_writer_need_not_read(self):
        writer = self.token(("write",)).secret
        self.assertEqual(self.server.put("drop-box", "x", token=writer).status, 200)
        self.assertStatus(self.server.get("drop-box", token=writer), 403, "PERMISSION_DENIED")

    def test_lists_show_what_the_token_may_see(self):
        names = lambda token: [s["name"] for s in self.server.request("GET", "/v1/tenants/default/spaces/kv/secrets", token=token).json.get("secrets", [])]
        self.assertEqual(names(self.token(names=("app/*",)).secret), ["app/db"])

    def test_a_batch_answers_for_each_name(self):
        reader = self.token(names=("app/*",)).secret
        body = {"secrets": [{"space": "kv", "name": "app/db"}, {"space": "kv", "name": "other"}]}
        results = self.server.request("POST", "/v1/tenants/default:batchGet", body, token=reader).json["results"]
        self.assertIn("secret", results[0])
        self.assertEqual(results[1]["error"]["code"], "PERMISSION_DENIED")

    def test_a_transaction_is_refused_whole(self):
        writer = self.token(("write",), names=("app/*",)).secret
        operations = [{"put": {"space": "kv", "name": "app/tx", "value": "1"}}, {"put": {"space": "kv", "name": "foreign", "value": "1"}}]
        answer = self.server.request("POST", "/v1/tenants/default:transact", {"operations": operations}, token=writer)
        self.assertStatus(answer, 403, "PERMISSION_DENIED")
        self.assertStatus(self.server.get("app/tx"), 404)

    def test_another_tenant_and_a_missing_one_look_the_same(self):
        token = self.token().secret
        foreign = self.server.get("n", tenant="other-tenant", token=token)
        missing = self.server.get("n", tenant="no-such-tenant", token=token)
        self.assertEqual(foreign.status, missing.status)
        self.assertIn(foreign.status, (401, 403, 404))
        strip = lambda e: {k: v for k, v in e.items() if k != "request_id"}
        self.assertEqual({**strip(foreign.error), "message": foreign.error["message"].replace("other-tenant", "T")},
                         {**strip(missing.error), "message": missing.error["message"].replace("no-such-tenant", "T")})

    def test_a_token_does_not_make_a_tenant(self):
        token = self.token(("write",)).secret
        self.assertGreaterEqual(self.server.put("n", "x", tenant="made-by-token", token=token).status, 400)
        with self.assertRaises(grpc.RpcError) as caught:
            self.admin.call(self.admin.tenants.Get, admin_pb.GetTenantRequest(name="made-by-token"))
        self.assertEqual(caught.exception.code(), Code.NOT_FOUND)

    def test_dapr_bulk_leaves_out_what_the_token_may_not_read(self):
        reader = self.token(names=("app/*",)).secret
        answer = self.server.request("GET", "/v1.0/secrets/single/bulk", headers={"dapr-api-token": reader}, token=None)
        self.assertEqual(answer.json, {"app/db": {"app/db": "secret"}})
        denied = self.server.request("GET", "/v1.0/secrets/single/other", headers={"dapr-api-token": reader}, token=None)
        self.assertEqual(denied.status, 403)
        self.assertEqual(denied.json["errorCode"], "ERR_PERMISSION_DENIED")

    def test_a_token_bounds_direktiv_when_it_is_given(self):
        self.admin.create_tenant("for-direktiv")
        self.admin.open_door("for-direktiv", "direktiv", "tok-ns")
        api = direktiv_services.SecretsServiceStub(self.channel)
        store = lambda name: direktiv.SecretsStoreRequest(namespace="tok-ns", name=name, data=b"x", stype=direktiv.SECRET)
        writer = self.admin.create_token("for-direktiv", ("write",), ("direktiv",), ("ci-*",)).secret
        self.assertEqual(self.grpc_code(api.StoreSecret, store("ci-1"), writer), Code.OK)
        self.assertEqual(self.grpc_code(api.StoreSecret, store("prod-1"), writer), Code.PERMISSION_DENIED)
        get = direktiv.SecretsRetrieveRequest(namespace="tok-ns", name="ci-1")
        self.assertEqual(self.grpc_code(api.RetrieveSecret, get, writer), Code.PERMISSION_DENIED)

    def test_tokens_are_listed_without_their_secret_and_revoked_by_id(self):
        made = self.token(description="listed")
        listed = self.admin.call(self.admin.tokens.List, admin_pb.ListTokensRequest(tenant="default"))
        mine = [t for t in listed.tokens if t.id == made.token.id]
        self.assertEqual([(t.description, t.state) for t in mine], [("listed", "active")])
        self.assertNotIn(made.secret.encode(), listed.SerializeToString())
        self.admin.revoke("default", made.token.id)
        self.assertStatus(self.server.get("other", token=made.secret), 401, "UNAUTHENTICATED")
        with self.assertRaises(grpc.RpcError) as caught:
            self.admin.revoke("default", "0123456789abcdef")
        self.assertEqual(caught.exception.code(), Code.NOT_FOUND)

    def test_bad_scopes_are_refused(self):
        for scope in ({"capabilities": ("fly",)}, {"capabilities": ()}, {"seconds": -5}, {"spaces": ("a*b",)}):
            with self.assertRaises(grpc.RpcError) as caught:
                self.token(**scope)
            self.assertEqual(caught.exception.code(), Code.INVALID_ARGUMENT, scope)

    def test_the_admin_listener_wants_an_operator(self):
        for token in (self.token(("admin",)).secret, "nonsense"):
            with Admin(self.server, token) as foreign, self.assertRaises(grpc.RpcError) as caught:
                foreign.call(foreign.tenants.List, admin_pb.ListTenantsRequest())
            self.assertIn(caught.exception.code(), (Code.UNAUTHENTICATED, Code.PERMISSION_DENIED))
        with self.assertRaises(grpc.RpcError) as caught:
            self.admin.server.Status(admin_pb.StatusRequest(), timeout=10)
        self.assertEqual(caught.exception.code(), Code.UNAUTHENTICATED)

    def test_two_different_credentials_in_one_request_are_refused(self):
        answer = self.server.get("other", token=self.token().secret, headers={"x-coffer-token": self.token().secret})
        self.assertStatus(answer, 401, "UNAUTHENTICATED")

    def test_bearer_is_matched_without_regard_to_case(self):
        token = self.token().secret
        self.assertEqual(self.server.get("other", token=None, headers={"authorization": "bearer " + token}).status, 200)
        self.assertStatus(self.server.get("other", token=None, headers={"authorization": "Basic " + token}), 401, "UNAUTHENTICATED")


class Restart(ServerCase):
    def test_revocation_survives_a_restart(self):
        self.server.put("other", "secret")
        with Admin(self.server) as admin:
            made, kept = admin.create_token("default"), admin.create_token("default")
            admin.revoke("default", made.token.id)
        self.server.kill()
        self.server.start()
        self.assertStatus(self.server.get("other", token=made.secret), 401, "UNAUTHENTICATED")
        self.assertEqual(self.server.get("other", token=kept.secret).status, 200)


if __name__ == "__main__":
    unittest.main()
