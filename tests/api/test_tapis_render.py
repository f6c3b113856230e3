#!/usr/bin/env python3
"""Values of a secret_map against a slow and obvious reference: the tokens of the Pods service as regular expressions. Thousands
of whole tokens, broken ones and texts around them; what is none is itself or an error, and never something else."""

import random
import re
import unittest

from tapis_case import TapisCase

NAME, USER = r"[A-Za-z0-9_-]+", r"[A-Za-z0-9_@]+"
NETWORK = {"url": "web.pods.example", "port": 5, "protocol": "http"}
INLINE = {"pods:url": "web.pods.example", "pods:tapis_url": "example", "pods:pod_id": "web", "stack:secrets:K": "of the stack",
          **{f"pods:networking:default:{field}": value for field, value in (("url", "web.pods.example"), ("hostname", "web.pods.example"), ("port", "5"),
                                                                            ("protocol", "http"), ("tapis_url", "example"))}}
WITHIN = r"\$\{(%s)\}" % "|".join(map(re.escape, INLINE))
WHOLE = [rf"\$\{{secret:(?:{USER}:)?{NAME}\}}", r"\$\{pods:default:[^:}]*(:\?[^}]+)?\}", r"\$\{pods:random:[0-9]+\}"]
TOKENS = ["${secret:s-1_A}", "${secret:alice:s-1_A}", "${secret:bob:s-1_A}", "${secret:none}", "${secret:a.b}", "${:?}", "${:?why}", "${:?a${b}", "${pods:default:}",
          "${pods:default:x}", "${pods:default::?d}", "${pods:default:x:?d}", "${pods:default:a:?}", "${pods:default:a:b}", "${pods:random:8}", "${pods:random:08}",
          "${pods:random:128}", "${pods:random:7}", "${pods:random:129}", "${pods:random:}", "${pods:url}", "x${pods:url}y", "${pods:pod_id}-${pods:tapis_url}",
          "${stack:secrets:K}", "${stack:secrets:}", "$${pods:url}", "${pods:networking:default:port}", "${pods:networking::port}", "${secret:s-1_A}x", "${SECRET:x}",
          "${HOME}", "${pods:nope}", "plain"]
PIECES = ["${", "}", "secret:", "alice", "bob", ":", "s-1_A", "a.b", " ", "pods:", "default:", "random:", "8", "7", "64", "networking:", "default", "url", "port",
          "tapis_url", "pod_id", ":?", "why", "?", "$", "x", "{", "stack:", "secrets:", "K", "é", "-", "@"]


def reference(value):
    """A function that says whether a resolved text is right; None: it must not be resolved."""
    if secret := re.fullmatch(rf"\$\{{secret:(?:({USER}):)?({NAME})\}}", value):
        return (lambda got: got == "the value") if secret[1] in (None, "alice") and secret[2] == "s-1_A" else None
    if re.fullmatch(r"\$\{:\?[^}]+\}", value):
        return None
    if default := re.fullmatch(r"\$\{pods:default:([^:}]*)(:\?[^}]+)?\}", value):
        return lambda got: got == default[1]
    if length := re.fullmatch(r"\$\{pods:random:([0-9]+)\}", value):
        alphabet = rf"[A-Za-z0-9!@#$%^&*]{{{int(length[1])}}}"
        return (lambda got: re.fullmatch(alphabet, got)) if 8 <= int(length[1]) <= 128 else None
    return lambda got: got == re.sub(WITHIN, lambda token: INLINE[token[1]], value)


def may_be_an_error(value):
    """What is meant as a token and is none, or is one that stands where it may not: outside of those that are resolved."""
    if any(re.fullmatch(whole, value) for whole in WHOLE):
        return False
    rest = re.sub(WITHIN, "", value)
    return re.search(r"\$\{(?:secret|pods|stack):|\$\{:\?", rest) is not None


def values(count):
    rng = random.Random(7)
    yield from TOKENS
    for _ in range(count):
        if rng.random() < 0.3:
            yield "${" + "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 5))) + "}"
            continue
        letters = list(rng.choice(TOKENS))
        for _ in range(rng.randint(1, 2)):
            at = rng.randrange(len(letters) + 1)
            letters[at:at + rng.randint(0, 1)] = [rng.choice(PIECES)] if rng.random() < 0.6 else []
        yield "".join(letters)


class Tokens(TapisCase):
    def test_every_value_is_what_the_reference_says(self):
        self.create(secret_id="s-1_A")
        everything, resolved, refused = list(values(4000)), 0, 0
        for start in range(0, len(everything), 400):
            some = dict(enumerate(everything[start:start + 400]))
            done = self.expect(200, "POST", "/render", {
                "secret_map": {f"k{i}": value for i, value in some.items()}, "environment_variables": {f"E{i}": "${pods:secrets:k%d}" % i for i in some},
                "pod_id": "web", "networking": {"default": NETWORK}, "stack_secrets": {"K": "of the stack"}})
            for i, value in some.items():
                got = done["environment_variables"][f"E{i}"]
                is_right = reference(value)
                if got == "${pods:secrets:k%d}" % i:
                    self.assertTrue(is_right is None or may_be_an_error(value), value)
                    refused += 1
                else:
                    self.assertTrue(is_right and is_right(got), (value, got))
                    resolved += 1
        self.assertGreater(min(resolved, refused), 500)

    def test_what_multiplies_is_refused_and_the_server_goes_on(self):
        short = {"stack_secrets": {"K": "k" * 1000}, "secret_map": {"A": "${stack:secrets:K}" * 1000}, "pod_id": "web",
                 "environment_variables": {"E": "${pods:secrets:A}" * 2300}}
        self.assertIn("4194304 bytes", str(self.expect(400, "POST", "/render", short)))
        once = self.expect(200, "POST", "/render", {**short, "environment_variables": {"E": "${pods:secrets:A}"}})
        self.assertEqual(len(once["environment_variables"]["E"]), 1000 * 1000)


if __name__ == "__main__":
    unittest.main()
