#!/usr/bin/env python3
"""Seals, keys, deletion and backups as an operator uses them, by the command alone: docs/keys.md is executed here, and
the first start of a production node with a quorum of shares."""

import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from audit_trail import records
from harness import BINARY, Server, free_port, run


def eventually(condition, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


class KeysCase(unittest.TestCase):
    config = None

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="coffer-keys-"))
        self.server = Server(data=self.folder / "d", config=self.config).start()

    def tearDown(self):
        self.server.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ok(self, *arguments, **more):
        done = self.server.cli("admin", *arguments, **more)
        self.assertEqual(done.returncode, 0, (arguments, done.stderr))
        return done.stdout.decode()

    def put(self, name, value, tenant="default"):
        self.assertEqual(self.server.put(name, value, tenant=tenant).status, 200)

    def value(self, name, tenant="default"):
        answer = self.server.get(name, tenant=tenant)
        return answer.json.get("value") if answer.status == 200 else answer.status

    def share(self, text):
        path = self.folder / f"share{len(list(self.folder.glob('share*')))}"
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def add_shares(self, name="holders"):
        shares = self.ok("seal", "add", name, "--kind", "shamir", "--shares", "3", "--threshold", "2").split()
        self.assertEqual(len(shares), 3)
        files = [self.share(text) for text in shares]
        self.assertIn("1 of 2", self.ok("seal", "verify", "--share-file", files[0]))
        self.assertIn("is in force", self.ok("seal", "verify", "--share-file", files[1]))
        return files


