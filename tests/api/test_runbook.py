#!/usr/bin/env python3
"""docs/runbook.md is run as it stands: its configuration is written where it says, its commands go through one shell in their
order, over TLS and with a key file. Only paths, ports and `systemctl` are this test's; what the document says is lost is lost."""

import os
import random
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from harness import BINARY, ROOT
from test_tls import make_certificates

# What stands for systemd: EXEC_START is the unit's own, with this test's paths; `start` returns when the listeners answer, as the unit's Type=notify does; the server is one process.
SYSTEMCTL = """#!/bin/bash
# systemctl ACTION coffer, for docs/runbook.md
set -e
[ "$2" = coffer ]
if [ "$1" = stop ] || [ "$1" = restart ]; then
  pid=$(cat "$RUN/pid")
  kill -TERM "$pid"
  while kill -0 "$pid" 2> /dev/null; do sleep 0.05; done
fi
if [ "$1" = start ] || [ "$1" = restart ]; then
  setsid EXEC_START < /dev/null >> "$RUN/log" 2>&1 &
  pid=$!
  echo "$pid" > "$RUN/pid"
  disown
  for _ in $(seq 600); do
    kill -0 "$pid" || { tail -3 "$RUN/log" >&2; exit 1; }
    curl -s --cacert "$RUN/etc/coffer/ca.pem" "https://127.0.0.1:$HTTP/healthz" > /dev/null && exit 0
    sleep 0.1
  done
  exit 1
fi
"""


def lasting_ports(count):
    """Free ports that no connection is given by the kernel (net.ipv4.ip_local_port_range) while the server stands still."""
    found = set()
    while len(found) < count:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", random.randrange(20000, 32000)))
                found.add(probe.getsockname()[1])
            except OSError:
                pass
    return found


def blocks(text):
    """(language, lines without the list's indent, number of the first line) of each fenced block."""
    found, language, inside = [], None, []
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r" *```(\w*)$", line)
        if fence and language is None:
            language, inside, begin = fence[1], [], number + 1
        elif fence:
            found.append((language, inside, begin))
            language = None
        elif language is not None:
            inside.append(line[3:])
    return found


