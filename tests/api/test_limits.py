#!/usr/bin/env python3
"""Bad input over REST: wrong types, missing fields, limits, broken UTF-8, deep and huge JSON, wrong paths and methods.
Each gets the native API's error and changes nothing."""

import base64
import unittest

from harness import ServerCase


class Refusals(ServerCase):
    def refuse(self, answer, statuses=(400,)):
        self.assertIn(answer.status, statuses, answer)
        self.assertTrue(answer.error["code"] and answer.error["message"], answer)
        return answer

    def put_raw(self, name, body, **more):
        return self.server.request("PUT", self.server.path(name, space="bad"), body, **more)

    def assert_nothing_stored(self):
        listed = self.server.request("GET", "/v1/tenants/default/spaces/bad/secrets")
        self.assertEqual(listed.json.get("secrets", []), [])

    def tearDown(self):
        self.assert_nothing_stored()

    def test_broken_json(self):
        for body in ("", "{", "[]", "null", "1", '"x"', "{'value':'x'}", '{"value":"x"} trailing', '{"value":}', '{"value":"x",}',
                     '{"value":"\\ud800"}', '{"value":"a\nb"}', "{}"):
            self.refuse(self.put_raw("n", body))

    def test_wrong_types_and_unknown_fields(self):
        for body in ({"value": 1}, {"value": {}}, {"value": None, "data": None}, {"data": "x"}, {"data": {"k": 1}}, {"data": []},
                     {"value_base64": "***"}, {"value_base64": 5}, {"value": "x", "cas": "many"}, {"value": "x", "cas": -1},
                     {"value": "x", "cas": 1.5}, {"value": "x", "cas": 2 ** 70}, {"value": "x", "tags": []}, {"value": "x", "tags": {"a": 1}},
                     {"value": "x", "expires_at": "tomorrow"}, {"value": "x", "expires_at": 5}, {"value": "x", "nonsense": 1},
                     {"value": "x", "data": {"a": "b"}}, {"value": "x", "value_base64": "eA=="}, {"tags": {"a": "b"}}):
            self.refuse(self.put_raw("n", body))

    def test_the_same_field_twice(self):
        self.refuse(self.put_raw("n", '{"value":"a","value":"b"}'))

    def test_deep_json(self):
        for depth in (40, 1000, 100000):
            self.refuse(self.put_raw("n", '{"value":' + "[" * depth + "]" * depth + "}"))
        self.refuse(self.put_raw("n", '{"a":' * 5000 + "1" + "}" * 5000))

    def test_broken_utf8(self):
        for broken in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
            self.refuse(self.put_raw("n", b'{"value":"' + broken + b'"}'))
            self.refuse(self.put_raw("n", b'{"value":"x","tags":{"' + broken + b'":"v"}}'))
            encoded = "".join(f"%{b:02x}" for b in broken)
            self.refuse(self.server.request("PUT", "/v1/tenants/default/spaces/bad/secrets/" + encoded, {"value": "x"}))

    def test_names(self):
        self.refuse(self.server.put("x" * 513, "v", space="bad"))
        for name in ("a\nb", "\0", "a\x7f", "\x1f"):
            self.refuse(self.server.put(name, "v", space="bad"))
        self.refuse(self.server.request("PUT", "/v1/tenants/default/spaces/bad/secrets/", {"value": "v"}), (400, 404, 405))
        self.refuse(self.server.request("PUT", "/v1/tenants/default/spaces/bad/secrets/%zz", {"value": "v"}))
        self.refuse(self.server.request("PUT", "/v1/tenants/default/spaces/bad/secrets/a%2", {"value": "v"}))
        self.assertEqual(self.server.put("y" * 512, "v", space="longest").status, 200)
        self.assertEqual(self.server.get("y" * 512, space="longest").json["value"], "v")

    def test_spaces_and_tenants(self):
        for space in ("Upper", "a b", "a/b", "-x", "x" * 65, "ü"):
            self.refuse(self.server.put("n", "v", space=space))
        for tenant in ("Upper", "a b", "a/b", "-x", "x" * 64, "ü", "."):
            self.refuse(self.server.put("n", "v", tenant=tenant))

    def test_payload_limit(self):
        self.refuse(self.put_raw("n", {"value": "x" * ((1 << 20) + 1)}), (400, 413))
        self.refuse(self.put_raw("n", {"value_base64": base64.b64encode(b"x" * ((1 << 20) + 1)).decode()}), (400, 413))
        self.refuse(self.put_raw("n", {"data": {"a": "x" * (1 << 19), "b": "x" * ((1 << 19) + 1)}}), (400, 413))
        self.assertEqual(self.server.put("full", "x" * (1 << 20), space="longest").status, 200)
        self.assertEqual(len(self.server.get("full", space="longest").json["value"]), 1 << 20)

    def test_tags_and_description_limits(self):
        for tags in ({f"t{i}": "" for i in range(65)}, {"k" * 129: "v"}, {"k": "v" * 513}, {"": "v"}):
            self.refuse(self.put_raw("n", {"value": "x", "tags": tags}))
        self.refuse(self.put_raw("n", {"value": "x", "description": "d" * 5000}))
        self.assertEqual(self.server.put("tags", {"value": "x", "tags": {f"{i:0128}": "v" * 512 for i in range(64)}}, space="longest").status, 200)

    def test_request_id_limit(self):
        self.refuse(self.put_raw("n", {"value": "x", "request_id": "r" * 129}))

    def test_huge_bodies_are_refused_before_they_are_read_whole(self):
        answer = self.server.raw(b"PUT " + self.server.path("n", space="bad").encode() + b" HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " +
                                 self.server.token().encode() + b"\r\ncontent-length: 99999999999\r\n\r\n{")
        self.assertRegex(answer, rb"^HTTP/1.1 (400|413) ")

    def test_unknown_paths_and_methods(self):
        self.refuse(self.server.request("GET", "/v1/nothing"), (404,))
        self.refuse(self.server.request("POST", self.server.path("n") + ":explode", {}), (404, 405))
        self.refuse(self.server.request("POST", self.server.path("n", space="bad"), {"value": "x"}), (404, 405))
        self.assertGreaterEqual(self.server.request("GET", "/etc/passwd").status, 400)
        self.assertGreaterEqual(self.server.request("GET", "/v1/../../etc/passwd").status, 400)

    def test_other_content_types_are_no_json(self):
        answer = self.put_raw("n", "value=x", headers={"content-type": "application/x-www-form-urlencoded"})
        self.refuse(answer, (400, 415))

    def test_unknown_query_parameters_are_refused(self):
        self.refuse(self.server.get("n", space="bad", query="?verison=1"))

    def test_a_value_never_stands_in_an_error(self):
        canary = "canary-in-error-9f2"
        for body in ({"value": canary, "cas": 7}, {"value": canary, "nonsense": canary}, '{"value":"' + canary + '"',
                     {"value": canary, "data": {canary: canary}}, {"value": [canary]}, {"value_base64": canary + "*"}):
            answer = self.put_raw("n", body)
            self.assertGreaterEqual(answer.status, 400)
            self.assertNotIn(canary.encode(), answer.body, body)


if __name__ == "__main__":
    unittest.main()
