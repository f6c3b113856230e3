#!/usr/bin/env python3
"""Node's gRPC client (@grpc/grpc-js with proto-loader), from this repository's protos, against both generations of the
Cloudforet door. npm installs it from the lock file into the build folder."""

import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

from cloudforet_case import DOMAIN, CloudforetCase
from harness import ROOT, free_port, skip

SOURCE = Path(__file__).resolve().parent / "cloudforet_js"


def install():
    """The folder in the build tree with the client installed; a second run installs nothing."""
    folder = Path(os.environ.get("COFFER_BUILD", ROOT / "build")) / "cloudforet_js"
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


class NodeClient(CloudforetCase):
    @classmethod
    def setUpClass(cls):
        cls.folder_js = install()
        cls.newer = f"127.0.0.1:{free_port()}"
        cls.config = f'[[listener]]\naddress = "{cls.newer}"\ncloudforet.profile = "2.x"\n'
        super().setUpClass()

    def answers(self, generation, address):
        run = subprocess.run(["node", "client.mjs", str(ROOT / "proto/public"), generation, address, self.token("alice"),
                              self.token("s", None, own="SYSTEM"), DOMAIN], cwd=self.folder_js, capture_output=True, text=True, timeout=120)
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)

    def check(self, answers, resources):
        for name in resources:
            self.assertEqual({k: answers[name][k] for k in ("name", "tags", "changed", "total", "first", "gone")},
                             {"name": f"js-{name}", "tags": {"a": "b"}, "changed": f"js-{name}-2", "total": 1, "first": f"js-{name}-2", "gone": 5})
            self.assertIn(f"js-{name}-2", answers[name]["stat"])
        for name in ("secret", "user"):
            self.assertEqual(answers[name]["data"], {"k": "v2"})
        self.assertEqual(answers["refused"], {"code": 3, "details": "ERROR_REQUIRED_PARAMETER: Required parameter. (key = name)"})

    def test_generation_1_12(self):
        self.check(self.answers("1.12", self.server.grpc_address), ("secret", "trusted", "group", "user"))

    def test_generation_2_x(self):
        self.check(self.answers("2.x", self.newer), ("secret", "trusted", "user"))


if __name__ == "__main__":
    for program in ("node", "npm"):
        if not shutil.which(program):
            skip(f"{program} is not installed; ./dev test installs it")
    unittest.main()
