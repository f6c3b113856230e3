#!/usr/bin/env python3
"""Tenants do not meet. Every RPC of every door, with what belongs to tenant A, presented by an administrator of tenant B: the
same answer, to the byte, as for something that does not exist; nothing changes, nothing starts. And one spelling of a name
leads to one secret, at every entry point.

A method that has no request here fails the test, so a new RPC cannot be forgotten."""

import base64
import http.client
import json
import re
import shutil
import tempfile
import unittest
from pathlib import Path

import grpc
from google.protobuf import symbol_database

import stubs
from admin_client import Admin
from admin_client import pb as admin_pb
from harness import ServerCase, quote
from jwt_maker import Signer

native, native_services = stubs.native()
direktiv, direktiv_services = stubs.direktiv()
dapr, dapr_services = stubs.dapr()

EVERYTHING = ("list", "read", "read-value", "write", "delete", "inject", "grant", "admin")
A, B, NOBODY = "a-corp", "b-corp", "no-corp"

STORES = f"""
[[dapr.store]]
name = "store-a"
tenant = "{A}"
space = "kv"

[[dapr.store]]
name = "store-b"
tenant = "{B}"
space = "kv"

[[dapr.store]]
name = "store-nobody"
tenant = "{NOBODY}"
space = "kv"
"""


def native_requests(tenant, name):
    """A request of each method of coffer.v1.Secrets for one secret of one tenant."""
    where = {"tenant": tenant, "space": "kv", "name": name}
    return {
        "Put": native.PutRequest(**where, value="planted"),
        "Get": native.GetRequest(**where),
        "Describe": native.DescribeRequest(**where),
        "UpdateMetadata": native.UpdateMetadataRequest(**where, description="planted"),
        "Delete": native.DeleteRequest(**where),
        "Undelete": native.UndeleteRequest(**where),
        "Destroy": native.DestroyRequest(**where),
        "History": native.HistoryRequest(**where),
        "List": native.ListRequest(tenant=tenant, space="kv"),
        "BatchGet": native.BatchGetRequest(tenant=tenant, secrets=[native.BatchGetRequest.Item(space="kv", name=name)]),
        "Transact": native.TransactRequest(tenant=tenant, operations=[native.TransactRequest.Operation(
            put=native.TransactRequest.Put(space="kv", name=name, value="planted"))]),
        "SetPermission": native.SetPermissionRequest(**where, subject="user:eve", level="ADMIN"),
        "GetPermissions": native.GetPermissionsRequest(**where),
        "Render": native.RenderRequest(tenant=tenant, space="kv", secret_map={"A": "${secret:%s}" % name}, mode="inject"),
        "Watch": native.WatchRequest(tenant=tenant),
        "LookupSelf": native.LookupSelfRequest(tenant=tenant),
        "RenewSelf": native.RenewSelfRequest(tenant=tenant),
        "RevokeSelf": native.RevokeSelfRequest(tenant=tenant),
    }


def direktiv_requests(namespace, name):
    data, key = b"planted", {"namespace": namespace, "name": name}
    return {
        "StoreSecret": direktiv.SecretsStoreRequest(**key, data=data, stype=direktiv.SECRET),
        "RetrieveSecret": direktiv.SecretsRetrieveRequest(**key),
        "DeleteSecret": direktiv.SecretsDeleteRequest(**key, stype=direktiv.SECRET),
        "GetSecrets": direktiv.GetSecretsRequest(namespace=namespace),
        "GetSecretsWithData": direktiv.GetSecretsRequest(namespace=namespace),
    }