class Seals(KeysCase):
    def test_a_node_that_said_it_is_sealed_gives_nothing_more_and_loses_no_share(self):
        self.put("a", "value")
        files = self.add_shares()
        self.assertEqual(self.server.cli("admin", "seal", "now", "--yes").returncode, 0)
        try:
            self.assertNotEqual(self.server.get("a").status, 200)
        except OSError:
            pass    # it is starting anew, sealed
        for share in files[:2]:
            self.ok("unseal", "--share-file", share)
        self.assertTrue(eventually(lambda: self.ready() == 200))
        self.assertEqual(self.server.get("a").json["value"], "value")

    def test_a_node_is_sealed_and_opened_by_its_holders(self):
        self.put("a", "value")
        files = self.add_shares()
        self.assertEqual(self.server.cli("admin", "seal", "now", "--yes").returncode, 0)
        self.assertTrue(eventually(lambda: self.ready() == 503))
        self.assertEqual(self.server.request("GET", "/healthz", token=None).status, 200)
        self.assertNotEqual(self.server.get("a").status, 200)
        shown = self.server.request("GET", "/metrics", token=None)
        self.assertEqual(shown.status, 200, "a sealed node is watched like any other")
        self.assertIn(b"coffer_sealed", shown.body)
        status = json.loads(self.ok("seal", "status", "--output", "json"))
        self.assertTrue(status["sealed"])
        done = self.server.cli("admin", "tenants", "list", "--timeout", "5m", timeout=60)
        self.assertEqual(done.returncode, 6)
        self.assertIn(b"coffer admin unseal", done.stderr, "at once, and not after the timeout")
        self.assertNotIn(b"is a server running there", done.stderr)
        stranger = self.folder / "stranger"
        stranger.write_text("correct horse buttery\n")
        stranger.chmod(0o600)
        done = self.server.cli("admin", "unseal", "--passphrase-file", stranger)
        self.assertEqual(done.returncode, 5)
        self.assertIn(b"passphrase", done.stderr)
        self.assertNotIn(b"the token is unknown", done.stderr)
        wrong = self.share("cfs_" + "A" * 63)
        self.assertNotEqual(self.server.cli("admin", "unseal", "--share-file", wrong).returncode, 0)
        self.assertIn("1 of 2 given", self.ok("unseal", "--share-file", files[0]))
        self.ok("unseal", "--share-file", files[2])
        self.assertTrue(eventually(lambda: self.ready() == 200))
        self.assertEqual(self.value("a"), "value")
        # What happened while nobody could sign the trail is in it now: who gave shares, and at the end of the minute (or of
        # the server) who was refused.
        self.assertTrue(eventually(lambda: sum(r.get("action") == "unseal" and r["outcome"] == "OK" for r in records(self.server)) == 2))
        self.assertEqual(self.server.terminate(), 0)
        refused = [r for r in records(self.server) if r["kind"] == "refusals" and r["outcome"] == "SEALED"]
        self.assertTrue(refused, records(self.server)[-5:])
        self.assertEqual(self.server.start().cli("admin", "audit", "verify").returncode, 0)

    def ready(self):
        try:
            return self.server.request("GET", "/readyz", token=None).status
        except OSError:
            return None

    def test_a_quorum_makes_a_token_and_ends_the_others(self):
        files = self.add_shares()
        token = self.folder / "new.token"
        self.ok("operator-token", "--share-file", files[0])
        self.ok("operator-token", "--share-file", files[1], "--revoke-others", "--out", token)
        self.assertEqual(token.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.server.cli("admin", "tenants", "list").returncode, 5)
        self.assertEqual(self.server.cli("admin", "tenants", "list", token_file=token).returncode, 0)

    def test_what_is_refused_says_what_to_do(self):
        only = json.loads(self.ok("seal", "status", "--output", "json"))["seals"][0]["name"]
        done = self.server.cli("admin", "seal", "remove", only, "--yes")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"last seal", done.stderr)
        done = self.server.cli("admin", "seal", "add", "x", "--kind", "shamir", "--shares", "2", "--threshold", "3")
        self.assertEqual(done.returncode, 2)
        done = self.server.cli("admin", "seal", "add", "x", "--kind", "pkcs11", "--timeout", "5m", timeout=60)
        self.assertIn(b"seal.pkcs11", done.stderr)
        self.assertNotIn(b"is a server running there", done.stderr)
        done = self.server.cli("admin", "seal", "add", "--kind", "passphrase", "--passphrase-file", self.folder / "empty")
        self.assertIn(b"empty", done.stderr, "the file is not there")
        (self.folder / "empty").touch(0o600)
        for command in (["seal", "verify", "--share-file"], ["unseal", "--share-file"], ["seal", "add", "--kind", "passphrase", "--passphrase-file"]):
            done = self.server.cli("admin", *command, self.folder / "empty")
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertRegex(done.stderr.decode(), r"empty is empty, and its first line")
        (self.folder / "p").write_text("correct horse battery\n")
        (self.folder / "p").chmod(0o600)
        done = self.server.cli("admin", "seal", "add", "--kind", "passphrase", "--passphrase-file", self.folder / "p")
        self.assertIn(b"cannot add a passphrase seal: name:", done.stderr)
        self.ok("seal", "add", "night", "--kind", "passphrase", "--passphrase-file", self.folder / "p")
        done = self.server.cli("admin", "seal", "add", "night", "--kind", "passphrase", "--passphrase-file", self.folder / "p")
        self.assertEqual(done.returncode, 4)
        self.assertIn(b"--replace", done.stderr)
        for name in (["remove", "nosuch", "--yes"], ["add", "nosuch", "--kind", "key-file", "--key-file", "/nowhere", "--replace"]):
            done = self.server.cli("admin", "seal", *name)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(b"coffer admin seal status", done.stderr)
        done = self.server.cli("admin", "keys", "rotate", "data")
        self.assertIn(b"whose data key", done.stderr)
        wrong = self.folder / "wrong.token"
        wrong.write_text("cft_wrong\n")
        done = self.server.cli("admin", "keys", "status", token_file=wrong)
        self.assertEqual(done.returncode, 5)


