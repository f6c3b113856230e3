#!/usr/bin/env python3
"""Every metric that docs/operations.md lists is shown by a server, none is shown that it does not list, and each of a single
node moves when what it counts happens: here, or in the test that is named below."""

import base64
import json
import os
import shutil
import socket
import tempfile
import time
import unittest
from pathlib import Path

from documented_metrics import Watch, documented
from harness import ROOT, Server, run
from test_keys import eventually

CLUSTER = "A cluster's:"
# What a black box cannot bring about in a moment is shown by these, which name the metric.
ELSEWHERE = {
    "coffer_audit_dropped_total": "tests/unit/actors/test_audit_log.cpp",
    "coffer_audit_failures_total": "tests/unit/actors/test_audit_log.cpp",
    "coffer_audit_queue_bytes": "tests/unit/actors/test_audit_log.cpp",
    "coffer_audit_queue_fullest_ratio": "tests/unit/actors/test_audit_log.cpp",
    "coffer_audit_sink_dropped_total": "tests/api/test_audit.py",
    "coffer_audit_sink_failures_total": "tests/unit/actors/test_audit_log.cpp",
    "coffer_audit_sink_queue": "tests/unit/actors/test_audit_log.cpp",
    "coffer_credentials_dropped_total": "tests/unit/net/test_identity_gateway.cpp",
    "coffer_sources_refused_total": "tests/api/test_quotas.py",
}
# Shown, but not brought about: a call must meet the moment in which a shard ends; a deleted version is kept for seven days.
NOT_SEEN_TO_MOVE = {"coffer_calls_rerouted_total", "coffer_swept_entries_total"}
# Settings, which are shown beside what they bound.
SETTINGS = {"coffer_audit_queue_limit_bytes", "coffer_audit_sink_queue_limit"}


