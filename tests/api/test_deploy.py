#!/usr/bin/env python3
"""What deploy/ holds, as far as it can be tried without a machine of its own: the unit's hardening, the manual pages, the
package's scripts. systemd's own check runs where it is installed."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from harness import ROOT, Server, run

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

    def test_it_may_write_wherever_the_runbook_has_it_write_and_reads_its_settings_only(self):
        settings, runbook = self.settings(), (ROOT / "docs/runbook.md").read_text()
        self.assertNotIn("--data", settings["ExecStart"], "the runbook's configuration says where the data are")
        writable = [path.lstrip("-") for path in settings["ReadWritePaths"].split()] + ["/var/lib/" + settings["StateDirectory"]]
        written = re.findall(r'(?m)^ *(?:data|key_file|directory) = "([^"]+)"', runbook)
        self.assertEqual(len(written), 3, written)
        for path in written:
            self.assertTrue(any(path == folder or path.startswith(folder + "/") for folder in writable), path)
        # What a missing folder must not stop, for nobody has to make one.
        self.assertTrue(all(path.startswith("-") for path in settings["ReadWritePaths"].split()))
        made = (ROOT / "deploy/debian/postinst").read_text()
        for folder in ("/var/lib/coffer", "/etc/coffer/keys"):
            self.assertRegex(made, rf"(?m)install -d -o coffer -g coffer -m 0700 .*{folder}")

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


class BuiltPackage(unittest.TestCase):
    """The package itself, made of the build that is tested, unpacked as dpkg does it, and its program started from there."""

    @classmethod
    def setUpClass(cls):
        build = Path(os.environ.get("COFFER_BUILD", ROOT / "build/release"))
        if not (build / "CPackConfig.cmake").exists() or not shutil.which("cpack") or not shutil.which("dpkg-shlibdeps"):
            raise unittest.SkipTest("no build, or no cpack and dpkg-dev")
        cls.folder = Path(tempfile.mkdtemp(prefix="coffer-deb-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        stage = cls.folder / "stage"
        # As `./dev deb`, but of what is built already: CPack alone would build everything first.
        subprocess.run(["cmake", "--install", build, "--prefix", "/usr", "--strip"], check=True, capture_output=True, env={**os.environ, "DESTDIR": str(stage)})
        subprocess.run(["cpack", "-G", "DEB", "--config", build / "CPackConfig.cmake", "-D", "CPACK_INSTALL_CMAKE_PROJECTS=", "-D",
                        f"CPACK_INSTALLED_DIRECTORIES={stage};/", "-D", "CPACK_DEBIAN_COMPRESSION_TYPE=gzip", "-B", cls.folder], check=True, capture_output=True)
        (cls.deb,) = cls.folder.glob("coffer_*.deb")
        cls.root = cls.folder / "root"
        subprocess.run(["dpkg-deb", "-x", cls.deb, cls.root], check=True)

    def test_it_says_what_it_needs_and_what_is_the_operators(self):
        control = subprocess.run(["dpkg-deb", "-f", self.deb], check=True, capture_output=True, text=True).stdout
        for name in ("libcaf-core", "libleveldb1d", "libraft0", "adduser"):
            self.assertIn(name, control)
        listing = subprocess.run(["dpkg-deb", "-c", self.deb], check=True, capture_output=True, text=True).stdout
        self.assertRegex(listing, r"-rw-r----- root/root +\d+ \S+ \S+ \./etc/coffer/coffer\.toml")
        for path in ("./usr/bin/coffer", "./usr/lib/systemd/system/coffer.service", "./usr/share/man/man1/coffer-admin.1.gz", "./usr/share/doc/coffer/copyright"):
            self.assertIn(path + "\n", listing)
        self.assertNotIn("./var", listing, "data is the service's")
        control_files = self.folder / "control"
        subprocess.run(["dpkg-deb", "-e", self.deb, control_files], check=True)
        self.assertIn('\ndata = "/var/lib/coffer/data"\n', (self.root / "etc/coffer/coffer.toml").read_text(), "not where somebody happens to start it")
        self.assertEqual((control_files / "conffiles").read_text().split(), ["/etc/coffer/coffer.toml"])
        unit = (self.root / "usr/lib/systemd/system/coffer.service").read_text()
        for path in re.findall(r"(?m)^ExecStart(?:Pre)?=(\S+)", unit):
            self.assertTrue((self.root / path.lstrip("/")).exists(), path)

    def test_its_program_serves(self):
        server = Server(data=self.folder / "d")
        server.command = lambda: [str(self.root / "usr/bin/coffer"), *Server.command(server)[1:]]
        try:
            server.start()
            self.assertEqual(server.put("from-the-package", "x").status, 200)
            self.assertEqual(server.get("from-the-package").json["value"], "x")
            self.assertEqual(server.terminate(), 0)
        finally:
            server.close()


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