class Keys(KeysCase):
    def test_every_level_is_rotated_and_everything_stays_readable(self):
        for n in range(20):
            self.put(f"s{n}", f"v{n}")
        for level in (["root"], ["cluster"], ["data", "--tenant", "default"]):
            self.ok("keys", "rotate", *level)
            self.assertEqual(self.value("s3"), "v3")

        def resealed():
            tenant = json.loads(self.ok("keys", "status", "--tenant", "default", "--output", "json"))["tenant"]
            return len(tenant["data_keys"]) == 1 and tenant["cluster_key"] == 2
        self.assertTrue(eventually(resealed))
        self.assertIn("paused", self.ok("keys", "reseal", "--pause"))
        self.ok("keys", "reseal", "--resume", "--rate", "100")
        self.assertEqual(self.server.terminate(), 0)
        self.server.start()
        for n in range(20):
            self.assertEqual(self.value(f"s{n}"), f"v{n}")

    def test_resealing_goes_on_where_a_kill_has_stopped_it(self):
        for n in range(300):
            self.put(f"s{n}", f"v{n}")
        self.ok("keys", "reseal", "--rate", "50")
        self.ok("keys", "rotate", "data", "--tenant", "default")
        self.ok("keys", "reseal", "--pause")
        self.server.kill()
        self.server.start()

        def keys():
            return json.loads(self.ok("keys", "status", "--tenant", "default", "--output", "json"))
        self.assertTrue(keys()["reseal"]["paused"])
        self.assertEqual(keys()["reseal"]["rows_per_second"], 50)
        time.sleep(2)           # a round begins within one
        self.assertEqual(len(keys()["tenant"]["data_keys"]), 2, "nothing is sealed anew while it is paused")
        self.ok("keys", "reseal", "--resume")
        time.sleep(1)
        self.server.kill()
        self.server.start()
        self.assertEqual(keys()["reseal"]["rows_per_second"], 50)
        self.ok("keys", "reseal", "--rate", "100000")
        self.assertTrue(eventually(lambda: len(keys()["tenant"]["data_keys"]) == 1))
        self.assertTrue(eventually(lambda: keys()["reseal"]["tenants_done"] == 1))
        self.assertGreater(keys()["reseal"]["rows_done"], 0)
        self.server.kill()
        self.server.start()
        self.assertEqual(keys()["reseal"]["tenants_done"], 1)
        for n in range(0, 300, 17):
            self.assertEqual(self.value(f"s{n}"), f"v{n}")

    def test_a_tenant_is_deleted_undeleted_and_purged(self):
        self.put("a", "1", tenant="t")
        deleted = self.server.admin("tenants", "delete", "t", "--yes")
        self.assertEqual(deleted["state"], "deleted")
        self.assertEqual(self.value("a", tenant="t"), 404)
        self.server.admin("tenants", "undelete", deleted["id"])
        self.assertEqual(self.value("a", tenant="t"), "1")
        self.server.admin("tenants", "delete", "t", "--yes", "--purge")

        def state():
            tenants = self.server.admin("tenants", "list", "--deleted")["tenants"]
            return [t for t in tenants if t["id"] == deleted["id"]][0]
        self.assertTrue(eventually(lambda: state().get("purged_at")))
        self.assertEqual(state()["state"], "purged")
        self.assertNotEqual(self.server.cli("admin", "tenants", "undelete", deleted["id"]).returncode, 0)

    def test_a_deleted_tenant_is_purged_at_once_by_its_name_or_id_and_a_copy_taken_after_it_cannot_be_opened(self):
        ids = []
        for n in range(3):
            self.put("a", f"canary-{n}", tenant="t")
            ids.append(self.server.admin("tenants", "delete", "t", "--yes")["id"])
        self.put("a", "lives", tenant="t")
        table = self.ok("tenants", "list", "--deleted")
        for word in (*ids, "PURGE AT"):
            self.assertIn(word, table)
        self.assertNotIn("PURGE AT", self.ok("tenants", "list"))
        done = self.server.cli("admin", "tenants", "purge", ids[0])
        self.assertEqual(done.returncode, 2, "it asks first")
        self.assertIn(b"for ever", done.stderr)
        done = self.server.cli("admin", "tenants", "purge", "t", "--yes")
        self.assertEqual(done.returncode, 2, "which of three?")
        for id in ids:
            self.assertIn(id.encode(), done.stderr)
        states = lambda: {t["id"]: t for t in self.server.admin("tenants", "list", "--deleted")["tenants"]}
        for id in ids[:2]:
            self.ok("tenants", "purge", id, "--yes")
            self.assertNotEqual(self.server.cli("admin", "tenants", "undelete", id).returncode, 0)
        self.ok("tenants", "purge", "t", "--yes")       # the only one that is left of this name
        self.assertTrue(eventually(lambda: all(states()[id].get("purged_at") for id in ids)), states())
        self.assertEqual(self.value("a", tenant="t"), "lives", "a tenant that is used is not meant")
        done = self.server.cli("admin", "tenants", "purge", "t", "--yes")
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"tenants delete --purge t", done.stderr)
        done = self.server.cli("admin", "tenants", "purge", "nosuch", "--yes")
        self.assertIn(b"tenants list --deleted", done.stderr)
        orders = [r for r in records(self.server) if r.get("action") == "purge-tenant" and r.get("principal") == "dev-root"]
        self.assertEqual(len(orders), 3)
        # Somebody takes the data and everything that opens them: of the purged lives there is nothing to open.
        copy = self.folder / "copy.backup"
        self.ok("backup", "create", "--out", copy)
        shown = run("admin", "backup", "verify", copy, "--seal-key", self.folder / "d/dev/seal.key")
        self.assertRegex(shown.stdout.decode(), r"(?m)^tenants: +1$")
        self.assertRegex(shown.stdout.decode(), r"(?m)^values: +1$")


