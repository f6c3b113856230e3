#!/usr/bin/env python3
"""A client that is generated from the OpenAPI document which a started server serves: openapi-typescript makes its types,
the TypeScript compiler holds the calls against them, openapi-fetch makes the requests of a secret's whole life. npm
installs them from the lock file, with the registry that this machine is configured for, into the build folder."""

import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from harness import ROOT, ServerCase, skip

SOURCE = Path(__file__).resolve().parent / "openapi_js"
FILES = ("package.json", "package-lock.json", ".npmrc", "tsconfig.json", "node.d.ts", "client.mts")


def install():
    """The folder in the build tree with the packages installed; a second run installs nothing."""
    folder = Path(os.environ.get("COFFER_BUILD", ROOT / "build")) / "openapi_js"
    folder.mkdir(parents=True, exist_ok=True)
    lock = (SOURCE / "package-lock.json").read_bytes()
    done = folder / "installed"
    for name in FILES:
        shutil.copy(SOURCE / name, folder)
    if not done.exists() or done.read_bytes() != lock:
        run(folder, "npm", "ci", timeout=240)
        done.write_bytes(lock)
    return folder


def run(folder, *command, timeout=120):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:2])} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


class GeneratedClient(ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = install()
        super().setUpClass()

    def token(self, user):
        done = self.server.cli("dev-token", "--data", self.server.data, "--door", "tapis", "--tenant", "dev", "--user", user)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode().strip()

    def test_the_whole_life_of_a_secret(self):
        document = self.server.request("GET", "/pods/openapi.json", token=None)
        self.assertEqual(document.status, 200, document)
        (self.folder / "openapi.json").write_bytes(document.body)
        run(self.folder, "node", "node_modules/.bin/openapi-typescript", "openapi.json", "--default-non-nullable=false", "--output", "paths.d.ts")
        run(self.folder, "node", "node_modules/.bin/tsc", "--project", ".")
        seen = json.loads(run(self.folder, "node", "client.mjs", f"http://{self.server.http_address}", self.token("alice"), self.token("bob")))
        self.assertEqual(seen["made"], ["db-password", "user", None, True, True, "alice"])
        self.assertEqual(seen["again"]["status"], 409)
        self.assertIn("already exists", seen["again"]["message"])
        self.assertEqual((seen["before"], seen["listed"], seen["after"]), (0, ["db-password"], 0))
        self.assertEqual((seen["value"], seen["updated"], seen["update"]), ("one", "three", "by bob"))
        self.assertEqual(seen["foreign"]["status"], 403)
        self.assertEqual((seen["shared"], seen["unshared"]), (["alice:ADMIN", "bob:USER"], ["alice:ADMIN"]))
        self.assertEqual(seen["rendered"], {"URL": "db://u:three@h"})
        self.assertEqual(seen["invalid"]["status"], 400)
        self.assertIsInstance(seen["invalid"]["message"], list)
        self.assertEqual((seen["deleted"], seen["pod"]), ("db-password", ["of-a-pod"]))
        self.assertEqual(seen["gone"]["status"], 404)


if __name__ == "__main__":
    for program in ("node", "npm"):
        if not shutil.which(program):
            skip(f"{program} is not installed; ./dev test installs it")
    unittest.main()