class DocumentedMetrics(unittest.TestCase):
    def start(self, config="", **more):
        server = Server(config=config, **more)
        self.addCleanup(server.close)
        return server.start()

    def test_each_is_there_and_moves(self):
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        watch = Watch()
        server = self.start("[metrics]\ntenants = 5\n[shards]\nidle = \"1s\"\n[storage]\ncheckpoint_bytes = \"1MiB\"\n[audit]\nsync_interval = \"50ms\"\n[audit.syslog]\n"
                            f'address = "udp:127.0.0.1:{listener.getsockname()[1]}"\n')
        watch.look(server)
        self.use(server, watch)
        self.tire_a_quota(server, watch)
        self.ask_with_jwts(server, watch)
        self.turn_keys(server, watch)
        self.seal(server, watch)
        full = self.start('[storage]\nread_only_below = "60000GiB"\n')
        watch.look(full)

        single = documented() - documented(CLUSTER)
        self.assertEqual(watch.names - documented(), set(), "shown, but docs/operations.md does not list it")
        self.assertEqual(single - watch.names, set(), "docs/operations.md lists it, but it is not shown")
        self.assertEqual(single - watch.moved - SETTINGS - NOT_SEEN_TO_MOVE - set(ELSEWHERE), set(), "it did not move")
        for name, place in ELSEWHERE.items():
            self.assertIn(name, (ROOT / place).read_text(), f"{place} is said to show {name}")

    def use(self, server, watch):
        for n in range(5):
            self.assertEqual(server.put(f"n{n}", "x" * 100, tenant="acme").status, 200)
            self.assertEqual(server.get(f"n{n}", tenant="acme").status, 200)
        self.assertEqual(server.get("n0", tenant="acme", token="cft_wrong").status, 401)
        self.assertEqual(server.request("GET", "/v1/tenants/acme/spaces/kv/secrets?page_size=10").status, 200)
        for n in range(20):
            self.assertEqual(server.put("large", os.urandom(100_000).hex(), tenant="acme").status, 200)
        watch.look(server)
        filler = server.data / "filler"
        filler.write_bytes(os.urandom(4 << 20))  # the disk has less room
        with open(filler, "rb") as out:
            os.fsync(out.fileno())
        self.assertTrue(eventually(lambda: watch.look(server) or "coffer_shards_stopped_total" in watch.moved), "an idle tenant rests")
        self.assertTrue(eventually(lambda: watch.look(server) or "coffer_disk_free_bytes" in watch.moved))

    def tire_a_quota(self, server, watch):
        server.admin("quotas", "set", "acme", "--entries", "7", "--bytes", "100MiB", "--reads", "2", "--read-burst", "2")
        self.assertEqual(server.put("n5", "x", tenant="acme").status, 200)
        watch.look(server)
        self.assertEqual(server.put("n6", "x", tenant="acme").status, 429)
        self.assertIn(429, [server.get("n0", tenant="acme").status for _ in range(10)])
        watch.look(server)
        self.assertEqual(server.put("n6", "x", tenant="acme").status, 429)
        server.admin("quotas", "set", "acme", "--lists", "100")
        watch.look(server)
        shown = {name: dict(seen[id(server)][-1]) for name, seen in watch.seen.items() if id(server) in seen}
        entries, acme = (("limit", "entries"),), (("tenant", "acme"), ("limit", "entries"))
        self.assertEqual(shown["coffer_quota_used"][entries], 7)
        self.assertEqual(shown["coffer_quota_limit"][entries], 7)
        self.assertEqual(shown["coffer_quota_fullest_ratio"][entries], 1)
        self.assertEqual(shown["coffer_quota_limited_tenants"][entries], 1)
        self.assertEqual(shown["coffer_tenant_quota_used"][acme], 7)
        self.assertEqual(shown["coffer_tenant_quota_limit"][acme], 7)
        self.assertEqual(shown["coffer_tenant_quota_refused_total"][acme], 2)
        self.assertGreaterEqual(shown["coffer_tenant_quota_refused_total"][("tenant", "acme"), ("limit", "reads_per_second")], 1)

    def ask_with_jwts(self, server, watch):
        done = server.cli("dev-token", "--data", server.data, "--tenant", "acme", "--user", "ann")
        self.assertEqual(done.returncode, 0, done.stderr)
        good = done.stdout.decode().strip()
        for token in (good, good, good[:-6] + "AAAAAA"):
            server.get("n0", tenant="acme", token=token)
        encode = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()  # noqa: E731
        stranger = ".".join((encode({"alg": "RS256", "kid": "none"}), encode({"iss": "https://nobody.example", "sub": "x", "exp": int(time.time()) + 60}), "c2ln"))
        server.get("n0", tenant="acme", token=stranger)
        server.admin("issuers", "put", "far", "--tenant", "acme", "--iss", "https://far.example", "--jwks-url", "https://127.0.0.1:1/keys")
        asked = ".".join((encode({"alg": "RS256", "kid": "none"}), encode({"iss": "https://far.example", "sub": "x", "exp": int(time.time()) + 60}), "c2ln"))
        server.get("n0", tenant="acme", token=asked)
        watch.look(server)

    def turn_keys(self, server, watch):
        server.admin("keys", "reseal", "--pause")
        watch.look(server)
        server.admin("keys", "rotate", "data", "--tenant", "acme")
        self.assertTrue(eventually(lambda: watch.look(server) or "coffer_reseal_tenants_left" in watch.moved))
        server.admin("keys", "reseal", "--resume")
        self.assertTrue(eventually(lambda: watch.look(server) or "coffer_reseal_rows_total" in watch.moved))
        server.put("n", "x", tenant="gone")
        self.assertEqual(server.cli("admin", "tenants", "delete", "gone", "--purge", "--yes").returncode, 0)
        self.assertTrue(eventually(lambda: watch.look(server) or "coffer_purged_tenants_total" in watch.moved))

    def seal(self, server, watch):
        folder = Path(tempfile.mkdtemp(prefix="coffer-shares-"))
        self.addCleanup(shutil.rmtree, folder)
        made = server.cli("admin", "seal", "add", "holders", "--kind", "shamir", "--shares", "2", "--threshold", "2").stdout.decode().split()
        for number, share in enumerate(made):
            (folder / str(number)).write_text(share + "\n")
            self.assertEqual(server.cli("admin", "seal", "verify", "--share-file", folder / str(number)).returncode, 0)
        self.assertEqual(server.cli("admin", "seal", "now", "--yes").returncode, 0)

        def is_sealed():
            try:
                return server.request("GET", "/readyz", token=None).status == 503
            except OSError:
                return False
        self.assertTrue(eventually(is_sealed))
        server.get("n0")
        watch.look(server)
        shown = {name for name, seen in watch.seen.items() if name.startswith("coffer_audit_") and len(seen[id(server)]) == len(watch.seen["coffer_ready"][id(server)])}
        self.assertEqual(shown, {"coffer_audit_queue_bytes", "coffer_audit_queue_limit_bytes", "coffer_audit_queue_fullest_ratio",
                                 "coffer_audit_dropped_total", "coffer_audit_refusals_total"}, "what a sealed node shows of its audit")


if __name__ == "__main__":
    unittest.main()
