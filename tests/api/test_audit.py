#!/usr/bin/env python3
"""The audit trail through the doors: who asked what and what came out, never a value, names only on the tenant's wish;
damage is named; strict tenants wait for the disk; sinks never stop the service; who floods is counted."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from admin_client import Admin
from audit_trail import CONFIG, records, trail, wait_for
from harness import Server, ServerCase


class Audit(ServerCase):
    config = CONFIG

    def requests(self, **fields):
        return wait_for(self.server, lambda r: all(r.get(k) == v for k, v in fields.items()))

    def test_a_read_and_a_denied_read_are_recorded(self):
        self.server.put("read-me", "x", space="reads")
        with Admin(self.server) as admin:
            token = admin.create_token("default", spaces=("reads",), names=("read-me",))
        self.assertEqual(self.server.get("read-me", space="reads", token=token.secret, headers={"x-request-id": "read-1"}).status, 200)
        self.assertEqual(self.server.get("other", space="reads", token=token.secret, headers={"x-request-id": "read-2"}).status, 403)
        who = "token:" + token.token.id
        good = self.requests(action="get", principal=who, outcome="OK")
        self.assertEqual((good["door"], good["request_id"], good["version"], good["kind"]), ("native", "read-1", 1, "request"))
        self.assertRegex(good["address"], r"^127\.0\.0\.1:\d+$")
        denied = self.requests(action="get", principal=who, outcome="PERMISSION_DENIED")
        self.assertEqual(denied["request_id"], "read-2")
        self.assertNotEqual(denied["entry"], good["entry"])

    def test_a_change_is_recorded_from_its_write_set_once_and_after_a_restart_still_once(self):
        server = Server(config=CONFIG).start()
        self.addCleanup(server.close)
        answer = server.put("changed", "x", headers={"x-request-id": "change-1"})
        self.assertEqual(answer.status, 200)
        change = wait_for(server, lambda r: r["kind"] == "change" and r.get("request_id") == "change-1")
        self.assertEqual((change["action"], change["version"], change["principal"], change["outcome"]), ("put", 1, "dev-root", "OK"))
        server.kill()
        server.start()
        wait_for(server, lambda r: r["kind"] == "segment" and r["seq"] > change["seq"])
        self.assertEqual(sum(r.get("request_id") == "change-1" for r in records(server)), 1)
        self.assertEqual(server.cli("admin", "audit", "verify").returncode, 0)

    def test_what_nobody_may_do_is_recorded_for_a_change_too(self):
        with Admin(self.server) as admin:
            token = admin.create_token("default")
        self.assertEqual(self.server.put("forbidden", "x", token=token.secret).status, 403)
        denied = self.requests(action="put", principal="token:" + token.token.id)
        self.assertEqual(denied["outcome"], "PERMISSION_DENIED")
        self.assertIn("entry", denied)

    def test_several_secrets_in_one_request_are_each_recorded(self):
        self.server.put("one", "1", space="batch")
        self.server.request("POST", "/v1/tenants/default:batchGet", {"secrets": [{"space": "batch", "name": "one"}, {"space": "batch", "name": "none"}]},
                            headers={"x-request-id": "batch-1"})
        batch = self.requests(request_id="batch-1")
        self.assertEqual([i["outcome"] for i in batch["items"]], ["OK", "NOT_FOUND"])

    def test_every_door_is_named(self):
        self.server.put("dapr-read", "x")
        self.assertEqual(self.server.request("GET", "/v1.0/secrets/coffer/dapr-read", token=None).status, 200)
        self.assertEqual(self.requests(door="dapr", action="get")["principal"], "door:dapr")
        self.server.cli("admin", "tenants", "list")
        self.assertEqual(self.requests(door="admin", action="list_tenants")["principal"], "dev-root")
        self.server.cli("admin", "status")
        self.assertEqual(self.requests(door="admin", action="Server/Status")["outcome"], "OK")

    def test_a_flood_without_a_credential_is_counted_and_not_recorded_one_by_one(self):
        server = Server(config=CONFIG).start()
        self.addCleanup(server.close)
        for n in range(50):
            self.assertEqual(server.get("x", token=f"cft_wrong{n}").status, 401)
        server.terminate()  # what is counted is written at the end, at the latest
        refusals = [r for r in records(server) if r["kind"] == "refusals"]
        self.assertEqual([(r["address"], r["count"], r["outcome"]) for r in refusals], [("127.0.0.1", 50, "UNAUTHENTICATED")])

    def test_names_are_hashed_unless_the_tenant_asks_otherwise(self):
        server = Server(config=CONFIG).start()
        self.addCleanup(server.close)
        server.put("hidden-name", "x")
        server.get("hidden-name", headers={"x-request-id": "hidden"})
        hidden = wait_for(server, lambda r: r.get("request_id") == "hidden")
        self.assertNotIn("hidden-name", "".join(p.read_text() for p in trail(server)))
        shown = server.cli("admin", "audit", "query", "--tenant", "default", "--name", "hidden-name", "--action", "get")
        self.assertEqual([json.loads(l)["seq"] for l in shown.stdout.splitlines()], [hidden["seq"]], "a name finds its records")
        changed = server.admin("audit", "settings", "default", "--names", "clear")
        self.assertTrue(changed["clear_names"])
        server.put("clear-name", "x")
        server.get("clear-name", headers={"x-request-id": "clear"})
        clear = wait_for(server, lambda r: r.get("request_id") == "clear")
        self.assertEqual((clear["space"], clear["name"]), ("kv", "clear-name"))
        change = wait_for(server, lambda r: r["kind"] == "change" and r.get("name") == "clear-name")
        self.assertEqual(change["action"], "put")

    def test_a_strict_tenants_answer_means_that_its_record_is_on_disk(self):
        server = Server(config='[audit]\nsync_interval = "1m"\n').start()
        self.addCleanup(server.close)
        server.put("n", "x")
        server.admin("audit", "settings", "default", "--strict", "on")
        for n in range(10):
            self.assertEqual(server.get("n", headers={"x-request-id": f"strict-{n}"}).status, 200)
            self.assertTrue(any(r.get("request_id") == f"strict-{n}" for r in records(server)), "the answer was earlier than the record")
        server.put("n", "y", headers={"x-request-id": "strict-put"})
        self.assertTrue(any(r.get("request_id") == "strict-put" for r in records(server)))

    def test_a_trace_goes_through_to_the_records(self):
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        self.server.put("traced", "x", headers={"traceparent": trace, "x-request-id": "traced-put"})
        self.server.get("traced", headers={"traceparent": trace, "x-request-id": "traced-get"})
        self.server.get("traced", headers={"traceparent": "00-nonsense", "x-request-id": "traced-bad"})
        self.assertEqual(self.requests(request_id="traced-put")["trace"], trace)
        self.assertEqual(self.requests(request_id="traced-get")["trace"], trace)
        self.assertNotIn("trace", self.requests(request_id="traced-bad"))

    def test_the_command_reads_and_verifies_the_trail(self):
        self.server.put("verified", "x")
        self.requests(kind="change", action="put")
        done = self.server.cli("admin", "audit", "verify")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"whole and in order", done.stdout)
        tail = self.server.cli("admin", "audit", "tail", "-n", "5").stdout.splitlines()
        self.assertEqual(len(tail), 5)
        self.assertEqual(json.loads(tail[-1])["seq"], json.loads(tail[0])["seq"] + 4)
        refused = self.server.cli("admin", "audit", "query", "--tenant", "nobody-here")
        self.assertEqual(refused.returncode, 3)
        self.assertIn(b"there is no tenant nobody-here", refused.stderr)

    def test_metrics_count_records(self):
        text = self.server.request("GET", "/metrics", token=None).body.decode()
        for name in ("coffer_audit_records_total", "coffer_audit_dropped_total", "coffer_audit_last_record", "coffer_disk_free_bytes", "coffer_read_only"):
            self.assertRegex(text, rf"(?m)^{name} \S+$")


class Damage(unittest.TestCase):
    """Somebody writes to the files; both ways of verifying name the place."""

    def setUp(self):
        self.server = Server(config=CONFIG).start()
        self.addCleanup(self.server.close)
        for n in range(10):
            self.server.put(f"n{n}", "x")
        self.last = wait_for(self.server, lambda r: r["kind"] == "change" and r["action"] == "put" and r["revision"] == 10)

    def verify(self, expected):
        running = self.server.cli("admin", "audit", "verify")
        self.assertNotEqual(running.returncode, 0, running.stdout)
        self.assertRegex(running.stdout.decode(), expected)
        apart = self.server.cli("admin", "audit", "verify", "--dir", self.server.data / "audit")
        self.assertNotEqual(apart.returncode, 0, apart.stdout)
        self.assertRegex(apart.stdout.decode(), expected)

    def lines(self):
        path = trail(self.server)[0]
        return path, path.read_bytes().splitlines(keepends=True)

    def segments(self):
        lines = (line for path in trail(self.server) for line in path.read_text().splitlines())
        return [json.loads(line) for line in lines if '"kind":"segment"' in line]

    def test_one_public_key_verifies_the_trail_over_rotations(self):
        data = self.server.data / "audit"
        first = self.segments()[0]
        for n in range(2):
            self.assertEqual(self.server.cli("admin", "keys", "rotate", "cluster").returncode, 0)
            self.server.put("n", f"x{n}")
            # The trail takes the newest key when it writes: of two rotations at once it would see the second only.
            wait_for(self.server, lambda r: r["kind"] == "segment" and r["key"] == 2 + n)
        self.server.terminate()
        apart = self.server.cli("admin", "audit", "verify", "--dir", data, "--public-key", first["public_key"])
        self.assertEqual(apart.returncode, 0, (apart.stdout, apart.stderr))
        self.assertIn(b"key 2 (", apart.stdout)
        self.assertIn(b"whole and in order", apart.stdout)
        newest = self.segments()[-1]
        self.assertEqual(newest["key"], 3)
        apart = self.server.cli("admin", "audit", "verify", "--dir", data, "--public-key", newest["public_key"])
        self.assertEqual(apart.returncode, 0, (apart.stdout, apart.stderr))
        stranger = ("A" if first["public_key"][0] != "A" else "B") + first["public_key"][1:]
        apart = self.server.cli("admin", "audit", "verify", "--dir", data, "--public-key", stranger)
        self.assertNotEqual(apart.returncode, 0)
        self.assertIn(b"none of the keys that were given", apart.stdout)

    def test_a_flipped_byte(self):
        path, lines = self.lines()
        at = next(n for n, line in enumerate(lines) if n > 2 and b'"outcome":"OK"' in line)
        lines[at] = lines[at].replace(b'"outcome":"OK"', b'"outcome":"OJ"')
        path.write_bytes(b"".join(lines))
        self.verify(rf"{path.name} line {at + 1}: record {at + 1} was altered")

    def test_a_removed_record(self):
        path, lines = self.lines()
        del lines[4]
        path.write_bytes(b"".join(lines))
        self.verify(rf"{path.name} line 5: record 5 is missing")

    def test_swapped_records(self):
        path, lines = self.lines()
        lines[4], lines[5] = lines[5], lines[4]
        path.write_bytes(b"".join(lines))
        self.verify(rf"{path.name} line 6: record 5 stands behind record 6")

    def test_a_cut_end(self):
        self.server.terminate()
        path, lines = self.lines()
        path.write_bytes(b"".join(lines[:5]))
        apart = self.server.cli("admin", "audit", "verify", "--dir", self.server.data / "audit")
        self.assertRegex(apart.stdout.decode(), rf"{path.name} line 6: records 6 to \d+ are missing at the end")
        self.server.start()  # an audit trail that somebody broke does not keep the service from starting
        trouble = wait_for(self.server, lambda r: r["kind"] == "trouble")
        self.assertRegex(trouble["details"], r"records 6 to \d+ are missing")
        self.verify(r"records 6 to \d+ are missing")


class Sinks(unittest.TestCase):
    def start(self, config, **more):
        server = Server(config=config, **more)
        self.addCleanup(server.close)
        return server.start()

    def test_syslog_over_udp_gets_each_record(self):
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(20)
        server = self.start(CONFIG + f'[audit.syslog]\naddress = "udp:127.0.0.1:{listener.getsockname()[1]}"\nfacility = 16\n')
        server.put("n", "x", headers={"x-request-id": "to-syslog"})
        while True:
            message = listener.recv(65536).decode()
            header = re.match(r"<133>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \S+ coffer \d+ audit - (\{.*\})$", message)
            self.assertTrue(header, message)
            if json.loads(header.group(1)).get("request_id") == "to-syslog":
                break

    def test_a_syslog_server_that_hangs_stops_nothing(self):
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)  # and never reads
        server = self.start(CONFIG + f'sink_queue = 16\n[audit.syslog]\naddress = "tcp:127.0.0.1:{listener.getsockname()[1]}"\n')
        server.admin("audit", "settings", "default", "--strict", "on") if server.put("n", "x").status == 200 else self.fail("put")
        connection = server.connect()
        dropped = 0
        for n in range(60_000):  # until the kernel's buffers between the two are full
            connection.request("GET", server.path("n"), headers={"authorization": "Bearer " + server.token()})
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200)
            if n % 1000 == 999:
                metrics = server.request("GET", "/metrics", token=None).body.decode()
                dropped = float(re.search(r'coffer_audit_sink_dropped_total\{sink="syslog"\} (\S+)', metrics).group(1))
                if dropped > 0:
                    break
        connection.close()
        self.assertGreater(dropped, 0)
        self.assertEqual(server.cli("admin", "audit", "verify").returncode, 0)
        begun = time.monotonic()
        self.assertEqual(server.terminate(), 0)
        self.assertLess(time.monotonic() - begun, 30)

    def test_a_stdout_that_nobody_reads_stops_nothing(self):
        server = Server(config=CONFIG + "stdout = true\nsink_queue = 16\n")
        self.addCleanup(server.close)
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        server.http_address, server.grpc_address, server.admin_address = (f"127.0.0.1:{p}" for p in self.ports())
        with open(server.log_path, "ab") as log:
            server.process = subprocess.Popen(server.command(), stdout=writing, stderr=log, stdin=subprocess.DEVNULL)
        os.close(writing)
        self.assertTrue(server.wait_ready())
        for n in range(400):
            self.assertEqual(server.put(f"n{n % 10}", "x").status, 200)
        self.assertEqual(server.terminate(), 0)
        self.assertIn(b'"kind":"change"', os.read(reading, 65536))

    @staticmethod
    def ports():
        from harness import free_port
        return free_port(), free_port(), free_port()

    def test_a_wrong_sink_is_refused_at_the_start(self):
        server = Server(config='[audit.syslog]\naddress = "file:/etc/passwd"\n')
        self.addCleanup(server.close)
        server.spawn()
        self.assertEqual(server.process.wait(30), 2)
        self.assertIn("audit.syslog.address", server.log())


if __name__ == "__main__":
    unittest.main()
