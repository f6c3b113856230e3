#!/usr/bin/env python3
"""Requests against the Tapis door's OpenAPI document: what the schemas allow is taken, at each of their boundaries, and what they
do not allow is refused, each violation by itself. (That answers are as documented is seen wherever tapis_client is used.)"""

import json
import unittest

from harness import quote
from json_schema import HOSTILE, expand, keywords, validate, values_for, violations
from tapis_case import SECRETS, TapisCase

# Bodies that are taken; every request of a test is one of them with one thing changed.
VALID = {
    "create_secret": [
        {"secret_id": "of-requests", "secret_value": "v", "scope": "user", "pod_id": "", "description": "d", "readable": True, "writable": True},
        {"secret_id": "of-requests", "secret_value": "v", "scope": "pod", "pod_id": "web", "description": "d", "readable": False, "writable": False},
        {"secret_id": "of-requests", "secret_value": "v"}],
    "update_secret": [{"description": "d", "secret_value": "v"}, {}],
    "set_secret_permission": [{"user": "bob", "level": "READ"}],
    "render_secrets": [
        {"secret_map": {"A": "a", "B": "b"}, "environment_variables": {"E": "${pods:secrets:A}"}, "volume_mounts": {"/f": {"config_content": "x"}},
         "networking": {"default": {"url": "u", "port": 443, "protocol": "https"}}, "stack_secrets": {"K": "v"}, "pod_id": "web", "mode": "display",
         "strict": False},
        {}]}
KEPT = "kept-by-the-tests"
# Limits that count bytes, which a schema cannot say: the text of so many characters is allowed, but it has more bytes.
BYTES = {"create_secret": {"secret_value": 1 << 20, "pod_id": 4096}, "update_secret": {"secret_value": 1 << 20}, "set_secret_permission": {"user": 256}}
RENDERED = 4 << 20  # bytes of all rendered values together


def outgrows(name, body):
    """Whether a render of VALID's with one thing changed shows more than it may, which a schema cannot say, either."""
    if name != "render_secrets":
        return False
    values, shown = body.get("secret_map") or {}, body.get("environment_variables") or {}
    texts = [*values.values(), *(str(one).replace("${pods:secrets:A}", str(values.get("A"))) for one in shown.values())]
    return sum(len(str(text).encode()) for text in texts) > RENDERED


def texts_for(schema, document):
    """What fits a request's first line, which has at most 16 KiB with all its headers."""
    return sorted({*HOSTILE, *(one for one in values_for(schema, document, "a") if isinstance(one, str) and len(one) < 5000)})