class Runbook(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="coffer-runbook-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.addCleanup(self.stop)
        for name in ("etc/coffer/keys", "var/lib/coffer", "var/backups/coffer", "bin", "work", "tls"):
            (self.folder / name).mkdir(parents=True, mode=0o700)
        make_certificates(self.folder / "tls")
        for made, name in (("server.pem", "tls.pem"), ("server.key", "tls.key"), ("ca.pem", "ca.pem")):
            shutil.copy(self.folder / "tls" / made, self.folder / "etc/coffer" / name)
        (self.folder / "bin/coffer").symlink_to(BINARY)
        self.ports = dict(zip(("7780", "7781", "7782"), lasting_ports(3)))
        unit = (ROOT / "deploy/systemd/coffer.service").read_text()
        start = self.here(re.search(r"(?m)^ExecStart=/usr/bin/(coffer .*)$", unit)[1])
        (self.folder / "bin/systemctl").write_text(SYSTEMCTL.replace("EXEC_START", start))
        (self.folder / "bin/systemctl").chmod(0o700)
        self.transcript = []
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COFFER_")}
        environment |= {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "RUN": str(self.folder), "HTTP": str(self.ports["7780"])}
        self.shell = subprocess.Popen(["bash"], cwd=self.folder / "work", env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.addCleanup(self.shell.wait)
        self.addCleanup(self.shell.stdin.close)

    def stop(self):
        try:
            os.kill(int((self.folder / "pid").read_text()), 9)
        except (OSError, ValueError):
            pass

    def here(self, text):
        text = re.sub(r"/(etc/coffer|var/lib/coffer|var/backups/coffer)\b", lambda m: f"{self.folder}/{m[1]}", text)
        return re.sub(r"127\.0\.0\.1:(778\d)", lambda m: f"127.0.0.1:{self.ports[m[1]]}", text)

    def roots_own(self):
        """What only root may change on a machine that the package has set up: names and bytes."""
        return {path: path.read_bytes() for path in (self.folder / "etc/coffer").iterdir() if path.is_file()}

    def run_line(self, line, number):
        """One command as it stands; its output and exit status."""
        before = self.roots_own()
        self.shell.stdin.write(f"{self.here(line)}\necho \"--done $?\"\n")
        self.shell.stdin.flush()
        said = []
        for answer in self.shell.stdout:
            done = re.match(r"(.*)--done (\d+)$", answer)
            if done:
                said.append(done[1])
                break
            said.append(answer)
        else:
            self.fail(f"docs/runbook.md:{number}: the shell ended at: {line}")
        if not line.startswith("systemctl"):
            self.assertEqual(self.roots_own(), before, f"docs/runbook.md:{number}: the user coffer cannot do this: {line}")
        text = "".join(said)
        self.transcript.append((line, text))
        log = self.folder / "log"
        self.assertEqual(done[2], "0", f"docs/runbook.md:{number}: {line}\n{text}\n{log.read_text()[-2000:] if log.exists() else ''}")
        return text

    def said(self, line, nth=0):
        return [text for command, text in self.transcript if command.startswith(line)][nth]

    def ready(self):
        context = ssl.create_default_context(cafile=str(self.folder / "etc/coffer/ca.pem"))
        try:
            with urllib.request.urlopen(f"https://127.0.0.1:{self.ports['7780']}/readyz", context=context, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_every_step_works_as_it_stands(self):
        config = self.folder / "etc/coffer/coffer.toml"
        count = 0
        for language, lines, number in blocks((ROOT / "docs/runbook.md").read_text()):
            self.assertIn(language, ("toml", "sh"))
            if language == "toml":
                with open(config, "a") as out:
                    out.write(self.here("\n".join(lines)) + "\n")
                self.place_listeners(config)
                continue
            for offset, line in enumerate(lines):
                if line.startswith("ls /var/backups"):
                    self.wait_for_backup()
                if line == "coffer admin seal now --yes --token-file operator.token":
                    self.run_line(line, number + offset)
                    self.wait_sealed()
                else:
                    self.run_line(line, number + offset)
                count += 1
        self.assertGreater(count, 45, "the document has lost its commands")
        self.look_back()

    def place_listeners(self, config):
        """The free ports of this test: the document has the default ones."""
        text = config.read_text()
        for name, port in (("http", "7780"), ("grpc", "7781"), ("admin", "7782")):
            if f"[{name}]\n" not in text:
                text = text.replace(f"[{name}.tls]", f'[{name}]\naddress = "127.0.0.1:{self.ports[port]}"\n[{name}.tls]')
        config.write_text(text)

    def wait_for_backup(self):
        end = time.monotonic() + 90
        while not list((self.folder / "var/backups/coffer").glob("*")) and time.monotonic() < end:
            time.sleep(0.2)

    def wait_sealed(self):
        """The process seals itself by starting anew; a person's next command comes later than that."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            try:
                if self.ready() == 503:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        self.fail("the node is not sealed")

    def look_back(self):
        """That the commands have done what the document says."""
        work = self.folder / "work"
        shares = [(work / f"share.a{letter}").read_text().strip() for letter in "abcde"]
        self.assertTrue(all(share.startswith("cfs_") for share in shares) and len(set(shares)) == 5, shares)
        for secret in ("operator.token", "init.txt", "share.aa", "ann.token", "new.token"):
            self.assertEqual((work / secret).stat().st_mode & 0o77, 0, secret)
        self.assertIn("s3cr3t", self.said("coffer get app/db"))
        self.assertIn("is in force", self.said("coffer admin seal verify --share-file new-share.ac"))
        self.assertIn("open", self.said("coffer admin seal status"))
        self.assertRegex(self.said("coffer admin backup verify first.backup --seal-key"), r"every row opens")
        self.assertTrue(self.said("ls /var/backups/coffer").strip(), "no scheduled backup")
        self.assertTrue((work / "lost.txt").read_text().strip(), "the lost seal has no name")
        self.assertEqual(self.ready(), 200)
        final = self.said("coffer admin seal status", -1)
        self.assertNotIn((work / "lost.txt").read_text().strip(), final)
        # What was lost opens nothing any more, and what was put before all this is there after it.
        environment = {"COFFER_CA": str(self.folder / "etc/coffer/ca.pem"), "COFFER_ADDR": f"127.0.0.1:{self.ports['7781']}",
                       "COFFER_ADMIN_ADDR": f"127.0.0.1:{self.ports['7782']}"}
        def cli(*arguments, token):
            return subprocess.run([BINARY, *arguments, "--token-file", work / token], env={**os.environ, **environment}, capture_output=True, timeout=60)
        self.assertEqual(cli("get", "app/db", "--tenant", "acme", token="acme.token").stdout, b"s3cr3t")
        self.assertEqual(cli("admin", "status", token="operator.token").returncode, 5, "the lost operator's token still works")
        self.assertEqual(cli("admin", "keys", "status", token="ann.token").returncode, 5)


if __name__ == "__main__":
    unittest.main()
