#!/usr/bin/env python3
"""deploy/ without a container runtime: every option of a `coffer` command in it exists, every setting of its configuration
does, and the addresses that nodes name fit together."""

import re
import subprocess
import sys
import tomllib
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
from harness import BINARY, ROOT  # noqa: E402

FILES = [ROOT / "deploy/compose/compose.yaml", ROOT / "deploy/kubernetes/coffer.yaml"]
COMMANDS = ["server", "admin init", "admin cluster join-token"]


def help_of(command):
    return subprocess.run([BINARY, *command.split(), "--help"], capture_output=True, text=True, check=True).stdout


class Deploy(unittest.TestCase):
    def test_every_option_exists(self):
        known = {command: set(re.findall(r"--[a-z][a-z-]*", help_of(command))) for command in COMMANDS}
        seen = set()
        for path in FILES:
            # A command may go on over lines, up to what a shell or YAML ends it with.
            text = re.sub(r"\s*\n\s*", " ", re.sub(r"^\s*#.*$", "", path.read_text(), flags=re.M))
            for command in COMMANDS:
                for match in re.finditer(rf"coffer {command} ([^;|&>]*?)(?=[;|&>]| ports:|$)", text):
                    for option in re.findall(r"(?<=\s)--[a-z][a-z-]*", " " + match[1]):
                        self.assertIn(option, known[command], f"{path.name}: coffer {command}")
                        seen.add(option)
        self.assertLessEqual({"--peer", "--advertise", "--join", "--token-file", "--config"}, seen)

    def test_every_setting_exists(self):
        text = (ROOT / "deploy/kubernetes/coffer.yaml").read_text()
        block = re.search(r"coffer\.toml: \|\n((?:    .*\n)+)", text)[1]
        settings = tomllib.loads(re.sub(r"^    ", "", block, flags=re.M))
        example = (ROOT / "app/coffer.example.toml").read_text()

        def check(table, name):
            for key, value in table.items():
                if isinstance(value, dict):
                    self.assertRegex(example, rf"(?m)^#?\[{re.escape((name + '.' + key).strip('.'))}\]")
                    check(value, f"{name}.{key}".strip("."))
                else:
                    self.assertRegex(example, rf"(?m)^#?{key} = ", f"{name}.{key}")
        check(settings, "")

    def test_nodes_join_where_the_first_one_is_reached(self):
        for path in FILES:
            text = path.read_text()
            joined = set(re.findall(r"--join (\S+)", text))
            self.assertEqual(len(joined), 1)
            host, port = joined.pop().rsplit(":", 1)
            self.assertIn(f":{port}", "".join(re.findall(r"--peer (\S+)|address = \"(\S+7783)\"", text)[0]))
            self.assertIn(host.split(".")[0].rsplit("-", 1)[0], text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