def tapis_requests(secret_id):
    """Verb, path and body of each operation of the Tapis door for one secret, by its name in the OpenAPI document."""
    one = "/pods/secrets/" + secret_id
    return {
        "list_secrets": ("GET", "/pods/secrets", None),
        "create_secret": ("POST", "/pods/secrets", {"secret_id": "planted-" + secret_id, "secret_value": "planted"}),
        "delete_pod_secrets": ("DELETE", "/pods/secrets?pod_id=web", None),
        "render_secrets": ("POST", "/pods/secrets/render", {"secret_map": {"A": "${secret:%s}" % secret_id}, "mode": "inject"}),
        "get_secret": ("GET", one, None),
        "update_secret": ("PUT", one, {"secret_value": "planted"}),
        "delete_secret": ("DELETE", one, None),
        "get_secret_value": ("GET", one + "/value", None),
        "get_secret_permissions": ("GET", one + "/permissions", None),
        "set_secret_permission": ("POST", one + "/permissions", {"user": "eve", "level": "ADMIN"}),
        "delete_secret_permission": ("DELETE", one + "/permissions/eve", None),
    }


class Isolation(ServerCase):
    config = STORES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = Admin(cls.server)
        for tenant, value in ((A, "of a"), (B, "of b")):
            cls.server.put("db", value, tenant=tenant)
            cls.admin.open_door(tenant, "direktiv", "ns-" + tenant)
            cls.server.put("hook", {"value": value}, tenant=tenant, space="direktiv")
            cls.admin.open_door(tenant, "tapis", "tapis-" + tenant)
        cls.tokens = {tenant: cls.admin.create_token(tenant, EVERYTHING).secret for tenant in (A, B)}
        cls.channel = grpc.insecure_channel(cls.server.grpc_address)
        cls.secrets = native_services.SecretsStub(cls.channel)
        cls.direktiv = direktiv_services.SecretsServiceStub(cls.channel)
        cls.dapr = dapr_services.DaprStub(cls.channel)

    @classmethod
    def tearDownClass(cls):
        cls.admin.channel.close()
        cls.channel.close()
        super().tearDownClass()

    def answer(self, method, request, token, header="authorization"):
        """What a gRPC caller sees, with the names that he himself sent taken out."""
        value = "Bearer " + token if header == "authorization" else token
        try:
            answer = method(request, metadata=[(header, value)], timeout=20)
            if hasattr(answer, "__next__"):  # a stream says so with its first message
                next(answer)
            return "OK"
        except grpc.RpcError as error:
            trailers = [(k, v) for k, v in error.trailing_metadata() or () if k != "x-request-id"]
            return self.blind(f"{error.code()} {error.details()} {trailers}")

    @staticmethod
    def blind(text):
        return re.sub(rf"{A}|{NOBODY}|db|hook|missing", "_", text)

    def metric(self, name):
        text = self.server.request("GET", "/metrics", token=None).body.decode()
        return float(re.search(rf"^{name} ([0-9.e+]+)$", text, re.M)[1])

    def memory(self):
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+)", status)[1])

    def everything_of_a(self):
        return [self.server.get("db", tenant=A).json, self.server.get("hook", tenant=A, space="direktiv").json,
                self.server.request("GET", f"/v1/tenants/{A}/spaces/kv/secrets").json]

    def test_every_native_method_answers_alike_for_a_foreign_a_missing_and_no_tenant(self):
        methods = [m.name for m in native.DESCRIPTOR.services_by_name["Secrets"].methods]
        self.assertEqual(sorted(methods), sorted(native_requests(A, "db")), "a method has no request in this matrix")
        before = self.everything_of_a()
        for name in methods:
            with self.subTest(name):
                method = getattr(self.secrets, name)
                answers = {(tenant, secret): self.answer(method, native_requests(tenant, secret)[name], self.tokens[B])
                           for tenant in (A, NOBODY) for secret in ("db", "missing")}
                self.assertEqual(len(set(answers.values())), 1, answers)
                self.assertTrue(answers[A, "db"].startswith("StatusCode.PERMISSION_DENIED"), answers)
        self.assertEqual(self.everything_of_a(), before)

    def test_every_rest_path_answers_alike_to_the_byte(self):
        before = self.everything_of_a()
        put = json.dumps({"value": "planted"})
        for verb, path, body in (("GET", "/{t}/spaces/kv/secrets/{n}", None), ("GET", "/{t}/spaces/kv/secrets/{n}?view=metadata", None),
                                 ("PUT", "/{t}/spaces/kv/secrets/{n}", put), ("PATCH", "/{t}/spaces/kv/secrets/{n}", "{}"),
                                 ("DELETE", "/{t}/spaces/kv/secrets/{n}", None), ("GET", "/{t}/spaces/kv/secrets/{n}:history", None),
                                 ("POST", "/{t}/spaces/kv/secrets/{n}:undelete", "{}"), ("POST", "/{t}/spaces/kv/secrets/{n}:destroy", "{}"),
                                 ("GET", "/{t}/spaces/kv/secrets", None), ("GET", "/{t}/spaces/kv/secrets?page_size=0&prefix=", None),
                                 ("POST", "/{t}:batchGet", json.dumps({"secrets": [{"space": "kv", "name": "db"}]})),
                                 ("POST", "/{t}/spaces/kv:render", json.dumps({"secret_map": {"A": "${secret:db}"}, "mode": "inject"})),
                                 ("POST", "/{t}:transact", json.dumps({"operations": [{"delete": {"space": "kv", "name": "db"}}]})), ("GET", "/{t}:watch", None),
                                 ("GET", "/{t}/tokens/self", None)):
            with self.subTest(verb=verb, path=path):
                seen = set()
                for tenant in (A, NOBODY):
                    for name in ("db", "missing"):
                        answer = self.server.request(verb, "/v1/tenants" + path.format(t=tenant, n=name), body, token=self.tokens[B])
                        text = re.sub(r'"request_id":"[^"]*"', "", answer.body.decode())
                        seen.add((answer.status, self.blind(text), answer.headers.get("content-type")))
                self.assertEqual(len(seen), 1, seen)
                self.assertEqual({status for status, *_ in seen}, {403}, seen)
        self.assertEqual(self.everything_of_a(), before)

    def test_a_direktiv_namespace_of_another_tenant_answers_like_none(self):
        buckets = {"CreateBucket", "DeleteBucket"}  # an operator's, below
        methods = {m.name for m in direktiv_services.__dict__["secrets_dot_protocol__pb2"].DESCRIPTOR.services_by_name["SecretsService"].methods} \
            if "secrets_dot_protocol__pb2" in direktiv_services.__dict__ else set(direktiv_requests("n", "x")) | buckets
        self.assertEqual(methods - buckets, set(direktiv_requests("n", "x")))
        before = self.everything_of_a()
        for name in direktiv_requests("n", "x"):
            with self.subTest(name):
                method = getattr(self.direktiv, name)
                answers = {(namespace, secret): self.answer(method, direktiv_requests(namespace, secret)[name], self.tokens[B])
                           for namespace in ("ns-" + A, "ns-" + NOBODY) for secret in ("hook", "missing")}
                self.assertEqual(len({re.sub("ns-_|ns-", "_", a) for a in answers.values()}), 1, answers)
                self.assertNotIn("OK", answers.values())
                self.assertNotIn("required", str(answers), "the request is a good one")
        for request, method in ((direktiv.SecretsCreateBucketRequest(namespace="ns-" + A), self.direktiv.CreateBucket),
                                (direktiv.SecretsDeleteBucketRequest(namespace="ns-" + A), self.direktiv.DeleteBucket)):
            self.assertNotEqual(self.answer(method, request, self.tokens[B]), "OK")
        self.assertEqual(self.everything_of_a(), before)

    def test_a_dapr_store_of_another_tenant_answers_like_one_of_none(self):
        header = {"dapr-api-token": self.tokens[B]}
        for path in ("db", "missing", "bulk"):
            answers = {store: self.server.request("GET", f"/v1.0/secrets/{store}/{path}", headers=header, token=None)
                       for store in ("store-a", "store-nobody")}
            seen = {(a.status, a.body.replace(b"store-a", b"_").replace(b"store-nobody", b"_")) for a in answers.values()}
            self.assertEqual(len(seen), 1, answers)
            self.assertGreaterEqual(answers["store-a"].status, 400)
        for make, method in ((lambda s: dapr.GetSecretRequest(store_name=s, key="db"), self.dapr.GetSecret),
                             (lambda s: dapr.GetBulkSecretRequest(store_name=s), self.dapr.GetBulkSecret)):
            seen = {self.answer(method, make(store), self.tokens[B], "dapr-api-token").replace("store-a", "_").replace("store-nobody", "_").replace("store-_", "_")
                    for store in ("store-a", "store-nobody")}
            self.assertEqual(len(seen), 1, seen)
            self.assertNotIn("OK", seen)

    def tapis(self, operation, secret_id, token, headers=None):
        verb, path, body = tapis_requests(secret_id)[operation]
        answer = self.server.request(verb, path, body if body is None else json.dumps(body), {"x-tapis-token": token, **(headers or {})}, token=None)
        return answer.status, self.blind(re.sub(r'"creation_ts":"[^"]*"', "", answer.body.decode()))

    def tapis_signer(self, tenant):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        signer = Signer(folder, tenant)
        self.server.admin("issuers", "put", "tapis-" + tenant, "--tenant", tenant, "--iss", f"https://{tenant}.example/v3/tokens", "--public-key",
                          signer.public, "--mapping", "tapis", "--roles-claim", "roles", "--algorithm", "RS256")
        return lambda of, user="root", roles=("pods_admin",): signer.token(**{
            "iss": f"https://{tenant}.example/v3/tokens", "tapis/tenant_id": "tapis-" + of, "tapis/username": user,
            "tapis/account_type": "user", "tapis/token_type": "access", "roles": list(roles)})

    def test_every_tapis_operation_answers_alike_for_a_foreign_a_missing_and_no_tenant(self):
        sign_a, sign_b = self.tapis_signer(A), self.tapis_signer(B)
        own = sign_a(A, "alice", ())
        made = self.server.request("POST", "/pods/secrets", json.dumps({"secret_id": "hook", "secret_value": "of a", "scope": "pod", "pod_id": "web"}),
                                   {"x-tapis-token": own}, token=None)
        self.assertEqual(made.status, 200, made)
        document = self.server.request("GET", "/pods/openapi.json", token=None).json
        operations = {one["operationId"] for path in document["paths"].values() for one in path.values()
                      if "operationId" in one and one.get("security") != []}
        self.assertEqual(operations, set(tapis_requests("hook")), "an operation has no request in this matrix")
        admin = {"x-pods-admin": "true"}
        for operation in sorted(operations):
            with self.subTest(operation):
                # B's own administrator: A's secret is to him like one that nobody has.
                self.assertEqual(*(self.tapis(operation, secret, sign_b(B), admin) for secret in ("hook", "missing")))
                # B's issuer vouches for nobody in A, and neither in a tenant that there is not.
                foreign = {self.tapis(operation, secret, sign_b(tenant), admin) for tenant in (A, NOBODY) for secret in ("hook", "missing")}
                self.assertEqual({status for status, _ in foreign}, {401}, foreign)
                self.assertEqual(len(foreign), 1, foreign)
                # B's Coffer token, with another tenant's name.
                foreign = {self.tapis(operation, secret, self.tokens[B], {"x-tapis-tenant": "tapis-" + tenant})
                           for tenant in (A, NOBODY) for secret in ("hook", "missing")}
                self.assertEqual(len(foreign), 1, foreign)
                self.assertNotIn(200, {status for status, _ in foreign})
        value = self.server.request("GET", "/pods/secrets/hook/value", headers={"x-tapis-token": own}, token=None)
        self.assertEqual(value.json["result"], {"secret_value": "of a"}, "nothing has changed")

    def test_forged_jwts_for_invented_tenants_start_nothing_and_leave_memory_flat(self):
        def part(value):
            return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

        def flood(first, count):
            connection = http.client.HTTPConnection(self.server.http_address, timeout=60)
            for i in range(first, first + count):
                claims = {"iss": f"https://{i}.example", "exp": 4102444800, "tapis/tenant_id": f"invented-{i}", "tapis/username": f"u{i}",
                          "tapis/account_type": "user", "tapis/token_type": "access"}
                token = part({"alg": "RS256", "typ": "JWT", "kid": f"key-{i}"}) + "." + part(claims) + "." + "A" * 342
                connection.request("GET", f"/pods/secrets/s{i}", headers={"x-tapis-token": token})
                answer = connection.getresponse()
                answer.read()
                if answer.status not in (401, 429):
                    self.fail(f"{answer.status} for a forged JWT")
            connection.close()

        flood(0, 2_000)
        before, started = self.memory(), self.metric("coffer_shards_started_total")
        flood(2_000, 20_000)
        self.assertEqual(self.metric("coffer_shards_started_total"), started)
        self.assertLess(self.memory() - before, 4_096, "kilobytes more after 20,000 forged JWTs")

    def test_tenants_tokens_open_nothing_on_the_admin_listener(self):
        services = [service for file in stubs.admin_files() for service in file.services_by_name.values()]
        self.assertGreaterEqual({s.name for s in services}, {"Tenants", "Tokens", "Policies", "Audit", "Cluster", "Backup", "Seal", "Keys"})
        for descriptor in services:
            for method in descriptor.methods:
                with self.subTest(f"{descriptor.name}.{method.name}"):
                    request = symbol_database.Default().GetPrototype(method.input_type)()
                    for field in ("tenant", "name"):
                        if field in method.input_type.fields_by_name and method.input_type.fields_by_name[field].type == 9:
                            setattr(request, field, A)
                    call = self.admin.channel.unary_unary(f"/{descriptor.full_name}/{method.name}",
                                                          request_serializer=lambda m: m.SerializeToString())
                    for token in (self.tokens[A], self.tokens[B]):
                        answer = self.answer(call, request, token)
                        self.assertRegex(answer, "StatusCode.(PERMISSION_DENIED|UNAUTHENTICATED)")

    def test_a_foreign_call_starts_no_shard(self):
        """The same work is done for a tenant that sleeps as for one that does not exist: none. So time tells nothing either."""
        self.server.terminate()
        self.server.spawn()
        self.assertTrue(self.server.wait_ready())
        started = self.metric("coffer_shards_started_total")
        for tenant in (A, NOBODY):
            for request in native_requests(tenant, "db").items():
                self.answer(getattr(self.secrets, request[0]), request[1], self.tokens[B])
        self.assertEqual(self.metric("coffer_shards_started_total"), started)

    def test_forged_tokens_for_invented_tenants_leave_memory_flat(self):
        def flood(first, count):
            connection = http.client.HTTPConnection(self.server.http_address, timeout=60)
            for i in range(first, first + count):
                token = "cft_" + f"{i:08d}" * 11 + "AAAA"
                connection.request("GET", f"/v1/tenants/invented-{i}/spaces/kv/secrets/x", headers={"authorization": "Bearer " + token})
                answer = connection.getresponse()
                answer.read()
                if answer.status not in (401, 429):
                    self.fail(f"{answer.status} for a forged token")
            connection.close()

        flood(0, 2_000)
        before, started = self.memory(), self.metric("coffer_shards_started_total")
        flood(2_000, 100_000)
        self.assertEqual(self.metric("coffer_shards_started_total"), started)
        # 100,000 kept names alone would be 5 MB and more.
        self.assertLess(self.memory() - before, 4_096, "kilobytes more after 100,000 forged tokens")

    def test_one_spelling_leads_to_one_secret_at_every_entry_point(self):
        token = self.tokens[B]
        name = "Caf\u00e9/\u00c4 x"
        self.server.put(name, "one", tenant=B, token=token)
        metadata = [("authorization", "Bearer " + token)]
        self.assertEqual(self.secrets.Get(native.GetRequest(tenant=B, space="kv", name=name), metadata=metadata).value, "one")
        lower_hex = re.sub(r"%[0-9A-F]{2}", lambda m: m[0].lower(), quote(name))
        encoded = "".join(f"%{b:02X}" for b in name.encode())
        for path in (quote(name), lower_hex, encoded):
            answer = self.server.request("GET", f"/v1/tenants/{B}/spaces/kv/secrets/{path}", token=token)
            self.assertEqual((answer.status, answer.json["name"]), (200, name), path)
        single = self.server.request("GET", "/v1.0/secrets/store-b/" + quote(name), headers={"dapr-api-token": token}, token=None)
        self.assertEqual((single.status, single.json), (200, {name: "one"}))
        # Other spellings are other secrets: nothing is folded, normalised or trimmed on the way.
        import unicodedata
        for other in (name.lower(), name.upper(), unicodedata.normalize("NFD", name), name + " ", " " + name, quote(name)):
            answer = self.server.request("GET", f"/v1/tenants/{B}/spaces/kv/secrets/{quote(other)}", token=token)
            self.assertIn(answer.status, (404, 400), other)

    def test_one_spelling_of_a_user_has_his_rights_at_every_door(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        signer, iss = Signer(folder, "people"), "https://people.example"
        self.server.admin("issuers", "put", "people", "--tenant", B, "--iss", iss, "--public-key", signer.public)
        grant = {"capabilities": ["read", "read-value"], "spaces": ["kv", "direktiv"], "names": ["db", "hook"]}
        policy = {"roles": [{"name": "reader", "grants": [grant]}], "bindings": [{"role": "reader", "subjects": ["user:Zo\u00eb"]}]}
        done = self.server.cli("admin", "policy", "apply", "--tenant", B, "-f", "-", input=json.dumps(policy))
        self.assertEqual(done.returncode, 0, done.stderr)

        def answers(user):
            token = signer.token(iss=iss, sub=user)
            metadata = [("authorization", "Bearer " + token)]
            yield self.server.get("db", tenant=B, token=token).status == 200
            yield self.server.request("GET", "/v1.0/secrets/store-b/db", headers={"authorization": "Bearer " + token}, token=None).status == 200
            for method, request in ((self.secrets.Get, native_requests(B, "db")["Get"]), (self.direktiv.RetrieveSecret, direktiv_requests("ns-" + B, "hook")["RetrieveSecret"])):
                try:
                    method(request, metadata=metadata, timeout=20)
                    yield True
                except grpc.RpcError as error:
                    self.assertIn(error.code(), (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.NOT_FOUND))
                    yield False

        self.assertEqual(set(answers("Zo\u00eb")), {True})
        for other in ("zo\u00eb", "ZO\u00cb", "Zoe\u0308", "Zoe", "Zo\u00eb ", " Zo\u00eb", "Zo%C3%AB", "user:Zo\u00eb", "*", "Zo\u00eb\x00", "Zo\u00eb\u200b", ""):
            with self.subTest(other):
                self.assertEqual(set(answers(other)), {False})

    def test_one_spelling_leads_to_one_secret_through_direktiv(self):
        metadata = [("authorization", "Bearer " + self.tokens[B])]
        name, key = "Caf\u00e9", {"namespace": "ns-" + B}
        self.direktiv.StoreSecret(direktiv.SecretsStoreRequest(**key, name=name, data=b"one", stype=direktiv.SECRET), metadata=metadata)
        self.assertEqual(self.direktiv.RetrieveSecret(direktiv.SecretsRetrieveRequest(**key, name=name), metadata=metadata).data, b"one")
        self.assertEqual(self.server.get(name, tenant=B, space="direktiv", token=self.tokens[B]).status, 200)
        for namespace, other in ((key["namespace"], "caf\u00e9"), (key["namespace"], "Cafe\u0301"), (key["namespace"], name + " "), (key["namespace"], "Caf%C3%A9"),
                                 (key["namespace"].upper(), name), (key["namespace"] + " ", name), ("./" + key["namespace"], name), ("", name), (key["namespace"], "")):
            with self.subTest(namespace=namespace, name=other):
                with self.assertRaises(grpc.RpcError):
                    self.direktiv.RetrieveSecret(direktiv.SecretsRetrieveRequest(namespace=namespace, name=other), metadata=metadata, timeout=20)

    def test_a_watch_tells_names_as_they_are_spelled_and_filters_by_no_other_spelling(self):
        token = self.tokens[B]
        name = "Caf\u00e9/Watch x"
        self.server.put("elsewhere", "x", tenant=B, token=token)
        first = self.server.request("GET", f"/v1/tenants/{B}/spaces/kv/secrets", token=token).json["revision"]

        def told(until, token=token, **filters):
            """What a watch from there on tells, up to the change of that name."""
            names = []
            stream = self.secrets.Watch(native.WatchRequest(tenant=B, from_revision=int(first), **filters), timeout=20,
                                        metadata=[("authorization", "Bearer " + token)])
            while (names or [None])[-1] != until:
                change = next(stream)
                if change.type != "progress":
                    names.append(change.name)
            stream.cancel()
            return names

        others = ("caf\u00e9/", "CAF\u00c9/", "Cafe\u0301/", "Caf%C3%A9/", " Caf\u00e9/", "*", "Caf\u00e9*", "Caf?/")
        for one in (name, *(prefix + "end" for prefix in others), "Caf\u00e9/end", "end"):
            self.assertStatus(self.server.put(one, "x", tenant=B, token=token), 200)
        self.assertEqual(told("end")[-len(others) - 3:], [name, *(prefix + "end" for prefix in others), "Caf\u00e9/end", "end"])
        self.assertEqual(told("Caf\u00e9/end", space="kv", prefix="Caf\u00e9/"), [name, "Caf\u00e9/end"])
        for prefix in others:
            self.assertEqual(told(prefix + "end", space="kv", prefix=prefix), [prefix + "end"], prefix)
        # Nobody hears more than he may list, and a foreign tenant's changes are not there under any name of it.
        self.assertEqual(told("end", self.admin.create_token(B, EVERYTHING, names=("end",)).secret), ["end"])
        for tenant in (A, A.upper(), A + " ", f"{B}/../{A}", A + "%00", "*"):
            answer = self.server.request("GET", f"/v1/tenants/{quote(tenant)}:watch?from_revision=1", token=token)
            self.assertGreaterEqual(answer.status, 400, tenant)

    def test_dots_slashes_and_empty_parts_open_nothing(self):
        token = self.tokens[B]
        for path in (f"/v1/tenants/{B}/spaces/kv/secrets/../../../{A}/spaces/kv/secrets/db", f"/v1/tenants/{B}/../{A}/spaces/kv/secrets/db",
                     f"/v1/tenants/{B}%2f..%2f{A}/spaces/kv/secrets/db", f"/v1/tenants/{B}/spaces/%2e%2e/secrets/db", f"/v1/tenants//{A}/spaces/kv/secrets/db",
                     f"/v1/tenants/%2e%2e/tenants/{A}/spaces/kv/secrets/db", f"/v1/tenants/{A}%00/spaces/kv/secrets/db", f"/v1/tenants/{A.upper()}/spaces/kv/secrets/db",
                     f"//v1/tenants/{A}/spaces/kv/secrets/db", f"/v1/tenants/{A} /spaces/kv/secrets/db".replace(" ", "%20"), "/v1/tenants/%20/spaces/kv/secrets/db",
                     f"/v1/tenants/{B}/spaces/kv/secrets/%2e%2e%2f{A}%2fdb", f"/v1/tenants/{B}/spaces/kv/secrets/."):
            with self.subTest(path):
                answer = self.server.request("GET", path, token=token)
                self.assertGreaterEqual(answer.status, 400, answer)
                self.assertNotIn(b"of a", answer.body)
        for query in ("page_size=0", "page_size=0&page_token=", "prefix=../", "filter=", "prefix=%00"):
            answer = self.server.request("GET", f"/v1/tenants/{A}/spaces/kv/secrets?{query}", token=token)
            self.assertEqual(answer.status, 403, query)
        nothing = self.admin.call(self.admin.tokens.Create, admin_pb.CreateTokenRequest(
            tenant=B, scopes=[admin_pb.Scope(capabilities=["read-value"], spaces=["kv"], names=["nothing-like-it"])])).secret
        self.assertEqual(self.server.get("db", tenant=B, token=nothing).status, 403)
        self.assertEqual(self.server.request("GET", f"/v1/tenants/{B}/spaces/kv/secrets", token=nothing).json.get("secrets", []), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
