#!/usr/bin/env python3
"""Every metric of a cluster that docs/operations.md lists is shown by its nodes, none is shown that it does not list, and each
moves when what it counts happens: here, or in the test that is named below."""

import socket
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
import audit_trail  # noqa: E402
from cluster import Cluster, wait_for  # noqa: E402
from documented_metrics import Watch, documented  # noqa: E402
from harness import ROOT  # noqa: E402

ELSEWHERE = {"coffer_trust_questions_total": "tests/cluster/test_identity.py"}
# Shown, but not brought about: they take a full mailbox, a frame that no peer sends, a state that is too old for the log, or
# are over before somebody looks.
NOT_SEEN_TO_MOVE = {"coffer_peer_messages_dropped_total", "coffer_peer_frames_refused_total", "coffer_peer_dropped_total", "coffer_snapshots_sent_total",
                    "coffer_snapshots_installed_total", "coffer_tenants_moving", "coffer_tenant_moves_interrupted_total", "coffer_peer_waiting_bytes",
                    "coffer_calls_retried_total"}


class ClusterMetrics(unittest.TestCase):
    def test_each_is_there_and_moves(self):
        watch = Watch()
        with Cluster(3, settings="lease = false\n") as cluster:
            first = cluster.nodes[0]
            watch.look(*cluster.nodes)
            for n in range(12):
                for node in cluster.nodes:
                    self.assertEqual(node.put("n", "x", tenant=f"t{n}").status, 200)
                    self.assertEqual(node.get("n", tenant=f"t{n}").status, 200)
            watch.look(*cluster.nodes)
            group = first.admin("tenants", "show", "t0")["group"]
            done = first.cli("admin", "cluster", "move-tenant", "t0", str(group % 4 + 1))
            self.assertEqual(done.returncode, 0, done.stderr)
            host, port = first.peer_address.rsplit(":", 1)
            with socket.create_connection((host, int(port)), timeout=10) as stranger:
                stranger.sendall(b"GET / HTTP/1.1\r\n\r\n" * 20)
                stranger.settimeout(20)
                try:
                    while stranger.recv(4096):
                        pass
                except OSError:
                    pass
            moved = {"coffer_tenants_moved_in_total", "coffer_tenants_moved_out_total", "coffer_peer_refused_total"}
            wait_for(lambda: watch.look(*cluster.nodes) or moved <= watch.moved, lambda: f"still: {moved - watch.moved}")
            lost = cluster.nodes[-1]
            lost.kill()
            others = cluster.nodes[:-1]

            def notices():
                for node in others:
                    node.put("n", "y", tenant="t1")
                watch.look(*others)
                return {"coffer_peer_connected", "coffer_peer_disconnects_total", "coffer_peer_unsent_total"} <= watch.moved
            wait_for(notices, "the others notice the lost one")
            lost.start()
            wait_for(lambda: watch.look(*cluster.nodes) or "coffer_peer_connects_total" in watch.moved, "it is connected again")
        listed = documented("A cluster's:")
        self.assertEqual(watch.names - documented(), set(), "shown, but docs/operations.md does not list it")
        self.assertEqual(listed - watch.names, set(), "docs/operations.md lists it, but it is not shown")
        self.assertEqual(listed - watch.moved - NOT_SEEN_TO_MOVE - set(ELSEWHERE), set(), "it did not move")
        for name, place in ELSEWHERE.items():
            self.assertIn(name, (ROOT / place).read_text(), f"{place} is said to show {name}")


class Traces(unittest.TestCase):
    def test_a_callers_trace_is_in_the_records_of_every_node_whichever_he_asked(self):
        with Cluster(3, settings=audit_trail.CONFIG) as cluster:
            traces = {node.number: f"00-0af7651916cd43dd8448eb211c8031{node.number:02d}-b7ad6b7169203331-01" for node in cluster.nodes}
            for node in cluster.nodes:  # one of them leads the tenant's group, the others pass the call on
                answer = node.put("n", "x", tenant="traced", headers={"traceparent": traces[node.number], "x-request-id": f"traced-{node.number}"})
                self.assertEqual(answer.status, 200)
            for asked in cluster.nodes:
                for node in cluster.nodes:
                    record = audit_trail.wait_for(node, lambda r: r["kind"] == "change" and r.get("request_id") == f"traced-{asked.number}")
                    self.assertEqual(record["trace"], traces[asked.number], f"asked node {asked.number}, look at {node.number}")


if __name__ == "__main__":
    unittest.main()
