#!/usr/bin/env python3
"""A production node that a PKCS#11 device unseals (SoftHSM), with a set of shares beside it; then the device is thrown away:
the shares open the node, and every backup, and a new seal takes the device's place."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from harness import BINARY, Server, free_port, run, skip

MODULE = next((p for p in ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so") if Path(p).exists()), None)


class TheDeviceIsGone(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="coffer-device-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "tokens").mkdir()
        (self.folder / "softhsm2.conf").write_text(f"directories.tokendir = {self.folder}/tokens\n")
        self.environment = {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", "coffer", "--pin", "1234", "--so-pin", "5678"],
                       check=True, capture_output=True, env={**os.environ, **self.environment})
        (self.folder / "pin").write_text("1234\n")
        (self.folder / "pin").chmod(0o600)
        self.config = self.folder / "c.toml"
        self.config.write_text(f'data = "{self.folder}/d"\n[seal]\nkey_directory = "{self.folder}"\n[seal.pkcs11]\nmodule = "{MODULE}"\ntoken = "coffer"\nkey = "seal"\n'
                               f'pin_file = "{self.folder}/pin"\n')
        self.token = self.folder / "t"

    def node(self):
        server = Server(data=self.folder / "d", environment=self.environment)
        self.addCleanup(server.close)
        server.http_address, server.grpc_address, server.admin_address = (f"127.0.0.1:{free_port()}" for _ in range(3))
        server.command = lambda: [BINARY, "server", "--insecure", "--config", str(self.config), "--http", server.http_address,
                                  "--grpc", server.grpc_address, "--admin", server.admin_address]
        return server

    def answers(self, server, status):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if server.request("GET", "/readyz", token=None).status == status:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        self.fail(server.log())

    def ok(self, server, *arguments, **more):
        done = server.cli("admin", *arguments, **{"token_file": self.token, **more})
        self.assertEqual(done.returncode, 0, (arguments, done.stderr))
        return done.stdout.decode()

    def test_shares_open_the_node_and_its_backups(self):
        init = run("admin", "init", "--config", self.config, "--operator-token", self.token, "--shares", "3", "--threshold", "2",
                   environment=self.environment)
        self.assertEqual(init.returncode, 0, init.stderr)
        shares = []
        for text in re.findall(r"^cfs_\S+$", init.stdout.decode(), re.M):
            shares.append(self.folder / f"share{len(shares)}")
            shares[-1].write_text(text + "\n")
            shares[-1].chmod(0o600)
        self.assertEqual(len(shares), 3)

        server = self.node()
        server.spawn()
        self.answers(server, 200)       # the device alone opens it
        self.ok(server, "tenants", "create", "acme")
        tenant = self.folder / "acme.token"
        self.ok(server, "tokens", "create", "--tenant", "acme", "--scope", "read,read-value,write:kv:*", "--out", tenant)
        self.assertEqual(server.put("a", "1", tenant="acme", token=tenant.read_text().strip()).status, 200)
        backup = self.folder / "b"
        self.ok(server, "backup", "create", "--out", backup)
        self.assertEqual(server.terminate(), 0)

        shutil.rmtree(self.folder / "tokens")
        (self.folder / "tokens").mkdir()
        server = self.node()
        server.spawn()
        self.answers(server, 503)
        self.assertIn("sealed", self.ok(server, "seal", "status"))
        for share in shares[1:]:
            self.ok(server, "unseal", "--share-file", share)
        self.answers(server, 200)
        self.assertEqual(server.get("a", tenant="acme", token=tenant.read_text().strip()).json["value"], "1")

        # A key file takes its place, online; the shares open what was written before.
        self.ok(server, "seal", "add", "file", "--kind", "key-file", "--key-file", self.folder / "key")
        self.ok(server, "seal", "remove", "pkcs11", "--yes")
        done = run("admin", "backup", "verify", backup, "--share-file", shares[0], "--share-file", shares[2])
        self.assertEqual(done.returncode, 0, done.stderr)
        done = run("admin", "backup", "restore", backup, "--data", self.folder / "r", "--share-file", shares[0], "--share-file", shares[1])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout.decode(), r"(?m)^values: +1$")
        self.assertEqual(server.terminate(), 0)
        self.config.write_text(f'data = "{self.folder}/d"\n[seal]\nkey_file = "{self.folder}/key"\n')
        server = self.node()
        server.spawn()
        self.answers(server, 200)

    def test_a_device_is_added_while_the_node_runs(self):
        text = self.config.read_text()
        plain = f'data = "{self.folder}/d"\n[seal]\nkey_file = "{self.folder}/key"\n'
        self.config.write_text(plain)
        init = run("admin", "init", "--config", self.config, "--operator-token", self.token, environment=self.environment)
        self.assertEqual(init.returncode, 0, init.stderr)
        server = self.node()
        server.spawn()
        self.answers(server, 200)
        refused = server.cli("admin", "seal", "add", "pkcs11", "--kind", "pkcs11", token_file=self.token)
        self.assertEqual(refused.returncode, 4, refused.stderr)
        self.assertIn(b"SIGHUP", refused.stderr)
        self.config.write_text(plain + text[text.index("[seal.pkcs11]"):])
        before = len(server.log())
        server.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while "reload: done" not in server.log()[before:] and time.monotonic() < end:
            time.sleep(0.05)
        self.assertNotIn("seal.pkcs11", server.log()[before:])
        self.assertIn("is in force", self.ok(server, "seal", "add", "pkcs11", "--kind", "pkcs11"))
        self.assertEqual(server.terminate(), 0)
        self.config.write_text(text)
        (self.folder / "key").unlink()
        server = self.node()
        server.spawn()
        self.answers(server, 200)       # by the device alone


if __name__ == "__main__":
    if MODULE is None or not shutil.which("softhsm2-util"):
        skip("softhsm2 is not installed; ./dev test installs it")
    unittest.main()
