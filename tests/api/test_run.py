#!/usr/bin/env python3
"""`coffer run`: a program gets its environment and files from a map of secrets, or is not started at all."""

import json
import os
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import BINARY, ServerCase


class Run(ServerCase):
    def run_with(self, document, *program, code=0, environment=None, options=()):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "map.json"
            path.write_text(document if isinstance(document, str) else json.dumps(document))
            done = self.server.cli("run", "--map", path, *options, "--", *program, environment=environment)
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

    def test_names_of_secrets_may_have_dots_and_slashes(self):
        self.server.put("app/my.name", "dotted")
        document = {"secret_map": {"A": "${secret:app/my.name}"}, "environment_variables": {"E": "${pods:secrets:A}"}}
        self.assertEqual(self.run_with(document, "sh", "-c", 'printf "%s" "$E"').stdout, b"dotted")

    def test_the_token_is_not_handed_on(self):
        done = self.run_with({}, "sh", "-c", 'printf "%s" "${COFFER_TOKEN-none}"', environment={"COFFER_TOKEN": self.server.token(), "COFFER_TOKEN_FILE": ""})
        self.assertEqual(done.stdout, b"none")

    def test_nothing_starts_when_something_is_not_resolved(self):
        for document, code, word in (
                ({"secret_map": {"A": "${secret:never-made}"}}, 2, "never-made"),
                ({"secret_map": {"A": "${:?why}"}}, 2, "why"),
                ({"secret_map": {"A": "${secret:bob:db}"}}, 2, "bob"),
                ({"secret_map": {"A": "${pods:random:9}"}}, 2, "random"),
                ({"secret_map": {"A": "${pods:default:http://x}"}}, 2, "default"),
                ({"secret_map": {"A": "${stack:web:host}"}}, 2, "stack"),
                ({"secret_map": {"A": "pw=${secret:db}"}}, 2, "whole value"),
                ({"networking": {"default": {"url": 1}}}, 2, "networking.default.url"),
                ({"environment_variables": {"E": "${pods:secrets:NONE}"}}, 2, "NONE"),
                ({"secret_map": {"A": "x"}, "environment_variables": {"E": "${pods:secrets:A?why}"}}, 2, ":?"),
                ({"environment_variables": {"E": 1}}, 2, "environment_variables.E"),
                ({"environment_variables": {"A=B": "x"}}, 2, "environment_variables"),
                ({"environment_variables": {"E": "a\0b"}}, 2, "zero byte"),
                ({"volume_mounts": {"/a": {}}}, 2, "config_content"), ({"volume_mounts": {"../a": {"config_content": ""}}}, 2, "../a"),
                ({"volume_mounts": {"a//b": {"config_content": ""}}}, 2, "a//b"), ({"volume_mounts": {"a": {"config_content": "x"}, "a/b": {"config_content": "y"}}}, 1, "a"),
                ({"volume_mounts": {"a": {"config_content": "${pods:secrets:NONE}"}}}, 2, "volume_mounts.a"), ({"command": "x"}, 2, "command"),
                ("[]", 2, "JSON object"), ("{", 2, "JSON object")):
            with self.subTest(document):
                done = self.run_with(document, "sh", "-c", "echo started", code=code)
                self.assertEqual(done.stdout, b"")
                self.assertIn(word, done.stderr.decode())
                self.assertNotIn("s3cr3t", done.stderr.decode())

    def test_a_program_that_is_not_there_is_named(self):
        for document in ({}, {"volume_mounts": {"f": {"config_content": "x"}}}):
            done = self.run_with(document, "no-such-program-at-all", code=1)
            self.assertIn("no-such-program-at-all", done.stderr.decode())

    FILES = {"secret_map": {"PW": "${secret:db}"}, "environment_variables": {"E": "${pods:secrets:PW}"},
             "volume_mounts": {"/etc/app/app.conf": {"config_content": "pw=${pods:secrets:PW}"}, "plain": {"config_content": ""}}}
    SHOW = ('cd "$COFFER_FILES" && echo "$COFFER_FILES" && find . -type f -printf "%p %m\\n" | sort && cat etc/app/app.conf && stat -f -c " %T" . && stat -c "%a" .;'
            ' printf "%s" "$E" >&2; exit 9')

    def folders_of(self, base):
        return [name for name in os.listdir(base) if name.startswith("coffer-run-")]

    def test_files_are_in_memory_and_gone_when_the_program_ends(self):
        for base in ("/dev/shm", None):
            with tempfile.TemporaryDirectory() as disk:
                done = self.run_with(self.FILES, "sh", "-c", self.SHOW, code=9, options=("--files", base or disk))
                lines = done.stdout.decode().splitlines()
                self.assertEqual(lines[1:3], ["./etc/app/app.conf 600", "./plain 600"])
                self.assertEqual(lines[3], "pw=s3cr3t $(x) ${pods:secrets:A} tmpfs")
                self.assertEqual(lines[4], "700")
                self.assertEqual(done.stderr, b"s3cr3t $(x) ${pods:secrets:A}")
                self.assertFalse(Path(lines[0]).exists())
                self.assertEqual(self.folders_of(base or disk), [])

    def test_nobody_else_sees_the_files_while_the_program_runs(self):
        with tempfile.TemporaryDirectory() as disk:
            path = Path(disk) / "map.json"
            path.write_text(json.dumps(self.FILES))
            child = subprocess.Popen([BINARY, "run", "--map", path, "--files", disk, "--", "sh", "-c",
                                      'trap "echo told; exit 3" TERM; echo "$COFFER_FILES"; while :; do sleep 0.05; done'],
                                     stdout=subprocess.PIPE, env={**os.environ, **self.server.cli_environment()})
            folder = Path(child.stdout.readline().decode().strip())
            self.assertTrue(folder.is_dir())
            self.assertEqual(list(folder.iterdir()), [], "the file system is the program's own")
            child.send_signal(signal.SIGTERM)
            self.assertEqual(child.wait(20), 3, "the program's own exit code, after the signal that was handed on")
            self.assertEqual(child.stdout.read(), b"told\n")
            child.stdout.close()
            self.assertFalse(folder.exists())

    def test_a_program_that_is_killed_kills_with_the_same_signal(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "map.json"
            path.write_text(json.dumps(self.FILES))
            done = subprocess.run([BINARY, "run", "--map", path, "--", "sh", "-c", "kill -KILL $$"], env={**os.environ, **self.server.cli_environment()})
            self.assertEqual(done.returncode, -signal.SIGKILL)

    def test_without_a_namespace_only_a_folder_in_memory_will_do(self):
        """A seccomp-less stand-in for a system that forbids namespaces: a user namespace that may hold no others."""
        limit = "echo 0 > /proc/sys/user/max_mnt_namespaces && exec \"$@\""
        probe = subprocess.run(["unshare", "--user", "--map-root-user", "sh", "-c", limit, "-", "true"], capture_output=True)
        if probe.returncode != 0:
            self.skipTest("this system lets no user limit his namespaces: " + probe.stderr.decode())
        with tempfile.TemporaryDirectory() as disk:
            path = Path(disk) / "map.json"
            path.write_text(json.dumps(self.FILES))
            def run_at(base):
                command = [BINARY, "run", "--map", path, "--files", base, "--", "sh", "-c", self.SHOW]
                return subprocess.run(["unshare", "--user", "--map-root-user", "sh", "-c", limit, "-", *command], capture_output=True, env={**os.environ, **self.server.cli_environment()})
            done = run_at("/dev/shm")
            self.assertEqual(done.returncode, 9, done.stderr)
            self.assertIn(b"pw=s3cr3t", done.stdout)
            self.assertEqual(self.folders_of("/dev/shm"), [])
            on_disk = subprocess.run(["stat", "-f", "-c", "%T", disk], capture_output=True).stdout.decode().strip()
            if on_disk in ("tmpfs", "ramfs"):
                self.skipTest("this system's temporary files are in memory")
            done = run_at(disk)
            self.assertEqual((done.returncode, done.stdout), (1, b""), done.stderr)
            self.assertIn(disk.encode(), done.stderr)
            self.assertEqual(self.folders_of(disk), [])

    def test_what_may_not_be_read_needs_inject(self):
        self.server.admin("tenants", "open-door", "default", "tapis", "dev")
        token = self.server.cli("dev-token", "--data", self.server.data, "--door", "tapis", "--tenant", "dev", "--user", "alice").stdout.decode().strip()
        made = self.server.request("POST", "/pods/secrets", json.dumps({"secret_id": "locked", "secret_value": "for programs", "readable": False}),
                                   {"x-tapis-token": token}, token=None)
        self.assertEqual(made.status, 200, made)
        document = {"secret_map": {"A": "${secret:alice:locked}"}, "environment_variables": {"E": "${pods:secrets:A}"}}
        done = self.run_with(document, "sh", "-c", 'printf "%s" "$E"', code=2, options=("--space", "tapis"))
        self.assertIn("locked", done.stderr.decode())
        done = self.run_with(document, "sh", "-c", 'printf "%s" "$E"', options=("--space", "tapis", "--inject"))
        self.assertEqual(done.stdout, b"for programs")
        document["secret_map"]["A"] = "${secret:bob:locked}"
        self.assertIn("bob", self.run_with(document, "true", code=2, options=("--space", "tapis", "--inject")).stderr.decode())


if __name__ == "__main__":
    unittest.main()
