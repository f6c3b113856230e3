#!/usr/bin/env python3
"""Dapr's secrets API over HTTP: the contract's table of answers under both settings of dapr.statuses, scopes, versions,
escapes in the path, health and metadata."""

import json
import unittest

from harness import ServerCase, quote

STORES = """
[[dapr.store]]
name = "single"
tenant = "default"
space = "kv"

[[dapr.store]]
name = "multi"
tenant = "default"
space = "kv"
multiple_values = true

[[dapr.store]]
name = "allow-list"
tenant = "default"
space = "kv"
allowed_secrets = ["open"]
denied_secrets = ["open", "closed"]

[[dapr.store]]
name = "deny-list"
tenant = "default"
space = "kv"
denied_secrets = ["closed"]

[[dapr.store]]
name = "deny-all"
tenant = "default"
space = "kv"
default_access = "deny"
"""


class DaprCase(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for name, body in (("open", "o"), ("closed", "c"), ("map", {"data": {"user": "u", "pass": "p<&>w"}}),
                           ("bin", {"value_base64": "/wBi"}), ("bulk", "a secret called bulk"), ("slash/ed", "s"), ("plus+space ", "p")):
            cls.server.put(name, body)
        cls.server.put("versions", "1")
        cls.server.put("versions", "2")

    def dapr(self, path, method="GET", **more):
        more.setdefault("token", None)
        return self.server.request(method, "/v1.0/" + path, **more)

    def secret(self, store, key, query="", **more):
        return self.dapr(f"secrets/{quote(store)}/{quote(key)}{query}", **more)

    def failed(self, answer, status, code, message=None):
        self.assertEqual(answer.status, status, answer)
        self.assertEqual(set(answer.json), {"errorCode", "message"})
        self.assertEqual(answer.json["errorCode"], code)
        if message is not None:
            self.assertEqual(answer.json["message"], message)
        self.assertFalse(answer.body.endswith(b"\n"))


class ReferenceStatuses(DaprCase):
    config = STORES

    def test_a_single_value_is_under_its_name(self):
        answer = self.secret("single", "open")
        self.assertEqual((answer.status, answer.body), (200, b'{"open":"o"}\n'))
        self.assertTrue(answer.headers["content-type"].startswith("application/json"))

    def test_a_multi_value_store_shows_the_map_and_escapes_as_go_does(self):
        self.assertEqual(self.secret("multi", "map").body, b'{"pass":"p\\u003c\\u0026\\u003ew","user":"u"}\n')

    def test_a_single_value_store_shows_a_map_as_one_string(self):
        self.assertEqual(json.loads(self.secret("single", "map").json["map"]), {"user": "u", "pass": "p<&>w"})

    def test_bytes_that_are_no_text_come_as_base64(self):
        self.assertEqual(self.secret("single", "bin").json["bin"], "/wBi")

    def test_bulk_shows_the_whole_store(self):
        answer = self.dapr("secrets/single/bulk")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json["open"], {"open": "o"})
        self.assertEqual(answer.json["versions"], {"versions": "2"})
        self.assertEqual(self.dapr("secrets/multi/bulk").json["map"], {"user": "u", "pass": "p<&>w"})
        self.assertTrue(answer.body.endswith(b"\n"))

    def test_bulk_leaves_out_what_the_scope_denies(self):
        self.assertEqual(self.dapr("secrets/allow-list/bulk").json, {"open": {"open": "o"}})
        self.assertNotIn("closed", self.dapr("secrets/deny-list/bulk").json)
        self.assertEqual(self.dapr("secrets/deny-all/bulk").body, b"{}\n")

    def test_scopes(self):
        self.assertEqual(self.secret("allow-list", "open").status, 200)
        self.assertEqual(self.secret("deny-list", "open").status, 200)
        for store, key in (("allow-list", "closed"), ("allow-list", "map"), ("deny-list", "closed"), ("deny-all", "open"), ("deny-all", "missing")):
            self.failed(self.secret(store, key), 403, "ERR_PERMISSION_DENIED", f'access denied by policy to get "{key}" from "{store}"')

    def test_a_missing_secret_is_204_without_a_body(self):
        answer = self.secret("single", "missing")
        self.assertEqual((answer.status, answer.body), (204, b""))
        self.assertNotIn("content-type", answer.headers)

    def test_a_missing_store_is_400(self):
        self.failed(self.secret("nope", "x"), 400, "ERR_SECRET_STORE_NOT_FOUND", "failed finding secret store with key nope")
        self.failed(self.dapr("secrets/nope/bulk"), 400, "ERR_SECRET_STORE_NOT_FOUND")

    def test_version_id_reads_an_old_version(self):
        self.assertEqual(self.secret("single", "versions", "?metadata.version_id=1").json, {"versions": "1"})
        self.assertEqual(self.secret("single", "versions", "?metadata.version_id=1&metadata.version_id=2&other=x").json, {"versions": "1"})
        self.assertEqual(self.secret("single", "versions", "?metadata.version_id=0").json, {"versions": "2"})
        self.assertIn(self.secret("single", "versions", "?metadata.version_id=9").status, (204, 500))
        self.assertGreaterEqual(self.secret("single", "versions", "?metadata.version_id=x").status, 400)

    def test_escapes(self):
        self.assertEqual(self.secret("single", "slash/ed").json, {"slash/ed": "s"})
        self.assertEqual(self.secret("single", "plus+space ").json, {"plus+space ": "p"})
        self.assertEqual(self.dapr("secrets/single/plus%2Bspace+").json, {"plus+space ": "p"})
        self.assertEqual(self.dapr("secrets/single/%62ulk").json, {"bulk": "a secret called bulk"})
        self.assertEqual(self.dapr("/secrets//single/./x/../open/").json, {"open": "o"})
        bad = self.dapr("secrets/single/%zz")
        self.assertEqual(bad.status, 400)
        self.assertTrue(bad.body.startswith(b"failed to unescape request parameter"), bad)
        self.failed(self.dapr("secrets/single/slash/ed"), 404, "ERR_DIRECT_INVOKE")

    def test_unknown_routes_and_methods(self):
        for method, path in (("GET", "invoke/app/method/x"), ("POST", "secrets/single/open"), ("GET", "secrets/single"), ("GET", "state/s/k")):
            self.failed(self.dapr(path, method), 404, "ERR_DIRECT_INVOKE")

    def test_a_body_on_get_must_be_json(self):
        self.assertEqual(self.secret("single", "open", body="{}").status, 200)
        self.failed(self.secret("single", "open", body="{x"), 400, "ERR_MALFORMED_REQUEST")

    def test_health_and_metadata(self):
        for path in ("healthz", "healthz/outbound"):
            answer = self.dapr(path)
            self.assertEqual((answer.status, answer.body), (204, b""))
        answer = self.dapr("metadata")
        self.assertEqual(answer.status, 200)
        components = {c["name"]: c for c in answer.json["components"]}
        self.assertIn("single", components)
        self.assertIn("MULTIPLE_KEY_VALUES_PER_SECRET", components["multi"].get("capabilities", []))

    def test_stores_of_dev_exist(self):
        self.assertEqual(self.secret("coffer", "open").json, {"open": "o"})

    def test_a_wrong_token_is_401_in_text_but_health_is_exempt(self):
        wrong = {"dapr-api-token": "wrong"}
        for path in ("secrets/single/open", "secrets/single/bulk", "metadata", "no/such/path"):
            answer = self.dapr(path, headers=wrong)
            self.assertEqual((answer.status, answer.body), (401, b"invalid api token\n"), path)
            self.assertEqual(answer.headers["content-type"], "text/plain; charset=utf-8")
        for path in ("healthz", "healthz/outbound"):
            self.assertEqual(self.dapr(path, headers=wrong).status, 204)

    def test_a_foreign_authorization_header_is_not_daprs(self):
        self.assertEqual(self.secret("single", "open", headers={"authorization": "Basic eDp5"}).status, 200)


class RuntimeStatuses(DaprCase):
    config = "[dapr]\nstatuses = \"runtime\"\n" + STORES

    def test_a_missing_secret_is_500(self):
        answer = self.secret("single", "missing")
        self.failed(answer, 500, "ERR_SECRET_GET")
        self.assertTrue(answer.json["message"].startswith("failed getting secret with key missing from secret store single: "), answer)

    def test_a_missing_store_is_401(self):
        self.failed(self.secret("nope", "x"), 401, "ERR_SECRET_STORE_NOT_FOUND", "failed finding secret store with key nope")

    def test_what_both_have_in_common(self):
        self.assertEqual(self.secret("single", "open").body, b'{"open":"o"}\n')
        self.failed(self.secret("deny-all", "open"), 403, "ERR_PERMISSION_DENIED")


if __name__ == "__main__":
    unittest.main()
