#!/usr/bin/env python3
"""Backups of a cluster of real processes with more nodes than replicas: four nodes, three replicas of each group, so that no
node has them all. Taken on each node while clients write, and while a node from which rows come is killed; each restored into
an empty directory and compared with what was acknowledged before it began."""

import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
import test_moves  # noqa: E402
from cluster import Cluster, wait_for  # noqa: E402
from harness import run  # noqa: E402
from load import Load, TENANTS  # noqa: E402

VALUE = "x" * 200_000
LARGE = 60          # of these in one group: twelve megabytes
RATE = "4MiB"       # so three seconds, in which a node is killed


class WideBackup(unittest.TestCase):
    newest = staticmethod(test_moves.Backup.newest)
    restore = test_moves.Backup.restore

    def setUp(self):
        self.cluster = Cluster(4, settings=f'[backup]\nrate = "{RATE}"\n').__enter__()
        self.addCleanup(self.cluster.__exit__, None, None, None)
        self.groups = wait_for(self.settled, lambda: f"three replicas of each group: {self.cluster.status()}")
        for tenant in TENANTS:
            self.assertEqual(self.cluster.nodes[0].put("made", "first", tenant=tenant).status, 200)
        self.load = Load(self.cluster, seed=81, clients=4, pause=0.02).start()
        self.addCleanup(self.load.stop)

    def settled(self):
        status = self.cluster.status()
        if not status or status.get("plan"):
            return None
        groups = {g["id"]: {r["node"] for r in g["replicas"]} for g in status["groups"] if g["id"] != 0}
        return groups if all(len(nodes) == 3 for nodes in groups.values()) else None

    def without(self, group):
        """The node that has no replica of the group: there is one of each."""
        return next(node for node in self.cluster.nodes if node.id not in self.groups[group])

    def backup(self, node, file):
        return node.cli("admin", "backup", "create", "--out", str(file))

    def test_every_node_takes_one_and_a_kill_9_of_a_source_costs_nothing(self):
        cluster = self.cluster
        time.sleep(1)
        for number, node in enumerate(cluster.nodes):
            name = f"late-{number}"                     # made a moment before, on another node
            self.assertEqual(cluster.nodes[number - 1].put("k", name, tenant=name).status, 200)
            known = self.newest(self.load)
            file = cluster.folder / f"backup-{number}"
            done = self.backup(node, file)
            self.assertEqual(done.returncode, 0, f"node {number}: {done.stderr.decode()}")
            self.restore(cluster, file, known, {f"late-{n}" for n in range(number + 1)})
        self.expect_that_a_killed_source_is_replaced()

    def expect_that_a_killed_source_is_replaced(self):
        cluster = self.cluster
        places = {}
        for name in (f"large-{n}" for n in range(6)):
            self.assertEqual(cluster.nodes[0].put("k", name, tenant=name).status, 200)
            places.setdefault(cluster.nodes[0].admin("tenants", "show", name)["group"], []).append(name)
        group, tenants = max(places.items(), key=lambda place: len(place[1]))
        node = self.without(group)
        for n in range(LARGE):
            self.assertEqual(node.put(f"n{n}", f"{n}{VALUE}", tenant=tenants[n % len(tenants)]).status, 200)
        known, file, results = self.newest(self.load), cluster.folder / "backup-killed", []
        reader = threading.Thread(target=lambda: results.append(self.backup(node, file)))
        reader.start()
        source = cluster.leader_of(group)
        time.sleep(1.2)
        source.kill()
        reader.join()
        self.assertEqual(results[0].returncode, 0, results[0].stderr.decode())
        self.assertGreater(file.stat().st_size, LARGE * len(VALUE))
        checked = run("admin", "backup", "verify", file, "--seal-key", cluster.seal_key)
        self.assertEqual(checked.returncode, 0, checked.stderr.decode())
        self.restore(cluster, file, known, set(tenants))


if __name__ == "__main__":
    unittest.main(verbosity=2)
