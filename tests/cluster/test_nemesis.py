#!/usr/bin/env python3
"""Two rounds of the nemesis with fixed seeds: faults of real processes that no other test makes, clocks that are off and a full
disk, then others by luck, under load on every door of load.py; and a shorter one of five nodes, two of which fail at once. Without
network namespaces (or without the right to mount a small disk) those faults are left out. The long form is ./dev nemesis."""

import unittest

import namespaces
from clocks import library
from nemesis import REPLACEMENTS, run

SEED, SECONDS = 9, 60
FIRST = ("skew a clock", "fill a disk", "wipe a node and let another join", "isolate a leader", "kill a leader")
FIVE_SEED, FIVE_SECONDS = 11, 40        # this seed's data groups have five replicas
FIVE_FIRST = ("kill two nodes", "cut two sides apart", "isolate a leader")


class Nemesis(unittest.TestCase):
    def go_round(self, seed, seconds, size, first):
        why_not = namespaces.permitted()
        if why_not:
            print(f"without network faults: {why_not}")
        found, counts, faults = run(seed, seconds, size, None if why_not else namespaces.Network(size + REPLACEMENTS), first=first)
        print(counts, dict(faults))
        self.assertEqual(found, [])
        self.assertGreater(counts["reads by dapr"], 0)
        self.assertEqual((counts["keys judged by a search"], counts["keys too wide for a search"]), (9, 0))
        return faults

    def test_a_round_of_faults_breaks_no_promise(self):
        faults = self.go_round(SEED, SECONDS, 3, FIRST)
        self.assertGreaterEqual(sum(faults.values()), 4)
        if library():
            self.assertGreater(faults["skew a clock"], 0)

    def test_five_nodes_serve_while_two_are_gone(self):
        faults = self.go_round(FIVE_SEED, FIVE_SECONDS, 5, FIVE_FIRST)
        self.assertGreater(faults["kill two nodes"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
