#!/usr/bin/env python3
"""A test for each class of security advisories that products of this kind had in the last years (docs/threat-model.md
explains the classes A to K). The classes' other halves are in the suites that the document names."""

import glob
import json
import os
import re
import shutil
import socket
import stat
import tempfile
import threading
import time
import unittest
from pathlib import Path

import grpc

import stubs
from admin_client import Admin
from canary_doors import Doors
from harness import Server, ServerCase, quote
from http2_flood import Http2

native, native_services = stubs.native()
direktiv, direktiv_services = stubs.direktiv()


RESET_COST = 1.5    # of a call's; a stream is opened, begun and taken down again


def resident_bytes(server):
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{server.pid}/status").read_text()).group(1)) << 10


class A_IdentityCanonicalisation(ServerCase):
    """Names and credentials have one spelling: what looks like another one is another one, at every entry."""

    def test_no_other_spelling_of_a_tenant_leads_to_it(self):
        self.server.put("n", "acme-value", tenant="acme")
        with Admin(self.server) as admin:
            admin.open_door("acme", "direktiv", "Acme")
            for spelling in ("ACME", "Acme", "acme ", " acme", "acme\0", "acme/", "acme.", "\uff41cme", "acm\u0435", "acme%20", "./acme"):
                answer = self.server.get("n", tenant=spelling)
                self.assertGreaterEqual(answer.status, 400, spelling)
                self.assertNotIn(b"acme-value", answer.body)
                with self.assertRaises(grpc.RpcError, msg=spelling):
                    admin.call(admin.tenants.Get, admin_pb().GetTenantRequest(name=spelling))
            with grpc.insecure_channel(self.server.grpc_address) as channel:
                service = direktiv_services.SecretsServiceStub(channel)
                service.StoreSecret(direktiv.SecretsStoreRequest(namespace="Acme", name="d", data=b"direktiv-value", stype=direktiv.SECRET), timeout=20)
                for namespace in ("acme", "ACME", "Acme "):
                    with self.assertRaises(grpc.RpcError, msg=namespace):
                        service.RetrieveSecret(direktiv.SecretsRetrieveRequest(namespace=namespace, name="d"), timeout=20)

    def test_a_tenants_and_an_operators_names_cannot_be_taken_for_one_another(self):
        for name in ("root", "operator", "dev-root", "directory"):
            self.server.put("n", "x", tenant=name)  # a tenant as any other
            with Admin(self.server) as admin:
                token = admin.create_token(name)
                self.assertEqual(self.server.get("n", tenant="default", token=token.secret).status, 403)
            with Admin(self.server, token.secret) as as_tenant, self.assertRaises(grpc.RpcError) as refused:
                as_tenant.create_tenant("stolen")
            self.assertEqual(refused.exception.code(), grpc.StatusCode.PERMISSION_DENIED)

    def test_a_token_has_one_spelling(self):
        self.server.put("n", "x")
        with Admin(self.server) as admin:
            token = admin.create_token("default").secret
        self.assertEqual(self.server.get("n", token=token).status, 200)
        for other in (token.upper(), token.lower(), token + "=", token + "A", token[:-1], token.replace("cft_", "cfo_"), token.replace("cft_", "CFT_"), token[:10] + "%41" + token[13:]):
            if other != token:
                self.assertEqual(self.server.get("n", token=other).status, 401, other)


class B_AuthenticationResultConfusion(ServerCase):
    """An answer is an error or a result, a request has one identity."""

    def test_two_different_credentials_are_none(self):
        self.server.put("n", "both-value")
        with Admin(self.server) as admin:
            good, other = admin.create_token("default").secret, admin.create_token("default").secret
        for second in (other, "cft_wrong"):
            answer = self.server.get("n", token=good, headers={"x-coffer-token": second})
            self.assertEqual(answer.status, 401, answer)
            self.assertNotIn(b"both-value", answer.body)

    def test_what_fails_answers_nothing_else(self):
        with Admin(self.server) as admin:
            reader = admin.create_token("default").secret
        with Admin(self.server, reader) as as_reader:
            with self.assertRaises(grpc.RpcError) as refused:
                as_reader.create_token("default")
        self.assertNotIn("cft_", str(refused.exception.details()))
        for body in ({"value": "x", "cas": 99}, {"value": "x", "nonsense": 1}):
            answer = self.server.put("b-refused", body)
            self.assertEqual(set(answer.json), {"error"}, answer)

    def test_verbs_that_nobody_serves_do_nothing(self):
        self.server.put("verbs", "x")
        for verb in ("PROPFIND", "REVOKE", "LIST", "CONNECT", "TRACE", "get", "PUTT"):
            self.assertGreaterEqual(self.server.request(verb, self.server.path("verbs")).status, 400, verb)
        self.assertEqual(self.server.get("verbs").json["version"], 1)


