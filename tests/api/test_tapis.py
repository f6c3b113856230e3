#!/usr/bin/env python3
"""The Tapis door of a real process: the life of a secret, its flags, scopes and limits, who may do what, tenants that
never meet, and the OpenAPI document, against which every answer of this suite is held."""

import itertools
import json
import shutil
import tempfile
import unittest
from pathlib import Path

from harness import quote
from jwt_maker import Signer
from tapis_case import DOCUMENTS, NUMBERS, RUN, SECRETS, SEEN, TapisCase

ISS = "https://acme.tapis.example/v3/tokens"
BODIES = {"create_secret": {"secret_id": "of-nobody", "secret_value": "x"}, "update_secret": {}, "render_secrets": {},
          "set_secret_permission": {"user": "bob", "level": "READ"}}
# Statuses that the document has and this suite cannot bring about, each with the reason.
UNREACHABLE = {"default": "the server could not answer: no leader, overload, a full disk, a quota; test_quotas, test_limits and tests/cluster have those"}


def tearDownModule():
    """Every status that is documented was seen. A run of some classes has not seen all, and is not held to it."""
    if RUN != {one.__name__ for one in globals().values() if isinstance(one, type) and issubclass(one, TapisCase)} - {TapisCase.__name__}:
        return
    for operations in DOCUMENTS[0]["paths"].values():
        for operation in operations.values():
            if isinstance(operation, list):  # the path's parameters
                continue
            name = operation["operationId"]
            if name == "get_openapi":  # every client has read it
                continue
            unseen = set(operation["responses"]) - {str(status) for status in SEEN.get(name, ())} - set(UNREACHABLE)
            assert not unseen, f"{name} documents {sorted(unseen)}, which no test has seen"


