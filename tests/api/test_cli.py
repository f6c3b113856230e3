#!/usr/bin/env python3
"""The `coffer` command against a started server: a person's and a script's way through every client command, the
operators' commands, exit codes that scripts can rely on, and errors that say what to do."""

import json
import os
import re
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

from harness import BINARY, ServerCase, free_port, run

OK, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE, LIMIT = range(8)


class Cli(ServerCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def ok(self, *arguments, **more):
        done = self.server.cli(*arguments, **more)
        self.assertEqual(done.returncode, OK, (arguments, done.stderr.decode()))
        return done.stdout

    def fails(self, code, *arguments, **more):
        done = self.server.cli(*arguments, **more)
        self.assertEqual(done.returncode, code, (arguments, done.stdout, done.stderr.decode()))
        # What the command line's grammar refuses is told by its parser, without the program's name.
        self.assertTrue(done.stderr.startswith(b"coffer: ") or code == USAGE and b"--help" in done.stderr, done.stderr)
        return done.stderr.decode()

    def test_top_shows_what_the_server_does_until_it_has_shown_it_often_enough(self):
        self.ok("put", "busy", input=b"x")
        asking = threading.Event()

        def ask():
            while not asking.is_set():
                self.server.get("busy")
        asker = threading.Thread(target=ask)
        asker.start()
        try:
            shown = self.ok("admin", "top", "--interval", "300ms", "-n", "2").decode()
        finally:
            asking.set()
            asker.join()
        self.assertEqual(shown.count("per second"), 2, shown)
        self.assertRegex(shown, r"\d+ tenants, \d+ shards; per second: [\d.]+ log writes in [\d.]+ syncs")
        row = next(line.split() for line in shown.splitlines() if re.match(r"native\S*\s+\S*Get\b", line))
        self.assertGreater(float(row[2]), 1, "somebody asks all the time")
        self.assertEqual(float(row[3]), 0, "and never in vain")
        self.assertGreater(float(row[4]), 0)
        self.assertIn("at least 100ms", self.fails(USAGE, "admin", "top", "--interval", "1ms"))

    def test_put_and_get_keep_every_byte(self):
        for name, value in (("text", b"hello"), ("binary", bytes(range(256))), ("lines", b"a\nb\n"), ("empty", b""), ("utf8", "grüße".encode())):
            self.ok("put", name, input=value)
            self.assertEqual(self.ok("get", name), value)

    def test_values_come_from_files_too(self):
        (self.path / "v").write_bytes(b"from a file")
        self.ok("put", "file", "--file", self.path / "v")
        self.assertEqual(self.ok("get", "file"), b"from a file")
        self.ok("get", "file", "--out", self.path / "out")
        self.assertEqual((self.path / "out").read_bytes(), b"from a file")
        self.assertEqual((self.path / "out").stat().st_mode & 0o777, 0o600)

    def test_a_map_is_put_by_items(self):
        (self.path / "user").write_text("u")
        (self.path / "pass").write_text("p")
        self.ok("put", "map", "--data", f"user=@{self.path}/user", "--data", f"pass=@{self.path}/pass")
        self.assertEqual(json.loads(self.ok("get", "map")), {"user": "u", "pass": "p"})
        self.assertEqual(self.ok("get", "map", "--item", "pass"), b"p")
        self.fails(NOT_FOUND, "get", "map", "--item", "none")
        self.ok("put", "map2", "--stdin-json", input='{"a":"b"}')
        self.assertEqual(self.server.get("map2").json["data"], {"a": "b"})

    def test_a_value_on_the_command_line_is_refused_and_not_repeated(self):
        for arguments in (("put", "n", "sup3rs3cret"), ("put", "n", "--value", "sup3rs3cret"), ("put", "n", "--data", "k=sup3rs3cret"),
                          ("put", "n", "--value=sup3rs3cret")):
            self.assertNotIn("sup3rs3cret", self.fails(USAGE, *arguments))
        self.fails(NOT_FOUND, "get", "n")

    def test_the_life_of_a_secret(self):
        self.ok("put", "life", "--tag", "env=prod", "--description", "a thing", input="1")
        self.ok("put", "life", input="2")
        described = json.loads(self.ok("describe", "life", "--output", "json"))
        self.assertEqual((described["version"], described["tags"], described["description"]), (2, {"env": "prod"}, "a thing"))
        self.assertEqual(self.ok("get", "life", "--version", "1"), b"1")
        self.assertEqual([v["version"] for v in json.loads(self.ok("history", "life", "--output", "json"))["versions"]], [2, 1])
        self.ok("tag", "life", "team=a", "env-", "--max-versions", "5")
        self.assertEqual(json.loads(self.ok("describe", "life", "-o", "json"))["tags"], {"team": "a"})
        self.ok("delete", "life")
        self.fails(NOT_FOUND, "get", "life")
        self.ok("undelete", "life")
        self.assertEqual(self.ok("get", "life"), b"2")
        self.fails(USAGE, "destroy", "life")
        self.ok("destroy", "life", "--yes")
        self.fails(NOT_FOUND, "get", "life")
        self.fails(CONFLICT, "undelete", "life")

    def test_numbers_are_decimal(self):
        for value in (b"1", b"2"):
            self.ok("put", "octal", input=value)
        self.assertIn("begins with 0", self.fails(USAGE, "destroy", "octal", "--versions", "02", "--yes"))
        self.assertEqual(self.ok("get", "octal"), b"2")

    def test_a_repeated_put_has_an_expiry_that_stays_the_same(self):
        again = ("put", "again", "--request-id", "of-this-test", "--expires")
        self.assertIn("a duration is another time with each call", self.fails(USAGE, *again, "30d", input=b"v"))
        for _ in range(2):
            self.ok(*again, "2099-01-31T12:00:00Z", input=b"v")
        self.assertEqual(json.loads(self.ok("describe", "again", "-o", "json"))["version"], 1)

    def test_lists(self):
        for n in range(3):
            self.ok("put", f"l/{n}", "--space", "clilist", "--tag", f"n={n}", input="x")
        names = lambda *a: [s["name"] for s in json.loads(self.ok("list", "--space", "clilist", "-o", "json", *a))["secrets"]]
        self.assertEqual(names(), ["l/0", "l/1", "l/2"])
        self.assertEqual(names("--filter", "tags.n=1"), ["l/1"])
        self.assertEqual(names("--prefix", "x"), [])
        table = self.ok("list", "--space", "clilist").decode()
        self.assertTrue(table.startswith("NAME"))
        self.assertEqual(len(table.splitlines()), 4)

    def test_cas_and_exit_codes(self):
        self.ok("put", "cas", "--cas", "0", input="1")
        self.assertIn("version", self.fails(CONFLICT, "put", "cas", "--cas", "0", input="2"))
        self.fails(NOT_FOUND, "get", "no-such")
        self.fails(NOT_FOUND, "get", "no-such", "--tenant", "no-such-tenant")
        self.fails(USAGE, "get")
        self.fails(USAGE, "get", "x", "--no-such-option")
        self.fails(USAGE, "explode")
        self.fails(USAGE, "put", "UP", "--space", "Bad Space", input="x")
        self.fails(DENIED, "get", "cas", environment={"COFFER_TOKEN_FILE": "", "COFFER_TOKEN": "nonsense"})
        self.assertIn("server", self.fails(UNAVAILABLE, "get", "cas", "--server", f"127.0.0.1:{free_port()}", "--timeout", "500ms"))
        self.fails(USAGE, "get", "cas", "--token-file", self.path / "missing")
        self.assertIn(self.server.cli("put", "big", input=b"x" * ((1 << 20) + 1)).returncode, (USAGE, LIMIT))
        self.fails(NOT_FOUND, "get", "big")

    def test_a_closed_pipe_or_a_full_disk_is_no_success(self):
        self.ok("put", "pipe", input="x" * 100_000)
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, "get", "pipe"], stdout=full, stderr=subprocess.PIPE, timeout=30,
                                  env={**os.environ, "COFFER_ADDR": self.server.grpc_address, "COFFER_TOKEN": self.server.token()})
        self.assertNotEqual(done.returncode, 0)

    def test_tenants(self):
        self.ok("admin", "tenants", "create", "cli-a")
        self.fails(CONFLICT, "admin", "tenants", "create", "cli-a")
        self.fails(USAGE, "admin", "tenants", "create", "Bad Name")
        self.ok("admin", "tenants", "open-door", "cli-a", "direktiv", "cli-ns")
        self.ok("admin", "tenants", "create", "cli-b", "--door", "direktiv=cli-ns-b")
        self.fails(CONFLICT, "admin", "tenants", "open-door", "cli-b", "direktiv", "cli-ns")
        shown = json.loads(self.ok("admin", "tenants", "show", "cli-a", "-o", "json"))
        self.assertEqual(shown["doors"], [{"door": "direktiv", "external_id": "cli-ns"}])
        names = [t["name"] for t in json.loads(self.ok("admin", "tenants", "list", "--prefix", "cli-", "-o", "json"))["tenants"]]
        self.assertEqual(names, ["cli-a", "cli-b"])
        self.ok("put", "n", "--tenant", "cli-a", input="x")
        self.fails(USAGE, "admin", "tenants", "delete", "cli-a")
        self.ok("admin", "tenants", "delete", "cli-a", "--yes")
        self.fails(NOT_FOUND, "get", "n", "--tenant", "cli-a")
        listed = json.loads(self.ok("admin", "tenants", "list", "--prefix", "cli-", "-o", "json"))["tenants"]
        self.assertEqual([t["name"] for t in listed], ["cli-b"])
        with_deleted = json.loads(self.ok("admin", "tenants", "list", "--prefix", "cli-", "--deleted", "-o", "json"))["tenants"]
        self.assertIn(("cli-a", "deleted"), [(t["name"], t["state"]) for t in with_deleted])
        self.fails(NOT_FOUND, "admin", "tenants", "show", "never-was")

    def test_tokens(self):
        self.ok("put", "tok/a", input="x")
        out = self.path / "reader.token"
        self.ok("admin", "tokens", "create", "--scope", "read,read-value:kv:tok/*", "--expires", "1h", "--out", out)
        self.assertEqual(out.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.ok("get", "tok/a", token_file=out), b"x")
        self.fails(DENIED, "put", "tok/a", token_file=out, input="y")
        self.fails(DENIED, "admin", "tenants", "list", token_file=out)
        secret = out.read_bytes()
        self.assertIn("is there already", self.fails(USAGE, "admin", "tokens", "create", "--scope", "read:kv:*", "--out", out))
        self.assertEqual(out.read_bytes(), secret)
        tokens = json.loads(self.ok("admin", "tokens", "list", "-o", "json"))["tokens"]
        self.assertEqual(len(tokens), 1, "nothing is made whose secret cannot be kept")
        self.assertIn("active", self.ok("admin", "tokens", "list").decode())
        self.ok("admin", "tokens", "revoke", tokens[0]["id"])
        self.fails(DENIED, "get", "tok/a", token_file=out)
        self.fails(USAGE, "admin", "tokens", "create", "--scope", "fly:kv:*")
        self.fails(USAGE, "admin", "tokens", "create", "--scope", "read:kv:*", "--expires", "2001-01-01T00:00:00Z")
        self.fails(NOT_FOUND, "admin", "tokens", "revoke", "0123456789abcdef")

    def test_status(self):
        status = json.loads(self.ok("admin", "status", "-o", "json"))
        self.assertEqual(status["seal"], "open")
        self.assertGreaterEqual(len(status["groups"]), 2)
        self.assertTrue(all(g["role"] == "leader" for g in status["groups"]))
        self.assertIn("version", self.ok("admin", "status").decode())


