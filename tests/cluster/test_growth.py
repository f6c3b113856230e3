#!/usr/bin/env python3
"""A cluster of real processes that grows and heals: groups are added while nodes are killed, and a dead node's replicas are
made elsewhere by the cluster itself, never below a majority."""

import threading
import time
import unittest

from cluster import Cluster, wait_for
from history import check
from load import Load


def voters(group):
    return [r["node"] for r in group.get("replicas", []) if r["role"] == "voter"]


class Growth(unittest.TestCase):
    def verify(self, load):
        load.stop()
        print(load.counts())
        self.assertEqual(check(load.recorder.operations, load.final()), [])
        self.assertGreater(len(load.acknowledged), 50, "the load did next to nothing")

    def wait_for_groups(self, cluster, number):
        status = cluster.wait_replicated(voters=3)
        self.assertEqual(status["data_groups"], number)
        self.assertEqual({g["id"] for g in status["groups"]}, set(range(number + 1)))

    def add(self, node, count):
        done = node.cli("admin", "cluster", "add-groups", str(count))
        self.assertEqual(done.returncode, 0, done.stderr.decode())

    def test_groups_are_added_under_load_whoever_is_killed_meanwhile(self):
        with Cluster(3, data_groups=2) as cluster:
            load = Load(cluster, seed=41).start()
            time.sleep(1)
            for turn in range(3):
                # Another node each time, a moment later each time: before, while and after it begins the groups.
                victim, helper = cluster.nodes[turn], cluster.nodes[(turn + 1) % 3]
                adding = threading.Thread(target=self.add, args=(helper, 2))
                adding.start()
                time.sleep(0.03 + 0.05 * turn)
                victim.kill()
                adding.join()
                victim.joining = None
                victim.start()
                self.wait_for_groups(cluster, 4 + 2 * turn)
            for node in cluster.nodes:
                node.kill()
            for node in cluster.nodes:
                node.spawn()
            cluster.wait_ready()
            self.wait_for_groups(cluster, 8)
            places = set()
            for number in range(8):
                self.assertEqual(cluster.nodes[number % 3].put("a", "b", tenant=f"late-{number}").status, 200)
                places.add(cluster.nodes[0].admin("tenants", "show", f"late-{number}")["group"])
            self.assertGreater(len(places & set(range(3, 9))), 3, f"new tenants go to the new groups: {places}")
            cluster.nodes[2].admin_cluster("balance")
            time.sleep(2)
            self.verify(load)

    def test_a_dead_node_is_replaced_without_an_operator_but_never_below_a_majority(self):
        with Cluster(4, settings='replace_after = "3s"\n') as cluster:
            load = Load(cluster, seed=42, clients=4).start()
            time.sleep(1)
            first = cluster.leader_of(1)
            first.kill()

            def replaced():
                status = cluster.status()
                groups = status["groups"] if status else []
                return len(groups) == 5 and all(first.id not in voters(g) and len(voters(g)) == 3 for g in groups)
            wait_for(replaced, lambda: f"node {first.id} is replaced: {cluster.status()}")
            # Three are left, and each group has all of them: who dies now cannot be replaced, and must not be left out.
            second = cluster.leader_of(0)
            second.kill()
            living = {n.id for n in cluster.alive()}
            # The next leader of the meta group may show what it was told when it led before, until its first look around.
            time.sleep(5)
            end, seen = time.monotonic() + 15, set()
            while time.monotonic() < end:
                for group in (cluster.status() or {"groups": []})["groups"]:
                    if group["leader"] not in living:
                        continue                        # what a dead leader has said last
                    seen.add(group["id"])
                    self.assertGreaterEqual(len(voters(group)), 3, group)
                    self.assertGreater(2 * len(set(voters(group)) & living), len(voters(group)), group)
                time.sleep(0.5)
            self.assertEqual(seen, set(range(5)), "every group is led by a living node")
            for node in cluster.alive():
                self.assertEqual(node.put("still", "here", tenant="acme").status, 200)
            second.joining = None
            second.start()
            self.verify(load)


if __name__ == "__main__":
    unittest.main(verbosity=2)
