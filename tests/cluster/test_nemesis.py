#!/usr/bin/env python3
"""One round of the nemesis with a fixed seed: faults of real processes that no other test makes, clocks that are off and a full
disk, then others by luck, under load on every door of load.py. Without network namespaces (or without the right to mount a small
disk) those faults are left out. The long form is ./dev nemesis."""

import unittest

import namespaces
from clocks import library
from nemesis import REPLACEMENTS, run

SEED, SECONDS = 9, 60
FIRST = ("skew a clock", "fill a disk", "wipe a node and let another join", "isolate a leader", "kill a leader")


class Nemesis(unittest.TestCase):
    def test_a_round_of_faults_breaks_no_promise(self):
        why_not = namespaces.permitted()
        if why_not:
            print(f"without network faults: {why_not}")
        found, counts, faults = run(SEED, SECONDS, 3, None if why_not else namespaces.Network(3 + REPLACEMENTS), first=FIRST)
        print(counts, dict(faults))
        self.assertEqual(found, [])
        self.assertGreaterEqual(sum(faults.values()), 4)
        if library():
            self.assertGreater(faults["skew a clock"], 0)
        self.assertGreater(counts["reads by dapr"], 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
