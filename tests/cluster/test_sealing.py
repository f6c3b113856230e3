#!/usr/bin/env python3
"""Nodes of a cluster of real processes without their keys: a leader is sealed by an operator and opened again by holders of
shares while clients go on; nodes whose certificates have expired say so, and get new ones offline."""

import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
from clocks import library, skewed  # noqa: E402
from cluster import Cluster, wait_for  # noqa: E402
from harness import run  # noqa: E402
from history import check  # noqa: E402
from load import Load, TENANTS  # noqa: E402


def ok(node, *arguments, input=None):
    done = node.cli("admin", *arguments, input=input)
    if done.returncode != 0:
        raise AssertionError(f"node {node.number}: {arguments}: {done.stderr.decode()}")
    return done.stdout.decode()


class Sealing(unittest.TestCase):
    def test_a_sealed_leader_leads_nothing_until_it_is_opened_and_clients_go_on(self):
        with Cluster(3) as cluster:
            for tenant in TENANTS:
                self.assertEqual(cluster.nodes[0].put("made", "first", tenant=tenant).status, 200)
            shares = ok(cluster.nodes[1], "seal", "add", "holders", "--kind", "shamir", "--shares", "3", "--threshold", "2").split()
            for share in shares[:2]:
                ok(cluster.nodes[1], "seal", "verify", "--share-file", "-", input=share + "\n")
            load = Load(cluster, seed=21, pause=0.01).start()
            time.sleep(1)
            victim = wait_for(cluster.leader_of, "a leader of the directory")
            others = [node for node in cluster.nodes if node is not victim]
            self.assertEqual(victim.cli("admin", "seal", "now", "--yes").returncode, 0)
            begun = time.monotonic()
            wait_for(lambda: self.leaders(others) and victim.id not in self.leaders(others), lambda: f"others lead: {others[0].cluster_status()}")
            self.assertFalse(victim.ready())
            self.assertIn(b"sealed", ok(victim, "seal", "status").lower().encode())
            # Sealed for a while: nothing is led by it, nothing is read from it, and the others take every tenant's writes.
            for turn in range(20):
                self.assertNotIn(victim.id, self.leaders(others))
                for tenant in TENANTS:
                    self.assertEqual(others[turn % 2].put("meanwhile", f"{turn}", tenant=tenant).status, 200)
                self.assertFalse(victim.ready())
                try:
                    answer = victim.get("made", tenant=TENANTS[0])
                    self.assertNotEqual(answer.status, 200)
                    self.assertNotIn(b"first", answer.body)
                except OSError:
                    pass                        # nobody listens: that is no answer either
            self.assertTrue(any(when > begun + 1 for when, _ in list(load.acknowledged)), "the load stood still")
            # A leadership is not his for the asking, either.
            group = next(g["id"] for g in others[0].cluster_status()["groups"] if g.get("leader"))
            others[0].cli("admin", "cluster", "transfer", str(group), str(victim.id))
            self.assertNotIn(victim.id, self.leaders(others))
            for share in (shares[2], shares[0]):
                ok(victim, "unseal", "--share-file", "-", input=share + "\n")
            cluster.wait_ready([victim])
            for tenant in TENANTS:
                self.assertEqual(victim.get("meanwhile", tenant=tenant).json["value"], "19", "it has what was written meanwhile")
            wait_for(lambda: others[0].cli("admin", "cluster", "transfer", str(group), str(victim.id)).returncode == 0 and cluster.leader_of(group) is victim,
                     lambda: f"it leads again: {others[0].cluster_status()}")
            load.stop()
            print(load.counts())
            self.assertEqual(check(load.recorder.operations, load.final()), [])
            self.assertGreater(len(load.acknowledged), 50, "the load did next to nothing")

    @staticmethod
    def leaders(nodes):
        """Ids of those who lead a group as each of the nodes knows it; empty while none says so."""
        return {g["leader"] for node in nodes for g in (node.cluster_status() or {"groups": []})["groups"] if g.get("leader")}


class LongAgo(Cluster):
    """A cluster whose processes take today for a day of the last month."""

    def make_data(self, node):
        super().make_data(node)
        node.environment = skewed(-40 * 86400)


class Expiry(unittest.TestCase):
    @unittest.skipUnless(library(), "there is no compiler; ./dev test installs one")
    def test_a_node_whose_certificate_has_expired_says_so_and_reissue_mends_it(self):
        with LongAgo(3) as cluster:
            self.assertEqual(cluster.nodes[0].put("a", "of last month", tenant="acme").status, 200)
            for node in cluster.nodes:
                self.assertEqual(node.terminate(), 0)
                node.environment, node.joining = {}, None
            for node in cluster.nodes:
                before = len(node.log())
                node.spawn()
                self.assertNotEqual(node.process.wait(60), 0)
                told = node.log()[before:]
                self.assertIn("expired", told)
                self.assertIn("coffer admin cluster reissue", told)
            for node in cluster.nodes:
                done = run("admin", "cluster", "reissue", "--data", node.data, "--seal-key", cluster.seal_key)
                self.assertEqual(done.returncode, 0, done.stderr)
                node.spawn()
            cluster.wait_ready()
            for node in cluster.nodes:
                self.assertEqual(node.get("a", tenant="acme").json["value"], "of last month")
            for node in cluster.nodes:
                self.assertEqual(node.put("a", f"of node {node.number}", tenant="acme").status, 200)
            cluster.wait_replicated()


if __name__ == "__main__":
    unittest.main(verbosity=2)
