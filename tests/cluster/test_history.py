#!/usr/bin/env python3
"""The checkers are checked: histories broken by hand are found out by both, good ones pass, and the verdicts on random
small histories are those of trying everything."""

import random
import unittest
from unittest import mock

from history import NEVER, Operation, check
from search import explains, judge


def put(client, begin, end, value, version, ok=True, **more):
    return Operation(client, "put", "k", begin, end, ok, value, version, **more)


def get(client, begin, end, value, version, **more):
    return Operation(client, "get", "k", begin, end, True, value, version, **more)


def unknown(client, begin, value, **more):
    return Operation(client, "put", "k", begin, NEVER, False, value, **more)


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

    def test_a_cas_without_an_answer_that_did_not_compare(self):
        seen = [put("a", 0, 1, "x", 1), put("a", 2, 3, "y", 2), unknown("b", 4, "z", cas=1), get("c", 5, 6, "z", 3)]
        self.assertFound("wanted version 1", seen)

    def test_a_version_that_nobody_made(self):
        self.assertFound("version 2 was made by nobody", [put("a", 0, 1, "x", 1), put("a", 2, 3, "y", 3)])
        self.assertFound("version 2 was made by nobody", [put("a", 0, 1, "x", 1), put("a", 2, 3, "y", 3), unknown("c", 4, "u")])
        two = [put("a", 0, 1, "x", 1), put("a", 2, 3, "y", 3), put("a", 4, 5, "z", 5), unknown("c", 2, "u")]
        self.assertFound("version 4 was made by nobody", two)
        self.assertEqual(check(two + [unknown("d", 5, "w")]), [])

    def test_writes_out_of_order(self):
        self.assertFound("wrote version 1", [put("a", 0, 1, "x", 2), put("b", 2, 3, "y", 1)])

    def test_an_unknown_write_that_is_seen_has_a_place(self):
        good = [put("a", 0, 1, "x", 1), unknown("b", 2, "y"), get("c", 3, 4, "y", 2)]
        self.assertEqual(check(good), [])
        self.assertFound("read version 1", good + [get("c", 5, 6, "x", 1)])
        self.assertFound("before it was written", [put("a", 0, 1, "x", 1), get("c", 1.5, 1.8, "y", 2), unknown("b", 2, "y")])

    def test_an_unknown_write_that_nobody_saw_may_be_lost(self):
        self.assertEqual(check([put("a", 0, 1, "x", 1), unknown("b", 2, "y"), get("c", 9, 10, "x", 1)], {"k": 1}), [])


class Searched(unittest.TestCase):
    """What the nemesis does with each history: both verdicts. The search says by itself what is broken."""

    def assertRefused(self, operations):
        self.assertIs(explains(operations)[0], False)
        found, counts = judge(operations)
        self.assertTrue(any("no order of effects" in f for f in found), found)
        self.assertFalse(any("one of them is wrong" in f for f in found), found)
        self.assertEqual(counts["keys judged by a search"], 1)

    def assertExplained(self, operations):
        self.assertEqual(judge(operations)[0], [])

    def test_a_lost_write(self):
        self.assertRefused([put("a", 0, 1, "x", 1), put("a", 2, 3, "y", 2), get("final", 9, 10, "x", 1)])
        self.assertRefused([put("a", 0, 1, "x", 1), get("final", 9, 10, None, 0)])

    def test_a_stale_read_in_another_window_than_the_write(self):
        quiet = [put("a", 10 * i, 10 * i + 1, f"v{i}", i + 1) for i in range(50)]
        self.assertExplained(quiet + [get("b", 500, 501, "v49", 50)])
        self.assertRefused(quiet + [get("b", 500, 501, "v48", 49)])
        self.assertRefused(quiet + [get("b", 500, 501, "v48", None)])

    def test_an_unknown_write_takes_effect_at_any_time_after_its_begin_or_never(self):
        two = [put("a", 0, 1, "x", 1), unknown("c", 2, "u"), put("a", 3, 4, "y", 2)]
        self.assertExplained(two + [get("b", 9, 10, "y", 2)])
        self.assertExplained(two + [get("b", 9, 10, "u", 3)])
        self.assertExplained(two[:2] + [put("a", 3, 4, "y", 3), get("b", 9, 10, "y", 3)])
        self.assertRefused([put("a", 0, 1, "x", 1), put("a", 3, 4, "y", 3), unknown("c", 5, "u"), get("b", 9, 10, "y", 3)])

    def test_an_unknown_write_that_took_effect_twice(self):
        twice = [unknown("c", 0, "u"), get("b", 1, 2, "u", 1), put("a", 3, 4, "y", 2), get("b", 5, 6, "u", 3)]
        self.assertRefused(twice)
        # Nobody saw it the second time, but a version is there that nobody else can have made.
        self.assertRefused([put("a", 0, 1, "x", 1), unknown("c", 2, "u"), get("b", 3, 4, "u", 2), put("a", 5, 6, "y", 4)])
        self.assertRefused([put("a", 0, 1, "x", 1), unknown("c", 2, "u"), put("a", 5, 6, "y", 4)])

    def test_a_retried_write_that_took_effect_late(self):
        """Its answer tells version 1, and what is read after the next write is it."""
        self.assertRefused([put("a", 0, 3, "x", 1), put("b", 4, 5, "y", 2), get("c", 6, 7, "x", 3)])
        self.assertRefused([put("a", 0, 3, "x", 1), put("b", 4, 5, "y", 2), get("c", 6, 7, "x", None)])

    def test_an_unknown_write_that_is_seen_and_gone_again(self):
        seen = [put("a", 0, 1, "x", 1), unknown("c", 2, "u"), get("b", 3, 4, "u", 2)]
        self.assertExplained(seen)
        self.assertRefused(seen + [get("b", 5, 6, "x", 1)])
        self.assertRefused(seen + [get("b", 5, 6, "x", None)])

    def test_comparisons_are_part_of_the_copy(self):
        self.assertExplained([put("a", 0, 1, "x", 1), unknown("c", 2, "u", cas=1), put("a", 3, 4, "y", 3)])
        self.assertRefused([put("a", 0, 1, "x", 1), unknown("c", 2, "u", cas=0), put("a", 3, 4, "y", 3)])
        refused = put("b", 2, 3, "y", 0, ok=False, cas=1, error="cas")
        self.assertRefused([put("a", 0, 1, "x", 1), refused])
        self.assertExplained([put("a", 0, 1, "x", 1), refused, unknown("c", 1, "z")])

    def test_what_is_too_wide_is_said_and_not_judged(self):
        wide = [o for i in range(18) for o in (unknown(f"c{i}", 0, f"v{i}"), get(f"r{i}", 0, 9, f"v{i}", None))]
        self.assertIsNone(explains(wide, limit=1000)[0])
        self.assertEqual(judge(wide, limit=1000)[1]["keys too wide for a search"], 1)

    def test_a_verdict_that_only_one_of_both_has_is_reported(self):
        """A read without a version of a write without an answer: the check does not place it."""
        found, _ = judge([unknown("c", 0, "u"), get("b", 1, 2, "u", None), get("b", 3, 4, None, 0)])
        self.assertTrue(any("the check found nothing" in f for f in found), found)
        with mock.patch("search.check_key", return_value=["something"]):
            found, _ = judge([put("a", 0, 1, "x", 1)])
        self.assertTrue(any("one of them is wrong" in f for f in found), found)