class C_TenantEscapeByOpaqueId(ServerCase):
    """An id of one tenant means nothing in another (test_isolation.py has the matrix of all calls)."""

    def test_ids_and_page_tokens_of_another_tenant_are_not_found(self):
        for tenant in ("c-one", "c-two"):
            for n in range(3):
                self.server.put(f"n{n}", tenant, tenant=tenant)
        with Admin(self.server) as admin:
            foreign = admin.create_token("c-one").token.id
            answers = []
            for token_id in (foreign, "0123456789abcdef"):
                with self.assertRaises(grpc.RpcError) as refused:
                    admin.revoke("c-two", token_id)
                answers.append((refused.exception.code(), refused.exception.details().replace(token_id, "")))
            self.assertEqual(answers[0], answers[1], "a foreign id and an invented one are the same")
        page = self.server.request("GET", "/v1/tenants/c-one/spaces/kv/secrets?page_size=1").json["next_page_token"]
        stolen = self.server.request("GET", f"/v1/tenants/c-two/spaces/kv/secrets?page_size=1&page_token={page}")
        self.assertEqual(stolen.status, 400, stolen)

    def test_a_tenant_that_is_made_again_has_nothing_of_the_old_one(self):
        self.server.put("n", "old-value", tenant="c-again")
        with Admin(self.server) as admin:
            token = admin.create_token("c-again").secret
        self.assertEqual(self.server.cli("admin", "tenants", "delete", "c-again", "--yes").returncode, 0)
        self.server.put("other", "new-value", tenant="c-again")
        self.assertEqual(self.server.get("n", tenant="c-again").status, 404)
        self.assertIn(self.server.get("other", tenant="c-again", token=token).status, (401, 403))