class Offline(unittest.TestCase):
    def test_help_names_every_command_and_the_exit_codes(self):
        text = run("--help").stdout.decode()
        for command in ("server", "put", "get", "list", "history", "describe", "tag", "delete", "undelete", "destroy", "admin", "bench", "config"):
            self.assertIn(command, text)
            self.assertEqual(run(command, "--help").returncode, 0)
        self.assertEqual(run("--version").returncode, 0)

    def test_config_check(self):
        with tempfile.TemporaryDirectory() as folder:
            good, bad = Path(folder) / "good.toml", Path(folder) / "bad.toml"
            good.write_text('[http]\naddress = "127.0.0.1:7000"\n[[dapr.store]]\nname = "s"\ntenant = "t"\n')
            done = run("config", "check", good, "--dev")
            self.assertEqual(done.returncode, 0, done.stderr)
            bad.write_text('[http]\naddress = 5\n\n[nonsense]\nx = 1\n[shards]\nidle = "soon"\n')
            done = run("config", "check", bad, "--dev")
            self.assertEqual(done.returncode, 2)
            for place in ("bad.toml:2", "bad.toml:4", "bad.toml:7"):
                self.assertIn(place, done.stderr.decode())
            done = run("config", "check", good)
            self.assertIn(b"check it with the same", done.stderr, "it may be started with --insecure")
            self.assertNotIn(b"check it with the same", run("config", "check", good, "--dev").stderr)
            bad.write_text("this is = = no toml")
            self.assertIn("bad.toml:1", run("config", "check", bad).stderr.decode())

    def test_bash_completion_completes(self):
        script = run("completion", "bash").stdout
        self.assertEqual(subprocess.run(["bash", "-n"], input=script).returncode, 0)
        probe = script + b"\nCOMP_WORDS=(coffer admin to); COMP_CWORD=2; COMP_LINE='coffer admin to'; COMP_POINT=15\n" \
                         b"$(complete -p coffer | sed 's/.*-F \\([^ ]*\\).*/\\1/') coffer to admin; printf '%s\\n' \"${COMPREPLY[@]}\"\n"
        self.assertIn(b"tokens", subprocess.run(["bash"], input=probe, capture_output=True).stdout)


if __name__ == "__main__":
    unittest.main()