class RetiredKeys(KeysCase):
    """Old cluster keys go when nothing uses them; backups and tokens of their time still work."""
    config = '[keys]\nretire_after = "1s"\n'

    def cluster_keys(self):
        return {k["version"]: k for k in json.loads(self.ok("keys", "status", "--output", "json"))["cluster_keys"]}

    def test_an_old_cluster_key_is_retired_and_what_it_signed_and_older_backups_still_open(self):
        key, backup = self.folder / "d/dev/seal.key", self.folder / "b"
        self.put("a", "1")
        made = self.server.admin("tokens", "create", "--tenant", "default", "--scope", "read,read-value:kv:*")
        self.ok("backup", "create", "--out", backup)
        self.ok("keys", "rotate", "cluster")
        self.assertTrue(eventually(lambda: self.cluster_keys()[1].get("retired_at"), 60), self.ok("keys", "status"))
        self.assertIn("retired", self.ok("keys", "status"))
        self.server.kill()
        self.server.start()
        self.assertTrue(self.cluster_keys()[1]["retired_at"])
        self.assertEqual(self.value("a"), "1")
        self.assertEqual(self.server.get("a", token=made["secret"]).status, 200, "a token of the old key's time")
        self.assertEqual(self.server.cli("admin", "audit", "verify").returncode, 0)
        self.put("b", "2")
        fresh = self.folder / "fresh"
        self.ok("backup", "create", "--out", fresh)
        for one in (backup, fresh):
            done = run("admin", "backup", "verify", one, "--seal-key", key)
            self.assertEqual(done.returncode, 0, done.stderr)

        # The root key and the key file change, too: the old backup says what it wants.
        other = self.folder / "d/dev/other.key"
        old = json.loads(self.ok("seal", "status", "--output", "json"))["seals"][0]["name"]
        self.ok("seal", "add", "file", "--kind", "key-file", "--key-file", other)
        self.ok("keys", "rotate", "root")
        done = run("admin", "backup", "verify", backup, "--seal-key", other)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"the backup is of root key version 1, which is opened by key-file", done.stderr)
        self.assertIn(old.encode(), done.stderr)
        done = run("admin", "backup", "verify", backup, "--seal-key", key)
        self.assertEqual(done.returncode, 0, done.stderr)


