#!/usr/bin/env python3
"""The checker is checked: histories broken by hand are found out, good ones pass, and its verdict on random small
histories is that of a search which knows nothing of versions."""

import random
import unittest

from history import NEVER, Operation, check, search


def put(client, begin, end, value, version, ok=True, **more):
    return Operation(client, "put", "k", begin, end, ok, value, version, **more)


def get(client, begin, end, value, version, **more):
    return Operation(client, "get", "k", begin, end, True, value, version, **more)


def unknown(client, begin, value):
    return Operation(client, "put", "k", begin, NEVER, False, value)


class Broken(unittest.TestCase):
    def assertFound(self, word, operations, final=None):
        found = check(operations, final)
        self.assertTrue(any(word in f for f in found), found)

    def test_a_good_history_passes(self):
        self.assertEqual(check([put("a", 0, 1, "x", 1), get("b", 2, 3, "x", 1), put("a", 2, 5, "y", 2),
                                get("b", 3.5, 4, "x", 1), get("b", 6, 7, "y", 2)], {"k": 2}), [])

    def test_a_stale_read(self):
        self.assertFound("read version 1", [put("a", 0, 1, "x", 1), put("a", 2, 3, "y", 2), get("b", 4, 5, "x", 1)])

    def test_a_stale_read_by_a_door_that_tells_no_version(self):
        two = [put("a", 0, 1, "x", 1), put("a", 2, 3, "y", 2)]
        self.assertFound("read version 1", two + [get("b", 4, 5, "x", None)])
        self.assertFound("read version 0", two + [get("b", 4, 5, None, 0)])
        self.assertFound("never written", two + [get("b", 4, 5, "z", None)])
        self.assertEqual(check(two + [get("b", 4, 5, "y", None)]), [])
        # It shows that a write took effect whose outcome nobody knew; where it stands is not known, but not when it began.
        self.assertEqual(check(two + [unknown("c", 2, "z"), get("b", 4, 5, "z", None)]), [])
        self.assertFound("before it was written", two + [unknown("c", 6, "z"), get("b", 4, 5, "z", None)])

    def test_reads_that_go_back(self):
        self.assertFound("read version 1", [put("a", 0, 1, "x", 1), put("a", 2, 9, "y", 2), get("b", 3, 4, "y", 2),
                                            get("c", 5, 6, "x", 1)])

    def test_a_read_of_nothing_after_a_write(self):
        self.assertFound("read version 0", [put("a", 0, 1, "x", 1), get("b", 2, 3, None, 0)])

    def test_a_lost_write(self):
        self.assertFound("at the end there is", [put("a", 0, 1, "x", 1), put("a", 2, 3, "y", 2)], {"k": 1})

    def test_two_writes_of_one_version(self):
        self.assertFound("two values", [put("a", 0, 1, "x", 1), put("b", 0, 1, "y", 1)])

    def test_a_write_that_was_applied_twice(self):
        self.assertFound("applied twice", [put("a", 0, 1, "x", 1), get("b", 2, 3, "x", 2)])

    def test_a_value_from_nowhere(self):
        self.assertFound("never written", [get("b", 2, 3, "z", 1)])

    def test_a_value_from_the_future(self):
        self.assertFound("before it was written", [get("b", 0, 1, "x", 1), put("a", 2, 3, "x", 1)])

    def test_a_refused_write_that_is_read(self):
        self.assertFound("refused", [put("a", 0, 1, "x", 0, ok=False, error="overloaded"), get("b", 2, 3, "x", 1)])

    def test_a_cas_that_was_refused_while_it_held(self):
        refused = put("b", 2, 3, "y", 0, ok=False, cas=1, error="cas")
        self.assertFound("refused while it was", [put("a", 0, 1, "x", 1), refused])
        for fine in ([put("a", 0, 1, "x", 1), refused, put("c", 2.5, 9, "z", 2)],       # another one came first
                     [put("a", 0, 1, "x", 1), refused, unknown("c", 1, "z")],           # or may have
                     [put("a", 0, 2.5, "x", 1), refused]):                              # it was not yet
            self.assertEqual(check(fine), [])

    def test_a_cas_that_did_not_compare(self):
        self.assertFound("wanted version 1", [put("a", 0, 1, "x", 1), put("a", 2, 3, "y", 2), put("b", 4, 5, "z", 3, cas=1)])

    def test_writes_out_of_order(self):
        self.assertFound("wrote version 1", [put("a", 0, 1, "x", 2), put("b", 2, 3, "y", 1)])

    def test_an_unknown_write_that_is_seen_has_a_place(self):
        good = [put("a", 0, 1, "x", 1), unknown("b", 2, "y"), get("c", 3, 4, "y", 2)]
        self.assertEqual(check(good), [])
        self.assertFound("read version 1", good + [get("c", 5, 6, "x", 1)])
        self.assertFound("before it was written", [put("a", 0, 1, "x", 1), get("c", 1.5, 1.8, "y", 2), unknown("b", 2, "y")])

    def test_an_unknown_write_that_nobody_saw_may_be_lost(self):
        self.assertEqual(check([put("a", 0, 1, "x", 1), unknown("b", 2, "y"), get("c", 9, 10, "x", 1)], {"k": 1}), [])


def simulate(rng, broken):
    """Random clients of one register in random order; a broken one now and then reads an older state."""
    states, operations, now = [(None, 0)], [], 0.0
    for i in range(rng.randint(3, 8)):
        now += rng.random()
        begin = now - rng.random() * 2
        end = now + rng.random() * 2
        if rng.random() < 0.5:
            value = f"v{i}"
            states.append((value, states[-1][1] + 1))
            if rng.random() < 0.2:
                operations.append(unknown(f"c{i}", begin, value))
            else:
                operations.append(put(f"c{i}", begin, end, value, states[-1][1]))
        else:
            at = -1
            if broken and rng.random() < 0.5 and len(states) > 1:
                at = rng.randrange(-len(states), -1)
            operations.append(get(f"c{i}", begin, end, *states[at]))
    return operations


class Oracle(unittest.TestCase):
    def test_correct_registers_pass_both(self):
        for seed in range(400):
            operations = simulate(random.Random(seed), broken=False)
            self.assertEqual(check(operations), [], seed)
            self.assertTrue(search(operations), seed)

    def test_what_the_search_refuses_the_check_refuses(self):
        refused = 0
        for seed in range(1500):
            operations = simulate(random.Random(seed), broken=True)
            if search(operations) is False:
                refused += 1
                self.assertTrue(check(operations), f"seed {seed}: {operations}")
        self.assertGreater(refused, 50)


if __name__ == "__main__":
    unittest.main()
