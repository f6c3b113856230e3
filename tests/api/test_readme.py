#!/usr/bin/env python3
"""The examples of README.md and the guides in docs/ work: each ```sh block runs from the root of the tree against a started node, with the
addresses, data folder and program of this test in place of the defaults."""

import os
import re
import subprocess
import unittest

from harness import BINARY, ROOT, Server


class Readme(unittest.TestCase):
    def test_every_example_works(self):
        for document, least in (("README.md", 4), ("docs/policies.md", 3), ("docs/quotas.md", 1), ("docs/watch.md", 1)):
            with self.subTest(document):
                self.run_examples(document, least)

    def run_examples(self, document, least):
        blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / document).read_text(), re.M | re.S)
        self.assertGreaterEqual(len(blocks), least)
        server = Server().start()
        try:
            here = {"127.0.0.1:7780": server.http_address, "127.0.0.1:7781": server.grpc_address,
                    "coffer-data": str(server.data), "build/release/coffer": BINARY}
            environment = {**os.environ, "COFFER_ADDR": server.grpc_address, "COFFER_ADMIN_ADDR": server.admin_address,
                           "COFFER_TOKEN_FILE": str(server.data / "dev/root.token")}
            for block in blocks:
                for default, actual in here.items():
                    block = block.replace(default, actual)
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=ROOT, env=environment, capture_output=True,
                                      text=True, timeout=60)
                self.assertEqual(done.returncode, 0, f"{block}\n{done.stdout}\n{done.stderr}")
        finally:
            server.close()

    def test_the_first_screen_is_the_two_commands(self):
        first = (ROOT / "README.md").read_text().splitlines()[:20]
        self.assertTrue(any("./dev up" in l for l in first) and any("./dev test" in l for l in first))


if __name__ == "__main__":
    unittest.main()