class Backups(KeysCase):
    def test_a_backup_is_verified_and_restored(self):
        for n in range(30):
            self.put(f"s{n}", f"v{n}", tenant=f"t{n % 3}")
        backup, key = self.folder / "b", self.folder / "d/dev/seal.key"
        self.ok("backup", "create", "--out", backup)
        self.assertEqual(backup.stat().st_mode & 0o777, 0o600)
        self.assertEqual(run("admin", "backup", "verify", backup).returncode, 0)
        whole = run("admin", "backup", "verify", backup, "--seal-key", key)
        self.assertEqual(whole.returncode, 0, whole.stderr)
        self.assertRegex(whole.stdout.decode(), r"every row opens")
        self.assertRegex(whole.stdout.decode(), r"(?m)^entries: +30$")
        piped = run("admin", "backup", "verify", "-", "--seal-key", key, input=backup.read_bytes())
        self.assertEqual(piped.returncode, 2, "rows are opened in a second reading")
        bad = bytearray(backup.read_bytes())
        bad[len(bad) // 2] ^= 1
        (self.folder / "bad").write_bytes(bad)
        done = run("admin", "backup", "verify", self.folder / "bad")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"damaged at byte", done.stderr)
        (self.folder / "cut").write_bytes(backup.read_bytes()[:-10])
        self.assertNotEqual(run("admin", "backup", "verify", self.folder / "cut").returncode, 0)

        restored = self.folder / "r"
        done = run("admin", "backup", "restore", backup, "--data", restored, "--seal-key", key)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout.decode(), r"(?m)^values: +30$", "what was written was read back")
        self.assertNotEqual(run("admin", "backup", "restore", backup, "--data", restored, "--seal-key", key).returncode, 0)
        (restored / "dev").mkdir(mode=0o700)
        shutil.copy(key, restored / "dev/seal.key")
        shutil.copy(self.folder / "d/dev/root.token", restored / "dev/root.token")
        other = Server(data=restored).start()
        try:
            for n in range(30):
                self.assertEqual(other.get(f"s{n}", tenant=f"t{n % 3}").json["value"], f"v{n}")
        finally:
            other.close()

    def test_a_restore_that_fails_leaves_the_directory_as_it_was_and_the_next_one_works(self):
        for n in range(30):
            self.put(f"s{n}", os.urandom(10_000).hex())
        backup, key, other = self.folder / "b", self.folder / "d/dev/seal.key", self.folder / "other.key"
        self.ok("backup", "create", "--out", backup)
        whole = backup.read_bytes()
        flipped, cut, short = bytearray(whole), whole[:-10], whole[:200]
        flipped[len(flipped) // 2] ^= 1
        last = bytearray(whole)
        last[-5] ^= 1
        for name, content in (("flipped", flipped), ("last", last), ("cut", cut), ("short", short), ("empty", b"")):
            (self.folder / name).write_bytes(content)
        other.write_text("ab" * 32 + "\n")
        other.chmod(0o600)

        def restore(file, seal, *more, data, limit=None):
            command = [BINARY, "admin", "backup", "restore", file, "--data", data, "--seal-key", seal, *more]
            if limit:  # what a full disk is to the databases: a write that fails
                command = ["bash", "-c", f'trap "" XFSZ; ulimit -f {limit}; exec "$@"', "-", *command]
            return subprocess.run(command, capture_output=True, timeout=120)

        failures = {"flipped": (self.folder / "flipped", key), "its last bytes": (self.folder / "last", key), "cut": (self.folder / "cut", key),
                    "short": (self.folder / "short", key), "empty": (self.folder / "empty", key), "another key": (backup, other),
                    "no key": (backup, self.folder / "none"), "no such tenant": (backup, key, "--tenant", "nobody"), "no such file": (self.folder / "none", key)}
        missing, empty = self.folder / "missing", self.folder / "empty-one"
        empty.mkdir(mode=0o700)
        for what, arguments in failures.items():
            for data in (missing, empty):
                done = restore(*arguments, data=data)
                self.assertNotEqual(done.returncode, 0, what)
                self.assertTrue(done.stderr, what)
                self.assertFalse(missing.exists(), f"{what}: it left {list(missing.rglob('*')) if missing.exists() else ''}")
                self.assertEqual(list(empty.iterdir()), [], what)
        for limit in (16, 300, 500):
            for data in (missing, empty):
                done = restore(backup, key, data=data, limit=limit)
                self.assertNotEqual(done.returncode, 0, f"{limit} KiB were enough")
                self.assertFalse(missing.exists(), limit)
                self.assertEqual(list(empty.iterdir()), [], limit)

        foreign = self.folder / "foreign"
        foreign.mkdir(mode=0o700)
        (foreign / "mine").write_text("stays")
        done = restore(backup, key, data=foreign)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"not empty", done.stderr)
        self.assertEqual([p.name for p in foreign.iterdir()], ["mine"], "what was there is not touched")
        for data in (missing, empty):
            done = restore(backup, key, data=data)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout.decode(), r"(?m)^values: +30$")
            before = sorted(p.relative_to(data) for p in data.rglob("*"))
            self.assertNotEqual(restore(backup, key, data=data).returncode, 0, "a node is there now")
            self.assertEqual(sorted(p.relative_to(data) for p in data.rglob("*")), before)

    def test_a_backup_goes_to_stdout(self):
        self.put("a", "1")
        done = self.server.cli("admin", "backup", "create")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(done.stdout.startswith(b"COFFERB1"))
        self.assertEqual(run("admin", "backup", "verify", "-", input=done.stdout).returncode, 0)

    def test_a_tenant_moves_to_another_cluster(self):
        self.put("a", "1", tenant="t")
        passphrase = self.folder / "p"
        passphrase.write_text("correct horse battery\n")
        self.ok("tenants", "export", "t", "--passphrase-file", passphrase, "--out", self.folder / "t.export")
        other = Server(data=self.folder / "o").start()
        try:
            done = other.cli("admin", "tenants", "import", self.folder / "t.export", "--passphrase-file", passphrase,
                             "--name", "moved")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(other.get("a", tenant="moved").json["value"], "1")
        finally:
            other.close()