class Requests(TapisCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.count = 0
        answer = cls.client.call("POST", SECRETS, {"secret_id": KEPT, "secret_value": "v"}, token=cls.token())
        assert answer.status == 200, answer
        grant = {"capabilities": ["inject"], "spaces": ["tapis"], "names": ["*"]}
        policy = {"roles": [{"name": "spawner", "grants": [grant]}], "bindings": [{"role": "spawner", "subjects": ["user:alice"]}]}
        tenant = cls.server.admin("tenants", "list")["tenants"]
        name = next(t["name"] for t in tenant if {"door": "tapis", "external_id": "dev"} in t["doors"])
        done = cls.server.cli("admin", "policy", "apply", "--tenant", name, "-f", "-", input=json.dumps(policy))
        assert done.returncode == 0, done.stderr

    def send(self, method, path, body=None, headers=None):
        """One request, with each prefix in turn."""
        type(self).count += 1
        if body is not None:
            headers = {"content-type": "application/json", **(headers or {})}
        return self.client.call(method, path, body, token=self.token(), prefix=("", "/v3")[self.count % 2], headers=headers)

    def operations(self):
        for path, item in self.client.document["paths"].items():
            for method in {"get", "put", "post", "delete"} & set(item):
                yield item[method]["operationId"], method.upper(), path.replace("{secret_id}", KEPT), item[method]

    def is_taken(self, operation, method, path, body):
        answer = self.send(method, path, json.dumps(body))
        if answer.status == 200:
            self.undo(operation, body)
        self.assertIn(answer.status, (200, 400), (operation, str(body)[:300], answer))
        return answer.status == 200

    def undo(self, operation, body):
        if operation == "create_secret":
            self.assertEqual(self.send("DELETE", f"{SECRETS}/{body['secret_id']}").status, 200)
        elif operation == "set_secret_permission":
            self.assertEqual(self.send("DELETE", f"{SECRETS}/{KEPT}/permissions/{quote(body['user'])}").status, 200)

    def test_bodies_are_taken_exactly_when_the_schema_allows_them(self):
        tried = set()
        for name, method, path, operation in self.operations():
            if "requestBody" not in operation:
                continue
            tried.add(name)
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            alone, taken, sent = set(), 0, set()
            for valid in VALID[name]:
                self.assertFalse(violations(valid, schema, self.client.document))
                for body in [valid, *values_for(schema, self.client.document, valid)]:
                    text = json.dumps(body)
                    if text in sent:
                        continue
                    sent.add(text)
                    bad = violations(body, schema, self.client.document)
                    is_taken = self.is_taken(name, method, path, body)
                    allowed = not bad and not outgrows(name, body)
                    self.assertEqual(is_taken, allowed, f"{name}: the document has {sorted(bad)} against {text[:300]}")
                    taken += is_taken
                    if len(bad) == 1:
                        alone |= bad
            self.assertEqual(keywords(schema, self.client.document) - alone, set(), f"{name}: violated by no request alone")
            self.assertGreater(taken, len(VALID[name]))
        self.assertEqual(tried, set(VALID))

    def test_a_limit_of_bytes_is_said_in_words(self):
        for name, method, path, operation in self.operations():
            for field, most in BYTES.get(name, {}).items():
                schema = expand(operation["requestBody"]["content"]["application/json"]["schema"], self.client.document)
                self.assertIn(f"at most {most} bytes", expand(schema["properties"][field], self.client.document)["description"].lower())
                valid = next((one for one in VALID[name] if field in one and one.get("scope") != "user"))
                for text, fits in (("é" * (most // 2), True), ("é" * (most // 2 + 1), False)):
                    self.assertFalse(violations({**valid, field: text}, schema, self.client.document))
                    self.assertEqual(self.is_taken(name, method, path, {**valid, field: text}), fits, (name, field))

    def test_the_limit_of_a_render_is_said_in_words(self):
        operation = next(one for name, _, _, one in self.operations() if name == "render_secrets")
        self.assertIn(f"all rendered values together have at most {RENDERED} bytes", operation["description"].lower())
        for size, fits in ((RENDERED // 2, True), (RENDERED // 2 + 1, False)):
            body = {"secret_map": {"A": "a" * size}, "environment_variables": {"E": "${pods:secrets:A}"}}
            self.assertEqual(self.is_taken("render_secrets", "POST", f"{SECRETS}/render", body), fits, size)

    def test_names_in_paths(self):
        get = self.client.document["paths"]["/pods/secrets/{secret_id}"]
        schema = expand(get["parameters"][0], self.client.document)["schema"]
        user = {"$ref": "#/components/schemas/User"}
        for text in filter(None, texts_for(schema, self.client.document)):
            expected = 400 if violations(text, schema, self.client.document) else 404
            self.assertEqual(self.send("GET", f"{SECRETS}/{quote(text)}").status, expected, repr(text))
        for text in filter(None, texts_for(user, self.client.document)):
            expected = 400 if violations(text, user, self.client.document) else 200
            self.assertEqual(self.send("DELETE", f"{SECRETS}/{KEPT}/permissions/{quote(text)}").status, expected, repr(text))

    def test_query_parameters(self):
        schema = {"type": "string", "minLength": 1, "maxLength": 4096}
        self.assertEqual(self.client.document["components"]["parameters"]["pod_id"]["schema"], schema)
        for text in texts_for(schema, self.client.document):
            expected = 400 if violations(text, schema, self.client.document) else 200
            self.assertEqual(self.send("DELETE", f"{SECRETS}?pod_id={quote(text)}").status, expected, repr(text))
        for query in ("", "?pod_id=a&pod_id=b", "?pod_id=a&x=b", "?pod_id=%ff", "?pod_id=" + quote("é" * 2049)):
            self.assertEqual(self.send("DELETE", SECRETS + query).status, 400, query)
        # Elsewhere a query parameter is nothing.
        self.assertEqual(self.send("GET", f"{SECRETS}/{KEPT}?pod_id=x").status, 200)

    def test_headers(self):
        for value, status in (("my-own", 200), ("x" * 128, 200), ("x" * 129, 400), ("a b", 400)):
            answer = self.send("GET", SECRETS, headers={"x-request-id": value})
            self.assertEqual(answer.status, status, value)
            if status == 200:
                self.assertEqual(answer.headers["x-request-id"], value)
        self.assertEqual(self.send("GET", SECRETS, headers={"traceparent": "junk"}).status, 200)
        for tenant, status in (("dev", 200), ("t" * 256, 404), ("t" * 257, 401)):
            answer = self.client.call("GET", f"{SECRETS}/{KEPT}", token=self.server.token(), headers={"x-tapis-tenant": tenant})
            self.assertEqual(answer.status, status, tenant)
        admin = self.token("root", "dev", "--role", "pods_admin")
        for value, status in (("true", 200), ("True", 200), ("TRUE", 200), ("tRUE", 403), ("1", 403), ("yes", 403), ("false", 403)):
            answer = self.client.call("GET", f"{SECRETS}/{KEPT}", token=admin, headers={"x-pods-admin": value})
            self.assertEqual(answer.status, status, value)

    def test_a_body_that_is_no_object_is_told_so(self):
        of_json, of_shape = "body: Expected a JSON object; this is not JSON", "body: Input should be a valid JSON object"
        for text, said in (('"x"', of_shape), ("null", of_shape), ("12", of_shape), ("true", of_shape), ("[{}]", of_shape), ("x", of_json), ("{", of_json),
                           ("", of_json), ("{} {}", of_json), ('{"a":' * 17 + "1" + "}" * 17, "body: Expected a JSON object of at most 16 levels")):
            for method, path in (("POST", SECRETS), ("PUT", f"{SECRETS}/{KEPT}"), ("POST", f"{SECRETS}/{KEPT}/permissions"), ("POST", SECRETS + "/render")):
                answer = self.send(method, path, text)
                self.assertEqual((answer.status, answer.json["message"]), (400, [said]), (method, path, text))

    def test_everybody_of_the_tenant_is_no_user(self):
        answer = self.send("POST", f"{SECRETS}/{KEPT}/permissions", {"user": "TENANT", "level": "READ"})
        self.assertEqual(answer.status, 400)
        self.assertIn("not TENANT", answer.json["message"][0])
        self.assertNotIn("TENANT:READ", self.send("GET", f"{SECRETS}/{KEPT}/permissions").json["result"]["permissions"])

    def test_a_prefix_counts_once(self):
        for path in ("/v3/v3/pods/secrets", "/v3/pods/v3/pods/secrets", "/pods/v3/pods/secrets", "/pods/pods/secrets"):
            self.assertEqual(self.server.request("GET", path, None, {"x-tapis-token": self.token()}, token=None).status, 404, path)

    def test_content_types(self):
        for kind, status in (("application/json", 200), ("Application/JSON; charset=utf-8", 200), ("application/merge-patch+json", 200),
                             ("text/json", 400), ("application/jsonx", 400), ("application/xml", 400)):
            self.assertEqual(self.send("POST", SECRETS + "/render", "{}", headers={"content-type": kind}).status, status, kind)
        deep = json.dumps({"environment_variables": {"a": json.loads("[" * 13 + "]" * 13)}})
        self.assertEqual(self.send("POST", SECRETS + "/render", deep).status, 200)
        deeper = json.dumps({"environment_variables": {"a": json.loads("[" * 15 + "]" * 15)}})
        self.assertEqual(self.send("POST", SECRETS + "/render", deeper).status, 400)

    def test_what_comes_twice(self):
        token = b"x-tapis-token: " + self.token().encode() + b"\r\nconnection: close"
        both = self.server.raw(b"GET /pods/secrets HTTP/1.1\r\nhost: x\r\nx-request-id: one\r\nx-request-id: two\r\n" + token + b"\r\n\r\n")
        self.assertTrue(both.startswith(b"HTTP/1.1 200") and b"x-request-id: one\r\n" in both, both)
        answer = self.send("POST", SECRETS, '{"secret_id":"first","secret_id":"second","secret_value":"v"}')
        self.assertEqual(answer.json["result"]["secret_id"], "second")

    def test_only_the_document_needs_no_credential(self):
        opened = set()
        for name, method, path, operation in self.operations():
            body = VALID[name][0] if name in VALID else None
            query = "?pod_id=x" if name == "delete_pod_secrets" else ""
            status = self.client.call(method, path.replace("{user}", "bob") + query, body).status
            self.assertEqual(status, 200 if operation.get("security") == [] else 401, name)
            if status == 200:
                opened.add(name)
        self.assertEqual(opened, {"get_openapi"})

    def test_what_no_operation_reads_is_refused_as_the_document_says_of_other_failures(self):
        token = b"x-tapis-token: " + self.token().encode()
        schema = expand(expand({"$ref": "#/components/responses/default"}, self.client.document)["content"]["application/json"]["schema"],
                        self.client.document)
        for status, request in ((413, b"POST /pods/secrets HTTP/1.1\r\nhost: x\r\ncontent-length: 4194305\r\n" + token),
                                (431, b"GET /v3/pods/secrets HTTP/1.1\r\nhost: x\r\nx: " + b"x" * 70000),
                                (405, b"PATCH /pods/secrets HTTP/1.1\r\nhost: x\r\nconnection: close\r\n" + token)):
            head, body = self.server.raw(request + b"\r\n\r\n").split(b"\r\n\r\n", 1)
            self.assertTrue(head.startswith(b"HTTP/1.1 %d " % status), head)
            self.assertEqual(b"allow: GET, POST, DELETE, HEAD" in head, status == 405)
            validate(json.loads(body), schema, self.client.document)


class FirstRequest(TapisCase):
    def test_a_render_before_the_tenants_first_secret_finds_none(self):
        answer = self.call("POST", "/render", {"secret_map": {"A": "${secret:x}"}, "environment_variables": {"E": "${pods:secrets:A}"}})
        self.assertEqual(answer.status, 200, answer)
        self.assertIn("'x' not found", answer.json["metadata"]["errors"][0])


if __name__ == "__main__":
    unittest.main()
