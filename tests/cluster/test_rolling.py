#!/usr/bin/env python3
"""All nodes of a cluster restarted one after the other while clients work: none of their requests fails. And an upgrade done
so, from a cluster that speaks an older format."""

import time
import unittest

from cluster import Cluster, wait_for
from history import check
from load import TENANTS
from steady import SteadyLoad


class Rolling(unittest.TestCase):
    def test_no_request_of_clients_that_reconnect_fails(self):
        with Cluster(3) as cluster:
            load = SteadyLoad(cluster, seed=31, clients=6).start()
            time.sleep(1)
            for turn in range(2):
                for node in cluster.nodes:
                    before = len(load.acknowledged)
                    self.assertEqual(node.terminate(), 0)
                    time.sleep(0.5)
                    self.assertEqual(load.failures(), [], f"round {turn}, while node {node.number} is away")
                    node.joining = None
                    node.start()
                    wait_for(lambda: len(load.acknowledged) > before + 20, "the clients go on")
            time.sleep(1)
            load.stop()
            print(load.counts())
            self.assertEqual(load.failures(), [])
            self.assertEqual(check(load.recorder.operations, load.final()), [])


class Upgrade(unittest.TestCase):
    """`[cluster] format = 1` makes this program take part as the one before it would."""

    def format(self, cluster):
        return (cluster.status() or {}).get("active_format")

    def refused(self, node, *arguments):
        done = node.cli("admin", "cluster", *arguments)
        self.assertNotEqual(done.returncode, 0, f"{arguments} before every node knows it")
        self.assertIn("format 2", done.stderr.decode())

    def test_nodes_of_two_formats_serve_side_by_side_and_the_newer_one_comes_with_the_last_node(self):
        with Cluster(3, settings="format = 1\n") as cluster:
            for tenant in TENANTS:
                self.assertEqual(cluster.nodes[0].put("made", "first", tenant=tenant).status, 200)
            load = SteadyLoad(cluster, seed=32, clients=4).start()
            newer = cluster.config.replace("format = 1\n", "")
            for node in cluster.nodes:
                self.assertEqual(self.format(cluster), 1)
                for asked in cluster.nodes:
                    self.refused(asked, "move-tenant", "acme", "3")
                    self.refused(asked, "add-groups", "1")
                self.assertEqual(node.terminate(), 0)
                node.joining = None
                node.config_path.write_text(newer)
                node.start()
            wait_for(lambda: self.format(cluster) == 5, "the newer format is active")
            load.stop()
            self.assertEqual(load.failures(), [])
            self.assertEqual(check(load.recorder.operations, load.final()), [])
            cluster.nodes[1].admin_cluster("add-groups", "1")
            done = cluster.nodes[0].cli("admin", "cluster", "move-tenant", "acme", "5")
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            self.assertEqual(cluster.nodes[2].get("made", tenant="acme").json["value"], "first")
            self.expect_no_way_back(cluster, newer)

    def expect_no_way_back(self, cluster, newer):
        node = cluster.nodes[2]
        node.terminate()
        node.config_path.write_text(cluster.config)
        node.spawn()
        self.assertNotEqual(node.process.wait(60), 0, "a program that does not know what the others store")
        self.assertIn("the cluster speaks format 5", node.log())
        self.assertEqual(cluster.nodes[0].get("made", tenant="acme").json["value"], "first")
        node.config_path.write_text(newer)
        node.start()
        self.assertEqual(node.get("made", tenant="acme").json["value"], "first")


if __name__ == "__main__":
    unittest.main(verbosity=2)