class D_PathsAndPatterns(ServerCase):
    """Rights are compared on the name as it is stored, whatever the path looks like; an empty list means none."""

    def test_no_path_reaches_beyond_a_pattern(self):
        self.server.put("app/a", "mine", space="d")
        self.server.put("other", "not-mine", space="d")
        with Admin(self.server) as admin:
            token = admin.create_token("default", spaces=("d",), names=("app/*",)).secret
            # An empty list could be taken for "all": it is refused.
            for spaces, names in ((("d",), ()), ((), ("*",))):
                with self.assertRaises(grpc.RpcError) as refused:
                    admin.create_token("default", spaces=spaces, names=names)
                self.assertEqual(refused.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertEqual(self.server.get("app/a", space="d", token=token).json["value"], "mine")
        base = "/v1/tenants/default/spaces/d/secrets/"
        for path in ("app/../other", "app/%2e%2e/other", "app%2f..%2fother", "app/..%2fother", "./other", "app//../other", "other", "*", "app/*", "%2a", "app/a/../../other",
                     "app%00/other", "APP/../other", "app\\..\\other"):
            answer = self.server.request("GET", base + path, token=token)
            self.assertGreaterEqual(answer.status, 400, path)
            self.assertNotIn(b"not-mine", answer.body, path)
        listed = self.server.request("GET", "/v1/tenants/default/spaces/d/secrets?page_size=0", token=token)
        self.assertNotIn(b"other", listed.body)

    def test_deny_dominates_in_every_verb(self):
        self.server.put("x", "denied-value", space="d-deny")
        with Admin(self.server) as admin:
            made = admin.call(admin.tokens.Create, admin_pb().CreateTokenRequest(tenant="default"))
            policy = admin_pb().Policy()
            policy.roles.add(name="r").grants.add(effect="allow", capabilities=["list", "read", "read-value", "write", "delete"], spaces=["*"], names=["*"])
            policy.roles.add(name="d").grants.add(effect="deny", capabilities=["list", "read", "read-value", "write", "delete"], spaces=["d-deny"], names=["*"])
            for role in "rd":
                policy.bindings.add(role=role, subjects=["token:" + made.token.id])
            admin.call(admin.policies.Apply, admin_pb().ApplyPolicyRequest(tenant="default", policy=policy))
        token = made.secret
        path = self.server.path("x", space="d-deny")
        for method, suffix, body in (("GET", "", None), ("GET", "?view=metadata", None), ("GET", ":history", None), ("PUT", "", {"value": "y"}), ("PATCH", "", {"description": "y"}),
                                     ("DELETE", "", None), ("POST", ":destroy", {})):
            answer = self.server.request(method, path + suffix, body, token=token)
            self.assertEqual(answer.status, 403, (method, suffix, answer))
        for body in (self.server.request("GET", "/v1/tenants/default/spaces/d-deny/secrets", token=token).body,
                     self.server.request("POST", "/v1/tenants/default:batchGet", {"secrets": [{"space": "d-deny", "name": "x"}]}, token=token).body):
            self.assertNotIn(b"denied-value", body)
            self.assertNotIn(b'"version"', body)


class E_LeaksInAuditLogsTracesAndMetrics(unittest.TestCase):
    """Canaries in every field and every error path of the doors (canary_doors.py); afterwards they are nowhere but in answers."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="coffer-advisories-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.doors = Doors(self.folder)
        self.sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.sink.close)
        self.sink.bind(("127.0.0.1", 0))
        self.sink.settimeout(0.2)
        self.received = []
        self.done = False
        thread = threading.Thread(target=self.receive)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(setattr, self, "done", True)
        self.server = Server(config='[log]\nlevel = "trace"\nrequests = "all"\nformat = "json"\n[audit]\nsync_interval = "10ms"\nstdout = true\n'
                                    f'[audit.syslog]\naddress = "udp:127.0.0.1:{self.sink.getsockname()[1]}"\n' + self.doors.config).start()
        self.addCleanup(self.server.close)

    def receive(self):
        while not self.done:
            try:
                self.received.append(self.sink.recv(1 << 16))
            except socket.timeout:
                pass

    def test_no_canary_is_found(self):
        server, doors = self.server, self.doors
        doors.send_everything(server)
        metrics = server.request("GET", "/metrics", token=None).body
        self.assertEqual(server.terminate(), 0)
        self.done = True
        places = {**doors.places("stopped"), "/metrics": metrics, "syslog": b"\n".join(self.received)}
        log = server.log_path.read_bytes()
        self.assertTrue(b'"message":"request"' in log)
        for kind in (b"change", b"request", b"refusals"):
            self.assertTrue(b'"kind":"' + kind + b'"' in log, kind)
        self.assertTrue(b'"kind":"change"' in places["syslog"])
        self.assertEqual(doors.canary.leaks(places), [])


class F_AuditAsAWeapon(ServerCase):
    """Where records go is the node's configuration; no API can point them anywhere."""

    def test_the_api_has_nothing_that_names_a_place(self):
        audit = admin_pb().DESCRIPTOR.services_by_name["Audit"]
        self.assertEqual({m.name for m in audit.methods}, {"Verify", "Query", "GetSettings", "SetSettings"})
        for method in audit.methods:
            for field in method.input_type.fields:
                self.assertNotRegex(field.name, "path|file|dir|sink|address|format|prefix", method.name)

    def test_the_one_field_that_names_a_file_of_the_node_leads_only_where_the_configuration_says(self):
        keys, outside = self.server.data / "dev", self.server.data / "outside.key"
        (keys / "link").symlink_to(outside)
        (keys / "folder").symlink_to(self.server.data)
        before = sorted(self.server.data.glob("*")), sorted(keys.glob("*"))
        add = lambda name: self.server.cli("admin", "seal", "add", "x", "--kind", "key-file", "--key-file", name)  # noqa: E731
        for name in (outside, "../outside.key", "/etc/hostname", "/etc/shadow", "/dev/shm/x", "link", "folder/x", keys / "../x", ".", keys):
            done = add(name)
            self.assertEqual(done.returncode, 2, (name, done.stderr))
            self.assertIn(b"key_file: ", done.stderr)
        self.assertEqual((sorted(self.server.data.glob("*")), sorted(keys.glob("*"))), before, "something was made")
        self.assertIn(b"must lie in this node's seal.key_directory", add("/etc/hostname").stderr)
        self.assertEqual(add("/etc/hostname").stderr, add("/etc/no-such-file").stderr, "it tells what there is elsewhere")
        self.assertEqual(add("second.key").returncode, 0)
        self.assertEqual((keys / "second.key").stat().st_mode & 0o777, 0o600)

    def test_no_other_field_of_the_admin_api_names_a_place(self):
        def places(message, seen=()):
            for field in message.fields:
                if re.search("path|file|dir(?!ect)|folder|sink|url|uri|host", field.name):
                    yield field.name
                if field.message_type and field.message_type.full_name not in seen:
                    yield from places(field.message_type, (*seen, field.message_type.full_name))
        found = {(service.name, method.name, name) for file in stubs.admin_files() for service in file.services_by_name.values()
                 for method in service.methods for name in places(method.input_type)}
        self.assertEqual(found, {("Seal", "Add", "key_file"), ("Issuers", "Put", "jwks_url")}, "docs/threat-model.md names those that there are")

    def test_records_cannot_be_forged_by_what_a_client_says(self):
        forged = '"},{"kind":"change","principal":"operator'
        self.server.get("n", headers={"x-request-id": forged.replace(" ", "")})
        self.server.get("n\n{\"seq\":1}", headers={"x-request-id": "forge"})
        self.assertEqual(self.server.cli("admin", "audit", "verify").returncode, 0)
        for path in (self.server.data / "audit").glob("*.jsonl"):
            for line in path.read_text().splitlines():
                self.assertNotEqual(json.loads(line).get("principal"), "operator")


class G_ResourceExhaustion(ServerCase):
    """What somebody without a credential sends costs bounded memory and changes nothing; others are served meanwhile."""

    config = '[http.limits]\nheader_timeout = "2s"\nconnections = 200\n'
    # What one bomb takes while it is parsed (a body of a megabyte becomes some ten), and what the allocator keeps of it.
    MOST_GROWTH = 256 << 20

    def setUp(self):
        self.server.put("g", "alive")
        self.server.request("GET", "/metrics", token=None)
        self.before = resident_bytes(self.server)

    def tearDown(self):
        self.assertEqual(self.server.get("g").json["value"], "alive")
        growth = resident_bytes(self.server) - self.before
        self.assertLess(growth, self.MOST_GROWTH, f"{growth >> 20} MiB more than before")

    def test_json_bombs(self):
        bombs = ['{"value":' + "[" * 200_000 + "]" * 200_000 + "}", '{"a":' * 100_000 + "1" + "}" * 100_000,
                 '{"data":{' + ",".join(f'"k{i}":"v"' for i in range(150_000)) + "}}", '{"data":{' + ",".join('"k":"v"' for _ in range(150_000)) + "}}",
                 '{"value":' + "9" * 1_000_000 + "}", '{"value":1e' + "9" * 1_000_000 + "}"]
        for bomb in bombs * 3:
            for token in ("root", None):
                self.assertGreaterEqual(self.server.request("PUT", self.server.path("bomb"), bomb, token=token).status, 400)
        self.assertEqual(self.server.get("bomb").status, 404)

    def test_header_floods(self):
        for head in (b"x" * 2_000_000, b"".join(b"x-%d: y\r\n" % i for i in range(100_000)), b"x: " + b"y" * 1_000_000):
            answer = self.server.raw(b"GET /v1/x HTTP/1.1\r\nhost: x\r\n" + head + b"\r\n\r\n")
            self.assertTrue(answer == b"" or re.match(rb"HTTP/1.1 4\d\d ", answer), answer[:100])

    def test_slow_senders_hold_nobody_up(self):
        host, port = self.server.http_address.rsplit(":", 1)
        slow = []
        for n in range(150):
            s = socket.create_connection((host, int(port)), timeout=20)
            s.sendall(b"GET /v1/x HTTP/1.1\r\nhost: x\r\nx-slow: ")
            slow.append(s)
        self.assertEqual(self.server.get("g").status, 200)
        closed = 0
        for s in slow:
            s.settimeout(20)
            try:
                while s.recv(4096):
                    pass
                closed += 1
            except ConnectionResetError:
                closed += 1
            except socket.timeout:
                pass
            s.close()
        self.assertEqual(closed, 150, "each is cut by its time")

    def cpu_ns(self):
        """Of all threads that there are; gRPC's come and go, but none ends within a second of work."""
        return sum(int(Path(path).read_text().split()[0]) for path in glob.glob(f"/proc/{self.server.pid}/task/*/schedstat"))

    def honest_calls(self, number):
        with grpc.insecure_channel(self.server.grpc_address) as channel:
            get = native_services.SecretsStub(channel).Get
            request, metadata = native.GetRequest(tenant="default", space="kv", name="g"), [("authorization", "Bearer " + self.server.token())]
            for _ in range(number // 50):
                for call in [get.future(request, metadata=metadata, timeout=60) for _ in range(50)]:
                    self.assertEqual(call.result().value, "alive")

    def test_http2_streams_that_are_reset_at_once(self):
        """One costs no more than a call that is served. Accepted: that the connection is served on, or that it is ended with a
        GOAWAY (gRPC's newer releases count resets), or just closed. Other connections are served in any case (tearDown)."""
        number, costs = 5_000, []
        self.honest_calls(500)                  # warms up
        for _ in range(3):
            before = self.cpu_ns()
            self.honest_calls(number)
            honest = (self.cpu_ns() - before) / number
            before = self.cpu_ns()
            connection = Http2(self.server.grpc_address)
            sent = connection.open_and_reset(number)
            reaction = connection.settle()
            connection.close()
            self.assertIn(reaction, ("served", "goaway", "closed"))
            self.assertGreater(sent, 0)
            costs.append(((self.cpu_ns() - before) / sent, honest, reaction))
        for reset, honest, reaction in costs:
            print(f"a reset stream {reset / 1000:.1f} us, an honest call {honest / 1000:.1f} us of the server's processor time; {reaction}")
        reset, honest, _ = min(costs, key=lambda cost: cost[0] / cost[1])
        self.assertLess(reset, honest * RESET_COST)

    def test_http2_headers_that_never_end(self):
        connection = Http2(self.server.grpc_address)
        connection.continuation_flood(20_000)  # 20 MB of header; what is beyond the limit is not kept
        connection.close()

    def test_http2_pings(self):
        connection = Http2(self.server.grpc_address)
        connection.ping_flood(50_000)
        connection.close()

    def test_nobody_without_a_credential_changes_anything(self):
        with Admin(self.server) as admin:
            before = len(admin.call(admin.tenants.List, admin_pb().ListTenantsRequest()).tenants)
        for n in range(100):
            self.server.put("x", "y", tenant=f"invented-{n}", token=None)
            self.server.put("x", "y", tenant=f"invented-{n}", token="cft_" + "A" * 90)
        with grpc.insecure_channel(self.server.admin_address) as channel:
            for service in admin_pb().DESCRIPTOR.services_by_name.values():
                for method in service.methods:
                    call = channel.unary_unary(f"/{service.full_name}/{method.name}", request_serializer=bytes, response_deserializer=bytes)
                    with self.assertRaises(grpc.RpcError) as refused:
                        call(b"", timeout=20)
                    self.assertIn(refused.exception.code(), (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.RESOURCE_EXHAUSTED), method.full_name)
        with Admin(self.server) as admin:
            self.assertEqual(len(admin.call(admin.tenants.List, admin_pb().ListTenantsRequest()).tenants), before)


class H_SideChannels(ServerCase):
    """What an answer says must not depend on what the asker may not know. Times are not asserted: comparing in constant
    time is unit_crypto's, and that the same path is taken is unit_actors' (a refused name is looked up in both cases)."""

    def test_a_missing_and_a_forbidden_secret_are_the_same_answer(self):
        self.server.put("secret", "x", space="h")
        with Admin(self.server) as admin:
            token = admin.create_token("default", spaces=("h-other",)).secret
        answers = []
        for name in ("secret", "absent"):
            answer = self.server.get(name, space="h", token=token)
            answers.append((answer.status, re.sub(rb'"request_id":"[^"]*"', b"", answer.body).replace(name.encode(), b"")))
        self.assertEqual(answers[0], answers[1])

    def test_wrong_tokens_are_all_the_same(self):
        with Admin(self.server) as admin:
            token = admin.create_token("default").secret
        bodies = set()
        for wrong in (token[:-4] + "AAAA", token[:20] + "A" * (len(token) - 20), "cft_" + "A" * (len(token) - 4), "cft_", "nonsense"):
            answer = self.server.get("n", token=wrong)
            self.assertEqual(answer.status, 401)
            bodies.add(re.sub(rb'"request_id":"[^"]*"', b"", answer.body))
        self.assertEqual(len(bodies), 1, bodies)


class I_Injection(ServerCase):
    """Nothing evaluates what tenants write: hostile names and values come back as they went in."""

    HOSTILE = ("'; DROP TABLE x; --", "<script>alert(1)</script>", "{{7*7}}", "${7*7}", "<%= 7*7 %>", "$(id)", "`id`", "../../etc/passwd", "%00", "a\u202eb", "\u0000"[1:] or "x",
               "*)(uid=*", "%s%n%x", "\\u0000", '"},{"', "{}", "__proto__")

    def test_hostile_names_and_values_come_back_as_they_were(self):
        for text in self.HOSTILE:
            self.assertEqual(self.server.put(text, {"value": text, "tags": {"t": text}, "description": text}, space="i").status, 200, text)
            answer = self.server.get(text, space="i")
            self.assertEqual((answer.json["name"], answer.json["value"], answer.json["tags"]["t"], answer.json["description"]), (text, text, text, text))
            self.assertTrue(answer.headers["content-type"].startswith("application/json"))
        listed = self.server.request("GET", "/v1/tenants/default/spaces/i/secrets?page_size=1000").json["secrets"]
        self.assertEqual({s["name"] for s in listed}, set(self.HOSTILE))


class J_StaleAuthorisation(ServerCase):
    """A revocation counts from the answer on, whichever way the right came."""

    def test_a_revoked_token_is_refused_from_the_next_request_on(self):
        self.server.put("n", "x", space="j")
        with Admin(self.server) as admin:
            for _ in range(20):
                made = admin.create_token("default")
                self.assertEqual(self.server.get("n", space="j", token=made.secret).status, 200)
                admin.revoke("default", made.token.id)
                self.assertEqual(self.server.get("n", space="j", token=made.secret).status, 401)

    def test_a_right_that_is_taken_is_gone_with_the_next_request(self):
        self.server.put("n", "x", space="j")
        with Admin(self.server) as admin:
            made = admin.call(admin.tokens.Create, admin_pb().CreateTokenRequest(tenant="default"))
            for _ in range(10):
                policy = admin_pb().Policy()
                policy.roles.add(name="r").grants.add(effect="allow", capabilities=["read", "read-value"], spaces=["j"], names=["*"])
                policy.bindings.add(role="r", subjects=["token:" + made.token.id])
                admin.call(admin.policies.Apply, admin_pb().ApplyPolicyRequest(tenant="default", policy=policy))
                self.assertEqual(self.server.get("n", space="j", token=made.secret).status, 200)
                admin.call(admin.policies.Apply, admin_pb().ApplyPolicyRequest(tenant="default", policy=admin_pb().Policy()))
                self.assertEqual(self.server.get("n", space="j", token=made.secret).status, 403)


class K_FilePermissions(unittest.TestCase):
    def test_nothing_is_readable_by_others_also_with_an_umask_of_0(self):
        server = Server(prefix=["sh", "-c", 'umask 0; exec "$@"', "sh"])
        self.addCleanup(server.close)
        server.start()
        for n in range(20):
            server.put(f"n{n}", "x" * 100_000)
        server.terminate()
        wrong = []
        for path in [server.data, *server.data.rglob("*")]:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                wrong.append(f"{path.relative_to(server.data)} {mode:o}")
        self.assertEqual(wrong, [])
        self.assertTrue((server.data / "audit").is_dir())


def admin_pb():
    import admin_client
    return admin_client.pb


if __name__ == "__main__":
    unittest.main()
