#!/usr/bin/env python3
"""/metrics as a whole: what there is of each part of the server, histograms that agree with the counters, and no label that
names a tenant, a secret or a path, unless the configuration wants tenants by name."""

import re
import unittest

from admin_client import Admin
from harness import ServerCase

LINE = re.compile(r"^([a-z_]+)(?:\{(.*)\})? (\S+)$")


def parse(text):
    """{(name, ((label, value), ...)): number}"""
    found = {}
    for line in text.splitlines():
        match = LINE.match(line)
        if match:
            found[match[1], tuple(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))] = float(match[3])
    return found


class MetricsTest(ServerCase):
    def metrics(self):
        answer = self.server.request("GET", "/metrics", token=None)
        self.assertEqual(answer.status, 200)
        return parse(answer.body.decode())

    def test_every_method_has_a_histogram_that_agrees_with_its_counter(self):
        for n in range(5):
            self.server.put(f"name-canary-{n}", "x", tenant="tenant-canary", space="space-canary")
            self.server.get(f"name-canary-{n}", tenant="tenant-canary", space="space-canary")
        self.assertEqual(self.server.get("name-canary-none", tenant="tenant-canary").status, 404)
        self.server.request("GET", "/v1.0/secrets/direktiv-store-canary/key-canary")
        self.server.request("GET", "/path-canary")
        with Admin(self.server) as admin:
            admin.create_tenant("made-canary")
        found = self.metrics()
        counted, timed = {}, {}
        for (name, labels), value in found.items():
            by = dict(labels)
            if name == "coffer_requests_total":
                key = by["door"], by["method"]
                counted[key] = counted.get(key, 0) + value
            elif name == "coffer_request_seconds_count":
                timed[by["door"], by["method"]] = value
        self.assertEqual(counted, timed)
        self.assertGreaterEqual(counted["native", "Secrets/Get"], 6)
        self.assertEqual(counted["admin", "Tenants/Create"], 1)
        self.assertTrue(any(door == "dapr" for door, _ in counted))
        for door, method in timed:
            buckets = [(float(dict(labels)["le"].replace("+Inf", "inf")), value) for (name, labels), value in found.items()
                       if name == "coffer_request_seconds_bucket" and dict(labels)["door"] == door and dict(labels)["method"] == method]
            self.assertEqual(len(buckets), 17)
            self.assertEqual([v for _, v in sorted(buckets)], sorted(v for _, v in buckets), "buckets add up")
            self.assertEqual(sorted(buckets)[-1][1], timed[door, method])
        text = str(found)
        self.assertNotIn("canary", text)

    def test_each_part_of_the_server_is_there(self):
        self.server.put("n", "x")
        names = {name for name, _ in self.metrics()}
        for part in ("coffer_requests_total", "coffer_request_seconds_bucket", "coffer_active_shards", "coffer_shards_started_total", "coffer_group_leader",
                     "coffer_group_durable_index", "coffer_log_batches_total", "coffer_log_writes_total", "coffer_checkpoints_total", "coffer_disk_free_bytes",
                     "coffer_ready", "coffer_sealed", "coffer_audit_records_total", "coffer_audit_dropped_total", "coffer_quota_refused_total", "coffer_reseal_paused"):
            self.assertIn(part, names)

    def test_strangers_paths_and_methods_make_no_series(self):
        before = len(self.metrics())
        for n in range(50):
            self.server.request("GET", f"/nothing/{n}", token=None)
            self.server.request(f"VERB{n}", "/v1/x", token=None)
            self.server.get(f"x{n}", tenant=f"t{n}", token="cft_wrong")
        self.assertLess(len(self.metrics()) - before, 100)


class TenantsByName(ServerCase):
    config = "[metrics]\ntenants = 2\n"

    def test_names_are_in_it_where_the_configuration_says_so_and_never_those_of_secrets(self):
        for tenant in ("first", "second", "third"):
            self.server.put("name-canary", "x", tenant=tenant)
            self.server.get("name-canary", tenant=tenant)
        self.server.get("x", tenant="first", token="cft_wrong")
        text = self.server.request("GET", "/metrics", token=None).body.decode()
        found = parse(text)
        self.assertEqual(found["coffer_tenant_requests_total", (("tenant", "first"), ("status", "OK"))], 2)
        self.assertEqual(found["coffer_tenant_requests_total", (("tenant", "(others)"), ("status", "OK"))], 2)
        self.assertNotIn("third", text)
        self.assertNotIn("name-canary", text)


if __name__ == "__main__":
    unittest.main()