def simulate(rng, broken):
    """Random clients of one register in random order; in a broken history something is not as that register would have it."""
    states, operations, now = [(None, 0)], [], 0.0
    for i in range(rng.randint(3, 9)):
        now += rng.random()
        begin, end = now - rng.random() * 2, now + rng.random() * 2
        value, version = states[-1]
        cas = rng.choice([None, None, version, max(0, version - 1)])
        if rng.random() < 0.6:
            new = f"v{i}"
            if cas not in (None, version):
                operations.append(put(f"c{i}", begin, end, new, 0, ok=False, cas=cas, error="cas"))
                continue
            effects = rng.choice((0, 2)) if broken and rng.random() < 0.2 else 1
            is_unknown = rng.random() < 0.35
            if is_unknown and rng.random() < 0.4:
                effects = 0
            states += [(new, version + 1 + n) for n in range(effects)]
            if is_unknown:
                operations.append(unknown(f"c{i}", begin, new, cas=cas))
            else:
                operations.append(put(f"c{i}", begin, end, new, version + 1, cas=cas))
        else:
            at = -1
            if broken and rng.random() < 0.3 and len(states) > 1:
                at = rng.randrange(-len(states), -1)
            operations.append(get(f"c{i}", begin, end, *states[at]))
    return operations


def try_everything(operations):
    """Is there an order? By nothing but trying: no windows, no memory, no two operations alike."""
    def go_on(left, value, version):
        if all(o.end == NEVER for o in left):
            return True
        barrier = min(o.end for o in left)
        for o in left:
            if o.begin > barrier:
                continue
            rest = [other for other in left if other is not o]
            if o.kind == "get":
                if (value, version) == (o.value, o.version) and go_on(rest, value, version):
                    return True
            elif not o.ok and o.end != NEVER:
                if o.cas != version and go_on(rest, value, version):
                    return True
            elif o.cas in (None, version) and (o.end == NEVER or o.version == version + 1) and go_on(rest, o.value, version + 1):
                return True
        return False
    return go_on(operations, None, 0)


class Oracle(unittest.TestCase):
    def test_correct_registers_pass(self):
        for seed in range(1500):
            operations = simulate(random.Random(seed), broken=False)
            self.assertEqual(judge(operations)[0], [], seed)

    def test_all_three_say_the_same_of_broken_ones(self):
        refused = compared = 0
        for seed in range(4000):
            operations = simulate(random.Random(seed), broken=True)
            verdict = try_everything(operations)
            refused += not verdict
            self.assertEqual(explains(operations)[0], verdict, f"the search, seed {seed}: {operations}")
            if verdict or not any(o.error for o in operations):     # of refused comparisons the check sees only the plain ones
                self.assertEqual(check(operations) == [], verdict, f"the check, seed {seed}: {check(operations)} {operations}")
                compared += not verdict
        self.assertGreater(compared, 500)
        self.assertLess(refused, 3500)


if __name__ == "__main__":
    unittest.main()
