#!/usr/bin/env python3
"""What deploy/ holds, as far as it can be tried without a machine of its own: the unit's hardening, the manual pages, the
package's scripts. systemd's own check runs where it is installed."""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import ROOT, run

UNIT = ROOT / "deploy/systemd/coffer.service"


class Unit(unittest.TestCase):
    def settings(self):
        text = UNIT.read_text()
        return {k: v for k, v in re.findall(r"(?m)^([A-Za-z]+)=(.*)$", text)}

    def test_the_unit_is_hardened_and_speaks_to_the_manager(self):
        settings = self.settings()
        for name, value in {"Type": "notify", "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes", "PrivateDevices": "yes",
                            "CapabilityBoundingSet": "", "UMask": "0077", "LimitCORE": "0", "StateDirectoryMode": "0700", "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
                            "MemoryDenyWriteExecute": "yes", "LockPersonality": "yes", "RestrictSUIDSGID": "yes"}.items():
            self.assertEqual(settings.get(name), value, name)
        self.assertIn("-HUP", settings["ExecReload"])

    def test_its_commands_exist(self):
        for name in ("ExecStart", "ExecStartPre"):
            words = self.settings()[name].split()
            self.assertEqual(words[0], "/usr/bin/coffer")
            command = [w for w in words[1:] if w.isalpha()]
            options = [w for w in words if w.startswith("--")]
            help_text = run(*command, "--help").stdout.decode()
            self.assertIn("Usage", help_text)
            for option in options:
                self.assertIn(option, help_text)

    def test_systemd_finds_nothing_wrong(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd is not installed here")
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "coffer.service"
            copy.write_text(UNIT.read_text().replace("/usr/bin/coffer", "/bin/true"))
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True)
            self.assertNotIn(b"coffer.service:", done.stderr, done.stderr)


class ManualPages(unittest.TestCase):
    def test_each_command_has_a_page_that_man_renders(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(run("man", folder).returncode, 0)
            pages = {p.name for p in Path(folder).iterdir()}
            self.assertTrue({"coffer.1", "coffer-server.1", "coffer-put.1", "coffer-admin.1", "coffer-run.1"} <= pages, pages)
            admin = (Path(folder) / "coffer-admin.1").read_text()
            self.assertIn("coffer admin audit verify", admin.replace("\\-", "-"))
            self.assertIn("EXIT STATUS", (Path(folder) / "coffer.1").read_text())
            for page in Path(folder).iterdir():
                self.assertTrue(page.read_text().startswith(".TH "), page)
                self.assertNotRegex(page.read_text(), r"(?m)^\.(?!TH|SH|SS|TP|PP|nf|fi)", page.name)
                if shutil.which("groff"):
                    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", str(page)], capture_output=True)
                    self.assertEqual(done.stderr, b"", page.name)

    def test_a_folder_that_is_not_there_is_one_sentence(self):
        done = run("man", "/nonexistent/folder")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"cannot write", done.stderr)


class Package(unittest.TestCase):
    def test_the_maintainers_scripts_are_shell_and_remove_no_data(self):
        for name in ("postinst", "prerm", "postrm"):
            path = ROOT / "deploy/debian" / name
            self.assertTrue(path.stat().st_mode & 0o100, name)
            subprocess.run(["sh", "-n", str(path)], check=True)
            self.assertNotRegex(path.read_text(), r"\brm\b", name)

    def test_what_the_image_copies_is_in_the_tree(self):
        text = (ROOT / "deploy/Dockerfile").read_text()
        self.assertIn("./dev deb", text)
        self.assertIn("  deb) command_deb", (ROOT / "dev").read_text())
        self.assertIn("USER coffer", text)


if __name__ == "__main__":
    unittest.main()
