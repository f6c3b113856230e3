#!/usr/bin/env python3
"""`coffer run`: a program gets its environment from a map of secrets, or is not started at all."""

import json
import tempfile
import unittest
from pathlib import Path

from harness import ServerCase


class Run(ServerCase):
    def run_with(self, document, *program, code=0, environment=None):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "map.json"
            path.write_text(document if isinstance(document, str) else json.dumps(document))
            done = self.server.cli("run", "--map", path, "--", *program, environment=environment)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def setUp(self):
        self.server.put("db", "s3cr3t $(x) ${pods:secrets:A}")

    def test_a_program_runs_with_its_environment_and_its_own_exit_code(self):
        document = {"secret_map": {"PW": "${secret:db}", "A": "1"},
                    "environment_variables": {"URL": "u:${pods:secrets:PW:?the password}@h", "PLAIN": "${HOME}", "SET": "new"}}
        done = self.run_with(document, "sh", "-c", 'printf "%s|%s|%s|%s" "$URL" "$PLAIN" "$SET" "$1"; exit 7', "-", "--server", code=7,
                             environment={"SET": "old"})
        self.assertEqual(done.stdout.decode(), "u:s3cr3t $(x) ${pods:secrets:A}@h|${HOME}|new|--server")
        self.assertEqual(done.stderr, b"")

    def test_the_token_is_not_handed_on(self):
        done = self.run_with({}, "sh", "-c", 'printf "%s" "${COFFER_TOKEN-none}"', environment={"COFFER_TOKEN": self.server.token(), "COFFER_TOKEN_FILE": ""})
        self.assertEqual(done.stdout, b"none")

    def test_nothing_starts_when_something_is_not_resolved(self):
        for document, code, word in (
                ({"secret_map": {"A": "${secret:never-made}"}}, 3, "never-made"),
                ({"secret_map": {"A": "${:?why}"}}, 2, "why"),
                ({"secret_map": {"A": "${secret:bob:db}"}}, 2, "bob"),
                ({"secret_map": {"A": "${pods:random:9}"}}, 2, "random"),
                ({"environment_variables": {"E": "${pods:secrets:NONE}"}}, 2, "NONE"),
                ({"environment_variables": {"E": 1}}, 2, "environment_variables.E"),
                ({"environment_variables": {"A=B": "x"}}, 2, "environment_variables"),
                ({"environment_variables": {"E": "a\0b"}}, 2, "zero byte"),
                ({"volume_mounts": {}}, 2, "volume_mounts"),
                ("[]", 2, "JSON object"), ("{", 2, "JSON object")):
            with self.subTest(document):
                done = self.run_with(document, "sh", "-c", "echo started", code=code)
                self.assertEqual(done.stdout, b"")
                self.assertIn(word, done.stderr.decode())
                self.assertNotIn("s3cr3t", done.stderr.decode())

    def test_a_program_that_is_not_there_is_named(self):
        done = self.run_with({}, "no-such-program-at-all", code=1)
        self.assertIn("no-such-program-at-all", done.stderr.decode())


if __name__ == "__main__":
    unittest.main()