class Production(unittest.TestCase):
    """The first start of a production node, without a key file: a quorum unseals it at each start."""

    def test_init_makes_the_authority_that_certifies_nodes(self):
        folder = Path(tempfile.mkdtemp(prefix="coffer-init-"))
        self.addCleanup(shutil.rmtree, folder)
        options = ("--data", folder / "d", "--seal-key", folder / "key")
        done = run("admin", "init", *options, "--operator-token", folder / "t")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("cluster CA", done.stdout.decode())
        # Nothing has run yet, so whoever signs this certificate was made by init.
        done = run("admin", "cluster", "reissue", *options)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("node 1 has a new certificate", done.stdout.decode())

    def test_a_lost_key_file_is_no_start_where_nobody_could_unseal_the_node(self):
        folder = Path(tempfile.mkdtemp(prefix="coffer-init-"))
        self.addCleanup(shutil.rmtree, folder)
        options = ("--data", folder / "d", "--seal-key", folder / "key")
        self.assertEqual(run("admin", "init", *options, "--operator-token", folder / "t").returncode, 0)
        (folder / "key").unlink()
        done = run("server", *options, "--insecure", *(f"--{name}=127.0.0.1:{free_port()}" for name in ("http", "grpc", "admin")))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"{folder}/key does not exist", done.stderr.decode())
        self.assertFalse((folder / "key").exists(), "a new key was made over old data")
        # Where shares open it, it starts sealed: test_runbook.py throws a key file away.

    def test_init_with_shares_and_unseal(self):
        folder = Path(tempfile.mkdtemp(prefix="coffer-init-"))
        server = None
        try:
            done = run("admin", "init", "--data", folder / "d", "--operator-token", folder / "t", "--shares", "3",
                       "--threshold", "2")
            self.assertEqual(done.returncode, 0, done.stderr)
            shares = [line for line in done.stdout.decode().splitlines() if line.startswith("cfs_")]
            self.assertEqual(len(shares), 3)
            config = folder / "c.toml"
            config.write_text(f'data = "{folder}/d"\n[seal]\nmanual = true\n')
            server = Server(data=folder / "d")
            server.http_address, server.grpc_address, server.admin_address = (f"127.0.0.1:{free_port()}" for _ in range(3))
            server.command = lambda: [BINARY, "server", "--insecure", "--config", str(config), "--http", server.http_address,
                                      "--grpc", server.grpc_address, "--admin", server.admin_address]
            server.spawn()

            def answers(status):
                try:
                    return server.request("GET", "/readyz", token=None).status == status
                except OSError:
                    return False
            self.assertTrue(eventually(lambda: answers(503)), server.log())
            for text in (shares[2], shares[0]):
                done = server.cli("admin", "unseal", "--share-file", "-", input=text + "\n", token_file=folder / "t")
                self.assertEqual(done.returncode, 0, done.stderr)
            self.assertTrue(eventually(lambda: answers(200)), server.log())
            done = server.cli("admin", "operators", "create", "ann", "--capability", "tenants", "--capability", "tokens", "--out", folder / "ann", token_file=folder / "t")
            self.assertEqual(done.returncode, 0, done.stderr)
            for command in (("tenants", "create", "acme"), ("tokens", "create", "--tenant", "acme", "--scope", "read,read-value:kv:*")):
                done = server.cli("admin", *command, token_file=folder / "ann")
                self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(server.cli("admin", "keys", "status", token_file=folder / "ann").returncode, 5)
        finally:
            if server:
                server.close()
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    unittest.main()