class Life(TapisCase):
    config = '[[dapr.store]]\nname = "pods"\ntenant = "pods-tenant"\nspace = "tapis"\n'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.admin("tenants", "create", "pods-tenant")
        cls.server.admin("tenants", "open-door", "pods-tenant", "tapis", "dev")

    def test_the_whole_life_of_a_secret(self):
        self.assertIsInstance(self.expect(200, "GET"), list)
        made = self.expect(200, "POST", "", {"secret_id": "db_pass-1", "secret_value": "s3cr3t-one", "description": "of the db", "scope": "user",
                                             "readable": True, "writable": True})
        self.assertEqual({k: made[k] for k in ("secret_id", "description", "scope", "pod_id", "readable", "writable", "added_by", "sk_secret_name")},
                         {"secret_id": "db_pass-1", "description": "of the db", "scope": "user", "pod_id": None, "readable": True, "writable": True,
                          "added_by": "alice", "sk_secret_name": "pods_dev_user+alice+db_pass-1"})
        self.assertRegex(made["creation_ts"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$")
        minimal = self.create()
        self.assertLessEqual({"db_pass-1", minimal}, {s["secret_id"] for s in self.expect(200, "GET")})
        self.assertEqual(self.expect(200, "GET", "/db_pass-1"), made)
        self.assertEqual(self.value("db_pass-1"), "s3cr3t-one")
        self.assertEqual(self.expect(200, "PUT", "/db_pass-1", {"description": "new words"})["description"], "new words")
        self.assertEqual(self.value("db_pass-1"), "s3cr3t-one")
        self.expect(200, "PUT", "/db_pass-1", {"secret_value": "two é"})
        self.assertEqual(self.value("db_pass-1"), "two é")
        both = self.expect(200, "PUT", "/db_pass-1", {"secret_value": "", "description": ""})
        self.assertEqual((both["description"], both["creation_ts"]), ("", made["creation_ts"]))
        self.assertEqual(self.value("db_pass-1"), "")
        for nothing in ({}, {"description": None, "secret_value": None}):
            self.assertEqual(self.expect(200, "PUT", "/db_pass-1", nothing), both)
        self.assertEqual(self.expect(200, "DELETE", "/db_pass-1"), "db_pass-1")
        for method, path, body in (("GET", "/db_pass-1", None), ("GET", "/db_pass-1/value", None), ("PUT", "/db_pass-1", {"secret_value": "x"}),
                                   ("PUT", "/db_pass-1", {"description": "x"}), ("PUT", "/db_pass-1", {}), ("DELETE", "/db_pass-1", None),
                                   ("GET", "/db_pass-1/permissions", None), ("GET", "/never-made", None), ("DELETE", "/never-made", None)):
            self.expect(404, method, path, body, ["not found"])
            self.expect(404, method, path, body, ["not found"], user="mallory")
        self.assertNotIn("db_pass-1", [s["secret_id"] for s in self.expect(200, "GET")])

    def test_a_name_is_free_at_once_and_the_new_secret_has_nothing_of_the_old(self):
        old = self.create(description="old", readable=False, writable=False, scope="pod", pod_id="p1")
        self.expect(200, "POST", f"/{old}/permissions", {"user": "carol", "level": "ADMIN"})
        self.expect(200, "DELETE", f"/{old}")
        self.create(secret_id=old)
        new = self.expect(200, "GET", f"/{old}")
        self.assertEqual((new["description"], new["readable"], new["writable"], new["pod_id"]), ("", True, True, None))
        self.expect(403, "GET", f"/{old}", user="carol")
        self.expect(200, "DELETE", f"/{old}")
        self.create(user="bob", secret_id=old, secret_value="bob's")
        self.expect(403, "GET", f"/{old}/value")
        self.assertEqual(self.value(old, user="bob"), "bob's")

    def test_a_name_is_taken_whoever_has_it(self):
        taken = self.create()
        for user in ("alice", "bob"):
            self.expect(409, "POST", "", {"secret_id": taken, "secret_value": "x"}, ["already exists", "put"], user=user)
        self.assertEqual(self.value(taken), "the value")

    def test_flags(self):
        for readable, writable in itertools.product((True, False), repeat=2):
            with self.subTest(readable=readable, writable=writable):
                name = self.create(readable=readable, writable=writable, secret_value="v1")
                shown = self.expect(200, "GET", f"/{name}")
                self.assertEqual((shown["readable"], shown["writable"]), (readable, writable))
                denied = ["readable=false", "secret_map"]
                if readable:
                    self.assertEqual(self.value(name), "v1")
                else:
                    self.expect(403, "GET", f"/{name}/value", words=denied)
                both = {"secret_value": "v2", "description": "of v2"}
                if writable:
                    self.expect(200, "PUT", f"/{name}", both)
                else:
                    self.expect(403, "PUT", f"/{name}", both, ["writable=false", "write-once"])
                    self.assertEqual(self.expect(200, "GET", f"/{name}")["description"], "")
                self.assertEqual(self.expect(200, "PUT", f"/{name}", {"description": "d"})["description"], "d")
                self.expect(409, "POST", "", {"secret_id": name, "secret_value": "v3"}, ["already exists", "put"])
                if readable:
                    self.assertEqual(self.value(name), "v2" if writable else "v1")
                self.expect(200, "DELETE", f"/{name}")

    def test_what_may_not_be_read_is_not_read_by_making_the_secret_anew(self):
        """Soft deletion, a new secret of the name that may be read, and an undelete: each through the native door."""
        name = self.create(readable=False)
        self.expect(200, "POST", f"/{name}/permissions", {"user": "bob", "level": "USER"})
        self.expect(200, "PUT", f"/{name}", {"secret_value": "bob's own"}, user="bob")
        before = self.expect(200, "GET", f"/{name}")["creation_ts"]
        path = self.server.path(name, self.tenant_of("dev"), "tapis")
        native = lambda method, more="", body=None: self.server.request(method, path + more, body)
        self.assertEqual(native("GET", "?version=2").status, 403)
        # The newest version only: the first one is active all the while.
        self.assertEqual(native("DELETE", "?versions=2").status, 200)
        self.create(secret_id=name, secret_value="new")
        for version in (1, 2):
            self.assertNotEqual(native("GET", f"?version={version}").status, 200, version)
            undeleted = native("POST", ":undelete", {"versions": [version]})
            self.assertNotEqual(undeleted.status, 200, undeleted)
            self.assertIn(b"destroyed", undeleted.body)
            answer = native("GET", f"?version={version}")
            self.assertNotEqual(answer.status, 200, answer)
        self.assertEqual(self.value(name), "new")
        self.assertGreater(self.expect(200, "GET", f"/{name}")["creation_ts"], before)
        self.assertEqual(self.expect(200, "GET", f"/{name}/permissions"), {"permissions": ["alice:ADMIN"]})

    def test_what_may_not_be_read_is_read_through_no_other_door(self):
        name = self.create(readable=False, secret_value="only-for-pods")
        path = self.server.path(name, self.tenant_of("dev"), "tapis")
        for query in ("", "?version=1"):
            answer = self.server.request("GET", path + query)
            self.assertEqual(answer.status, 403, answer)
        tenant = "/v1/tenants/" + quote(self.tenant_of("dev"))
        batch = self.server.request("POST", tenant + ":batchGet", {"secrets": [{"space": "tapis", "name": name}]})
        render = self.server.request("POST", tenant + "/spaces/tapis:render", {"secret_map": {"A": "${secret:%s}" % name}, "environment_variables": {"E": "${pods:secrets:A}"}})
        self.assertEqual((batch.status, render.json["environment_variables"]), (200, {"E": "<<write-only>>"}))
        answers = [batch, render, self.server.request("GET", path + ":history"), self.server.request("GET", path.rsplit("/", 1)[0]),
                   self.server.request("GET", "/v1.0/secrets/pods/" + name, token=None), self.server.request("GET", "/v1.0/secrets/pods/bulk", token=None),
                   self.server.request("GET", "/v1.0/secrets/pods/" + self.create(), token=None)]
        for answer in answers:
            self.assertNotIn(b"only-for-pods", answer.body)
        self.assertEqual([a.status for a in answers[2:4]], [200, 200])
        self.assertEqual(answers[6].status, 200, "that store does open the space")

    def test_versions_stay_available_through_the_native_door(self):
        name = self.create(secret_value="v1")
        self.expect(200, "PUT", f"/{name}", {"secret_value": "v2"})
        path = self.server.path(name, self.tenant_of("dev"), "tapis")
        self.assertEqual([self.server.request("GET", f"{path}?version={v}").json["value"] for v in (1, 2)], ["v1", "v2"])
        self.assertEqual([v["version"] for v in self.server.request("GET", path + ":history").json["versions"]], [2, 1])

    def test_both_prefixes_are_one_door(self):
        name = self.create()
        for prefix in ("", "/v3"):
            self.assertEqual(self.call("GET", f"/{name}", prefix=prefix).status, 200)
        self.assertEqual(self.client.call("GET", f"/pods//secrets///{name}", token=self.token(), prefix="").status, 200)


class Bad(TapisCase):
    def refused(self, words=(), **fields):
        secret = {"secret_id": f"bad-{next(NUMBERS)}", "secret_value": "x", **fields}
        secret = {k: v for k, v in secret.items() if v is not ...}
        before = self.expect(200, "GET")
        self.expect(400, "POST", "", secret, words)
        self.assertEqual(self.expect(200, "GET"), before)

    def test_names(self):
        for name in ("with spaces", "a.b", "invalid@name!", "", "_-_", "é", "²"):
            self.refused(["alphanumeric"], secret_id=name)
        self.refused(["110"], secret_id="a" * 111)
        self.create(secret_id="a" * 110)
        self.create(secret_id="_with_under-scores-")

    def test_scopes(self):
        for fields in ({"scope": "pod"}, {"scope": "pod", "pod_id": ""}, {"scope": "pod", "pod_id": None}, {"pod_id": "p1"},
                       {"scope": "user", "pod_id": "p1"}):
            self.refused(["pod_id"], **fields)
        self.refused(["scope"], scope="tenant")
        name = self.create(scope="pod", pod_id="p1")
        shown = self.expect(200, "GET", f"/{name}")
        self.assertEqual((shown["scope"], shown["pod_id"], shown["sk_secret_name"]), ("pod", "p1", f"pods_dev_pod+p1+{name}"))

    def test_descriptions(self):
        self.refused(["ascii"], description="naïve")
        self.refused(["500"], description="d" * 501)
        self.refused(["string"], description=None)
        name = self.create(description="d" * 500)
        # Nothing of an update is applied when a part of it is wrong.
        for wrong in ("ü", "d" * 501):
            self.expect(400, "PUT", f"/{name}", {"secret_value": "new", "description": wrong})
        self.assertEqual(self.value(name), "the value")

    def test_types_and_fields(self):
        self.refused(["secret_value", "required"], secret_value=...)
        self.refused(["secret_id", "required"], secret_id=...)
        self.refused(["foo", "extra"], foo=1)
        for field in ("secret_id", "secret_value", "scope", "description"):
            for value in (1, True, [], {}, None):
                self.refused([field, "string"], **{field: value})
        for field in ("readable", "writable"):
            for value in (2, "2", None, "maybe", []):
                self.refused([field, "boolean"], **{field: value})
        for yes, no in ((1, 0), ("true", "false"), ("yes", "no"), ("On", "OFF")):
            shown = self.expect(200, "GET", "/" + self.create(readable=yes, writable=no))
            self.assertEqual((shown["readable"], shown["writable"]), (True, False))
        name = self.create()
        for fixed in ("readable", "writable", "scope", "pod_id", "secret_id"):
            self.expect(400, "PUT", f"/{name}", {fixed: None}, [fixed, "extra"])

    def test_bodies(self):
        for body in ("", "{", "[]", "1", "null", '"text"', "{}x", '{"a":"\\ud800"}', b"\xff".decode("latin1"), "[" * 100):
            message = self.expect(400, "POST", "", body, ["body"], headers={"content-type": "application/json"})
            self.assertNotIn("traceback", message)
        secret = '{"secret_id":"no-content-type","secret_value":"x"}'
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            self.expect(400, "POST", "", secret, ["content-type"], headers={"content-type": kind})
        self.expect(200, "POST", "", secret)

    def test_a_value_of_a_mebibyte_passes_and_a_larger_one_is_refused(self):
        name = self.create(secret_value="v" * (1 << 20))
        self.assertEqual(len(self.value(name)), 1 << 20)
        self.refused([], secret_value="v" * ((1 << 20) + 1))

    def test_what_is_not_served_is_said_in_the_envelope(self):
        for method, path in (("PATCH", "/x"), ("PUT", ""), ("POST", "/x/value"), ("GET", "/x/y/z")):
            answer = self.call(method, path)
            self.assertIn(answer.status, (404, 405), answer)


class Rights(TapisCase):
    def test_strangers_have_no_way_in(self):
        name = self.create()
        for token in (None, "x", "a.b.c", self.token()[:-8] + "AAAAAAAA"):
            answer = self.client.call("GET", f"{SECRETS}/{name}/value", token=token)
            self.assertEqual(answer.status, 401, answer)

    def test_a_users_token_comes_alone_and_a_services_with_both_headers(self):
        service = self.token("pods", "dev", "--service")
        both = {"x-tapis-tenant": "dev", "x-tapis-user": "alice"}
        for headers in ({}, {"x-tapis-tenant": "dev"}, {"x-tapis-user": "alice"}):
            self.expect(401, "GET", token=service, headers=headers)
        for headers in (both, {"x-tapis-tenant": "dev"}, {"x-tapis-user": "alice"}):
            self.expect(401, "GET", headers=headers)
        self.expect(403, "GET", token=service, headers={**both, "x-tapis-tenant": "other"})
        made = self.expect(200, "POST", "", {"secret_id": "of-a-service", "secret_value": "x"}, token=service, headers=both)
        self.assertEqual(made["added_by"], "pods")
        # A user of the service's name is somebody else.
        self.expect(403, "GET", "/of-a-service", user="pods")

    def test_levels(self):
        name = self.create()
        reads = [("GET", "", None)]
        uses = [("GET", "/value", None), ("GET", "/permissions", None), ("PUT", "", {"description": "b"}), ("PUT", "", {"secret_value": "the value"}), ("PUT", "", {})]
        rules = [("POST", "/permissions", {"user": "dora", "level": "READ"}), ("DELETE", "/permissions/dora", None)]
        for level, allowed in ((None, 0), ("READ", 1), ("USER", 2), ("ADMIN", 3), ("READ", 1)):
            if level:
                listed = self.expect(200, "POST", f"/{name}/permissions", {"user": "bob", "level": level})
                self.assertEqual(listed, {"permissions": ["alice:ADMIN", f"bob:{level}"]})
            for rank, calls in enumerate((reads, uses, rules)):
                for method, path, body in calls:
                    self.expect(200 if rank < allowed else 403, method, f"/{name}{path}", body, user="bob")
            self.assertEqual(name in [s["secret_id"] for s in self.expect(200, "GET", user="bob")], allowed > 0)
        self.expect(403, "DELETE", f"/{name}", user="bob")
        self.assertEqual(self.expect(200, "DELETE", f"/{name}/permissions/bob"), {"permissions": ["alice:ADMIN"]})
        self.expect(403, "GET", f"/{name}", user="bob")
        self.expect(200, "POST", f"/{name}/permissions", {"user": "bob", "level": "ADMIN"})
        self.expect(200, "DELETE", f"/{name}", user="bob")

    def test_a_pattern_is_no_user(self):
        name = self.create()
        for user in ("*", "b*", "", "a:b", "x\n", "service:", "service:*", "role:x"):
            self.expect(400, "POST", f"/{name}/permissions", {"user": user, "level": "READ"}, ["user"])
        self.expect(400, "DELETE", f"/{name}/permissions/{quote('b*')}", words=["user"])
        for level in ("NONE", "read", "", "APPROVEDADMIN"):
            self.expect(400, "POST", f"/{name}/permissions", {"user": "bob", "level": level}, ["level"])
        self.expect(400, "POST", f"/{name}/permissions", {"user": "bob"}, ["level", "required"])
        self.expect(403, "GET", f"/{name}", user="bob")

    def test_pods_admin_counts_with_its_header_only(self):
        name, locked = self.create(), self.create(readable=False, writable=False)
        admin = {"token": self.token("root", "dev", "--role", "pods_admin")}
        asking = {**admin, "headers": {"x-pods-admin": "true"}}
        self.expect(403, "GET", f"/{name}", **admin)
        self.expect(403, "GET", f"/{name}", headers={"x-pods-admin": "true"})
        self.assertEqual(self.value(name, **asking), "the value")
        self.expect(403, "GET", f"/{locked}/value", words=["readable=false"], **asking)
        self.expect(403, "PUT", f"/{locked}", {"secret_value": "x"}, ["writable=false"], **asking)
        own = self.expect(200, "POST", "", {"secret_id": "of-root", "secret_value": "x"}, **asking)
        everything = self.call("GET", **asking)
        self.assertLessEqual({name, locked, own["secret_id"]}, {s["secret_id"] for s in everything.json["result"]})
        context = everything.json["metadata"]["admin_context"]
        self.assertEqual((context["admin_mode"], context["user_accessible_ids"]), (True, ["of-root"]))
        self.expect(200, "DELETE", f"/{name}", **asking)

    def test_the_same_names_in_two_tenants_never_meet(self):
        """alice and her secret, in both: the tokens of the one on every operation of the other."""
        signer_folder = Path(tempfile.mkdtemp(prefix="coffer-tapis-"))
        self.addCleanup(shutil.rmtree, signer_folder)
        tokens = {}
        for tenant in ("one", "two"):
            self.server.admin("tenants", "create", tenant)
            self.server.admin("tenants", "open-door", tenant, "tapis", f"tacc-{tenant}")
            signer = Signer(signer_folder, tenant)
            self.server.admin("issuers", "put", tenant, "--tenant", tenant, "--iss", ISS, "--public-key", signer.public, "--mapping", "tapis",
                              "--algorithm", "RS256")
            claims = {"iss": ISS, "tapis/username": "alice", "tapis/account_type": "user", "tapis/token_type": "access"}
            tokens[tenant] = signer.token(**claims, **{"tapis/tenant_id": f"tacc-{tenant}"})
            tokens["forged " + tenant] = signer.token(**claims, **{"tapis/tenant_id": "tacc-two" if tenant == "one" else "tacc-one"})
        for tenant in ("one", "two"):
            made = self.expect(200, "POST", "", {"secret_id": "same", "secret_value": "of " + tenant}, token=tokens[tenant])
            self.assertEqual((made["added_by"], made["sk_secret_name"]), ("alice", f"pods_tacc-{tenant}_user+alice+same"))
            self.expect(200, "POST", "/same/permissions", {"user": "bob", "level": "ADMIN"}, token=tokens[tenant])
        self.expect(200, "POST", "", {"secret_id": "only-one", "secret_value": "x"}, token=tokens["one"])
        self.assertEqual([s["secret_id"] for s in self.expect(200, "GET", token=tokens["two"])], ["same"])
        self.expect(404, "GET", "/only-one/value", token=tokens["two"])
        for method, path, body in (("GET", "", None), ("POST", "", {"secret_id": "new", "secret_value": "x"}), ("GET", "/same", None),
                                   ("GET", "/same/value", None), ("PUT", "/same", {"secret_value": "stolen"}), ("DELETE", "/same", None),
                                   ("GET", "/same/permissions", None), ("POST", "/same/permissions", {"user": "eve", "level": "READ"}),
                                   ("DELETE", "/same/permissions/bob", None)):
            for forged in ("forged one", "forged two"):
                self.expect(401, method, path, body, token=tokens[forged])
        for tenant in ("one", "two"):
            self.assertEqual(self.value("same", token=tokens[tenant]), "of " + tenant)
            self.assertEqual(self.expect(200, "GET", "/same/permissions", token=tokens[tenant])["permissions"], ["alice:ADMIN", "bob:ADMIN"])
        self.expect(200, "DELETE", "/same", token=tokens["two"])
        self.assertEqual(self.value("same", token=tokens["one"]), "of one")


class Pods(TapisCase):
    def test_a_pods_secrets_go_with_it(self):
        pod = lambda user, pod_id: self.create(user=user, scope="pod", pod_id=pod_id)
        mine, locked, other_pod, of_bob, plain = (pod("alice", "web"), self.create(scope="pod", pod_id="web", readable=False, writable=False),
                                                  pod("alice", "db"), pod("bob", "web"), self.create())
        self.expect(200, "POST", f"/{of_bob}/permissions", {"user": "alice", "level": "ADMIN"}, user="bob")
        self.assertEqual(sorted(self.expect(200, "DELETE", "?pod_id=web")), sorted([mine, locked]))
        self.assertEqual(self.expect(200, "DELETE", "?pod_id=web"), [])
        for gone in (mine, locked):
            self.expect(404, "GET", f"/{gone}")
        for there, user in ((other_pod, "alice"), (of_bob, "bob"), (plain, "alice")):
            self.assertEqual(self.value(there, user=user), "the value")
        for query in ("", "?pod_id=", "?pod_id=a&pod_id=b", "?pod=web"):
            self.expect(400, "DELETE", query, words=["pod_id"])
        self.assertEqual(self.client.call("DELETE", SECRETS + "?pod_id=web", token="a.b.c").status, 401)
        admin = {"token": self.token("root", "dev", "--role", "pods_admin"), "headers": {"x-pods-admin": "true"}}
        self.assertEqual(self.expect(200, "DELETE", "?pod_id=web", **admin), [of_bob])


class Render(TapisCase):
    """POST /pods/secrets/render."""

    def render(self, status=200, path="/render", user="alice", token=None, headers=None, words=(), **body):
        answer = self.call("POST", path, body, user=user, token=token, headers=headers)
        self.assertEqual(answer.status, status, answer)
        for word in words:
            self.assertIn(word, answer.body.decode())
        return answer.json

    def test_a_pods_fields_are_resolved_in_one_pass(self):
        name = self.create(secret_value="${pods:secrets:PORT}")
        done = self.render(pod_id="web", networking={"default": {"url": "web.pods.tacc.example", "port": 443, "protocol": "https"}},
                           secret_map={"PW": "${secret:%s}" % name, "PORT": "${pods:networking:default:port}", "KEY": "${pods:random:24}",
                                       "MODE": "${pods:default:fast:?how}"},
                           environment_variables={"URL": "https://u:${pods:secrets:PW:?the password}@h:${pods:secrets:PORT}", "N": 3, "H": "${HOME}"},
                           volume_mounts={"/etc/app": {"config_content": "mode=${pods:secrets:MODE}", "type": "tapisvolume"}})
        self.assertEqual(done["result"]["environment_variables"], {"URL": "https://u:${pods:secrets:PORT}@h:443", "N": 3, "H": "${HOME}"})
        self.assertEqual(done["result"]["volume_mounts"], {"/etc/app": {"config_content": "mode=fast"}})
        kept = done["result"]["secret_map"]
        self.assertRegex(kept["KEY"], r"^[A-Za-z0-9!@#$%^&*]{24}$")
        self.assertEqual(self.render(secret_map=kept)["result"]["secret_map"], kept)
        self.assertEqual((done["metadata"]["secrets_resolved"], done["metadata"]["errors"]), (True, []))

    def test_what_is_not_resolved_is_told_and_left(self):
        body = {"secret_map": {"A": "${secret:never-made}", "B": "${:?needed}", "C": "${secret:bob:x}"},
                "environment_variables": {"E": "${pods:secrets:A}", "F": "${pods:secrets:A?why}"}}
        done = self.render(**body)
        self.assertEqual(done["result"]["environment_variables"], body["environment_variables"])
        self.assertEqual(len(done["metadata"]["errors"]), 4)
        unresolved = done["metadata"]["unresolved_patterns"]
        self.assertEqual([p["key"] for p in unresolved["secret_map_unresolved"]], ["A", "B", "C"])
        self.assertEqual(unresolved["env_vars_unresolved"], [{"key": "E", "patterns": [{"pattern": "${pods:secrets:A}", "type": "secret_map_reference"}]}])
        self.assertEqual(unresolved["syntax_warnings"][0]["location"], "environment_variables.F")
        self.render(400, **body, strict=True, words=["Failed to resolve secrets: secret_map.A", "not found", "needed", "bob"])

    def test_a_token_that_is_malformed_is_an_error_and_not_a_value(self):
        for raw in ("${pods:default:http://x}", "${pods:networking:default:ip}", "${pods:random:abc}", "${secret:my.name}", "${stack:web:host}"):
            body = {"secret_map": {"A": raw}, "environment_variables": {"E": "${pods:secrets:A}"}, "networking": {"default": {"url": "u"}}}
            done = self.render(**body)
            self.assertEqual(done["result"]["environment_variables"], {"E": "${pods:secrets:A}"})
            self.assertEqual(done["metadata"]["unresolved_patterns"]["secret_map_unresolved"],
                             [{"key": "A", "patterns": [{"pattern": raw, "type": "unknown"}]}])
            self.render(400, **body, strict=True, words=["Failed to resolve secrets: secret_map.A"])

    def test_nobody_resolves_anothers_secret(self):
        name = self.create(secret_value="alice's own")
        self.expect(200, "POST", f"/{name}/permissions", {"user": "bob", "level": "ADMIN"})
        body = {"secret_map": {"A": "${secret:%s}" % name}, "environment_variables": {"E": "${pods:secrets:A}"}}
        for user in ("bob", "mallory"):
            done = self.render(user=user, **body)
            self.assertNotIn("alice's own", str(done))
            self.assertEqual(len(done["metadata"]["errors"]), 2)

    def test_inject_is_a_right_of_its_own(self):
        name = self.create(secret_value="for pods only", readable=False, writable=False)
        body = {"secret_map": {"A": "${secret:%s}" % name}, "environment_variables": {"E": "${pods:secrets:A}"}}
        self.assertEqual(self.render(**body)["result"]["environment_variables"], {"E": "<<write-only>>"})
        self.render(403, **body, mode="inject")
        self.render(403, **body, mode="inject", token=self.token("root", "dev", "--role", "pods_admin"), headers={"x-pods-admin": "true"})
        service = {"token": self.token("spawner", "dev", "--service"), "headers": {"x-tapis-tenant": "dev", "x-tapis-user": "alice"}}
        self.render(403, **body, mode="inject", **service)
        grant = {"capabilities": ["inject"], "spaces": ["tapis"], "names": ["*"]}
        policy = {"roles": [{"name": "spawner", "grants": [grant]}], "bindings": [{"role": "spawner", "subjects": ["service:spawner"]}]}
        done = self.server.cli("admin", "policy", "apply", "--tenant", self.tenant_of("dev"), "-f", "-", input=json.dumps(policy))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.render(**body, mode="inject", **service)["result"]["environment_variables"], {"E": "for pods only"})
        # Not for whom it does not act, and by no other way.
        other = {**service, "headers": {**service["headers"], "x-tapis-user": "bob"}}
        self.assertNotIn("for pods only", str(self.render(**body, mode="inject", **other)))
        self.assertEqual(self.call("GET", f"/{name}/value", **service).status, 403)
        self.render(403, **body, mode="inject")

    def test_strangers_and_bad_bodies(self):
        self.assertEqual(self.client.call("POST", SECRETS + "/render", {}, token="a.b.c").status, 401)
        for body in ({"secret_map": {"a b": "x"}}, {"secret_map": {"a": 1}}, {"mode": "both"}, {"foo": 1},
                     {"networking": {"default": {"url": 1}}}, {"networking": {"default": {"port": True}}}, {"stack_secrets": {"K": 1}},
                     {"secret_map": {f"k{i}": "" for i in range(501)}}, {"volume_mounts": {"a": {"config_content": "x" * (1 << 20) + "x"}}}):
            self.render(400, **body)
        self.assertEqual(self.expect(200, "POST", "", {"secret_id": "render", "secret_value": "x"})["secret_id"], "render")
        self.assertEqual(self.value("render"), "x")


class Documented(TapisCase):
    """What the document says of every operation."""

    def each_operation(self, secret_id):
        for path, operations in self.client.document["paths"].items():
            for method in {"get", "put", "post", "delete"} & set(operations):
                operation = operations[method]["operationId"]
                if operation == "get_openapi":
                    continue
                query = "?pod_id=of-nobody" if operation == "delete_pod_secrets" else ""
                yield operations[method], method.upper(), path.replace("{secret_id}", secret_id).replace("{user}", "bob") + query, BODIES.get(operation)

    def test_strangers_and_callers_of_another_tenant_get_nowhere(self):
        service = self.token("pods", "dev", "--service")
        for operation, method, path, body in self.each_operation(self.create()):
            answer = self.client.call(method, path, body, token="a.b.c")
            self.assertEqual(answer.status, 401, (operation["operationId"], answer))
            answer = self.client.call(method, path, body, token=service, headers={"x-tapis-tenant": "other", "x-tapis-user": "alice"})
            self.assertEqual(answer.status, 403, (operation["operationId"], answer))

    def test_a_secret_that_is_not_there_is_not_found(self):
        for operation, method, path, body in self.each_operation("never-made-at-all"):
            if "404" in operation["responses"]:
                answer = self.client.call(method, path, body, token=self.token())
                self.assertEqual(answer.status, 404, (operation["operationId"], answer))


class UpstreamStatuses(Documented):
    config = '[tapis]\nauth_status = "400"\n'

    def test_strangers_and_callers_of_another_tenant_get_nowhere(self):
        for operation, method, path, body in self.each_operation("any"):
            answer = self.client.call(method, path, body, token="a.b.c")
            self.assertEqual(answer.status, 400, (operation["operationId"], answer))

    def test_credentials_and_rights_fail_with_400(self):
        name = self.create()
        self.expect(400, "GET", f"/{name}", words=["not authorized"], user="bob")
        for token in (None, "x"):
            self.assertEqual(self.client.call("GET", SECRETS, token=token).status, 400)
        self.expect(404, "GET", "/missing", user="bob")


if __name__ == "__main__":
    unittest.main()
