#!/usr/bin/env python3
"""Dapr's official JavaScript client (@dapr/dapr) against a started server, over HTTP and gRPC. npm installs it from the
lock file, with the registry that this machine is configured for, into the build folder."""

import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from admin_client import Admin
from harness import ROOT, ServerCase, skip
from test_dapr_http import STORES

SOURCE = Path(__file__).resolve().parent / "dapr_js"


def install():
    """The folder in the build tree with the client installed; a second run installs nothing."""
    folder = Path(os.environ.get("COFFER_BUILD", ROOT / "build")) / "dapr_js"
    folder.mkdir(parents=True, exist_ok=True)
    lock = (SOURCE / "package-lock.json").read_bytes()
    done = folder / "installed"
    for name in ("package.json", "package-lock.json", ".npmrc", "client.mjs"):
        shutil.copy(SOURCE / name, folder)
    if not done.exists() or done.read_bytes() != lock:
        run = subprocess.run(["npm", "ci"], cwd=folder, capture_output=True, text=True, timeout=240)
        if run.returncode != 0:
            raise RuntimeError(f"npm ci failed:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
        done.write_bytes(lock)
    return folder


class JavaScriptClient(ServerCase):
    config = STORES

    @classmethod
    def setUpClass(cls):
        cls.folder = install()
        super().setUpClass()
        cls.server.put("open", "one")
        cls.server.put("open", "two")
        cls.server.put("slash/ed", "s")
        cls.server.put("map", {"data": {"a": "1", "b": "2"}})
        with Admin(cls.server) as admin:
            cls.scoped = admin.create_token("default").secret

    def answers(self, protocol, address, token=""):
        host, port = address.rsplit(":", 1)
        run = subprocess.run(["node", "client.mjs", protocol, host, port, token], cwd=self.folder, capture_output=True, text=True, timeout=120)
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout[run.stdout.index("{"):])

    def check_http(self, answers):
        self.assertEqual(answers["single"], {"ok": {"open": "two"}})
        self.assertEqual(answers["multi"], {"ok": {"a": "1", "b": "2"}})
        self.assertEqual(answers["version"], {"ok": {"open": "one"}})
        self.assertEqual(answers["encoded"], {"ok": {"slash/ed": "s"}})
        self.assertEqual(answers["missing"], {"ok": ""})
        self.assertEqual(json.loads(answers["noStore"]["error"])["status"], 400)
        self.assertEqual(json.loads(answers["denied"]["error"])["status"], 403)
        self.assertEqual(answers["bulk"]["ok"]["map"], {"a": "1", "b": "2"})

    def test_http_without_a_token(self):
        self.check_http(self.answers("HTTP", self.server.http_address))

    def test_http_with_a_coffer_token(self):
        self.check_http(self.answers("HTTP", self.server.http_address, self.scoped))

    def test_grpc(self):
        for token in ("", self.scoped):
            answers = self.answers("GRPC", self.server.grpc_address, token)
            self.assertEqual(answers["single"], {"ok": {"open": "two"}})
            self.assertEqual(answers["missing"], {"ok": {}})
            self.assertEqual(answers["noStore"]["code"], 3)
            self.assertEqual(answers["denied"]["code"], 7)
            self.assertEqual(answers["bulk"]["ok"]["map"], {"a": "1", "b": "2"})


if __name__ == "__main__":
    for program in ("node", "npm"):
        if not shutil.which(program):
            skip(f"{program} is not installed; ./dev test installs it")
    unittest.main()
