#!/usr/bin/env python3
"""A cluster in network namespaces while its network breaks: leaders are isolated, links cut both ways and one way. Skipped
where network namespaces are not permitted."""

import time
import unittest

import namespaces
from cluster import Cluster
from harness import skip
from history import check
from load import Load


class Network(unittest.TestCase):
    def run_with(self, seed, *faults):
        network = namespaces.Network(3)
        with Cluster(3, network=network) as cluster:
            load = Load(cluster, seed=seed).start()
            for fault in faults:
                time.sleep(1.5)
                fault(cluster, network)
                time.sleep(3)
                network.heal()
            cluster.wait_ready()
            load.stop()
            found = check(load.recorder.operations, load.final())
            print(load.counts())
            self.assertEqual(found, [])
            self.assertGreater(len(load.acknowledged), 50, "the load did next to nothing")

    @staticmethod
    def number_of_leader(cluster):
        return (cluster.leader_of(0) or cluster.alive()[0]).number

    def test_an_isolated_leader_answers_nothing_stale(self):
        def isolate(cluster, network):
            network.isolate(self.number_of_leader(cluster))
        self.run_with(11, isolate, isolate)

    def test_links_that_are_cut_both_ways_and_one_way(self):
        self.run_with(12, lambda cluster, network: network.cut(1, 2),
                      lambda cluster, network: network.cut_one_way(self.number_of_leader(cluster), 3),
                      lambda cluster, network: network.cut_one_way(3, self.number_of_leader(cluster)))


if __name__ == "__main__":
    why_not = namespaces.permitted()
    if why_not:
        skip(why_not)
    unittest.main(verbosity=2)
