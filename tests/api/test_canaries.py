#!/usr/bin/env python3
"""Values, names, tags and tokens that occur nowhere else go in through every door (canary_doors.py); afterwards they and the keys
must be found nowhere but in answers: not in the data directory, the log, metrics, the environment or the process's core settings,
in clear, base64 or hex, neither while the server runs nor after it was stopped, killed or has crashed."""

import base64
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from canary_doors import Canaries, Doors
from harness import Server, skip

# Starts the program where a core file would be seen, and with every core file allowed that the machine allows.
WHERE_CORES_FALL = ["sh", "-c", 'cd "$0" && ulimit -S -c "$(ulimit -H -c)" && exec "$@"']
CORE_PATTERN = Path("/proc/sys/kernel/core_pattern")


class EveryDoor(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="coffer-canaries-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.cores = self.folder / "cores"
        self.cores.mkdir()
        (self.folder / "clients").mkdir()
        self.doors = Doors(self.folder / "clients")
        self.server = Server(config='[log]\nlevel = "trace"\n' + self.doors.config, prefix=[*WHERE_CORES_FALL, str(self.cores)]).start()
        self.addCleanup(self.server.close)
        self.leaks = []

    def search(self, places):
        self.leaks += self.doors.canary.leaks(places)

    def test_no_canary_is_found_anywhere(self):
        server, canary = self.server, self.doors.canary
        self.doors.send_everything(server)
        # The log must be rewritten into tables, too: more than LevelDB's buffer goes through it.
        for n in range(16):
            server.put("bulk", {"value": canary.known["native value"].decode() + "x" * 500_000})
        canary.know("seal key", bytes.fromhex((server.data / "dev/seal.key").read_text().strip()))
        canary.know("root token", server.token())
        process = Path(f"/proc/{server.pid}")
        self.search({"/metrics": server.request("GET", "/metrics", token=None).body})
        for part in ("environ", "cmdline"):
            try:
                self.search({f"/proc/PID/{part}": (process / part).read_bytes()})
            except PermissionError:
                pass  # not even readable: the process is undumpable
        self.search(self.doors.places("running"))
        self.assertRegex((process / "limits").read_text(), r"Max core file size\s+0\s+0")
        # An undumpable process belongs to root in /proc; to an unprivileged user its memory is closed.
        self.assertEqual((process / "environ").stat().st_uid, 0)
        self.expect_that_a_crash_leaves_nothing()
        server.kill()
        self.search(self.doors.places("killed"))
        server.start()
        self.assertEqual(server.terminate(), 0)
        self.search(self.doors.places("stopped"))
        self.assertEqual(self.leaks, [])

    def expect_that_a_crash_leaves_nothing(self):
        """By SIGABRT, as a failed assertion does it, and by SIGSEGV; with every secret in memory."""
        for number in (signal.SIGABRT, signal.SIGSEGV):
            os.kill(self.server.pid, number)
            self.assertEqual(self.server.process.wait(60), -number)
            self.assertEqual([path.name for path in self.cores.iterdir()], [], "a core file")
            self.search(self.doors.places(f"crashed by {signal.Signals(number).name}"))
            self.server.start()
            self.assertEqual(self.server.get("map").json["data"]["n"].encode(), self.doors.canary.known["second map value"])


class TheSearch(unittest.TestCase):
    def test_it_finds_what_is_there(self):
        raw = b"CNRYsomething-to-find"
        canaries = Canaries()
        canaries.know("it", raw)
        for content in (raw, raw.hex().encode(), base64.b64encode(raw), base64.b64encode(b"x" + raw), base64.b64encode(b"xy" + raw + b"z")):
            self.assertTrue(canaries.leaks({"content": b"before " + content + b" after"}), content)
        self.assertEqual(canaries.leaks({"content": b"before something-to-find after"}), [])

    def test_another_program_would_leave_a_core_file_where_it_is_looked_for(self):
        if CORE_PATTERN.read_text().strip()[0] in "/|" or subprocess.run(["sh", "-c", "ulimit -H -c"], capture_output=True).stdout.strip() == b"0":
            self.skipTest("this machine puts core files elsewhere, or permits none")
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run([*WHERE_CORES_FALL, folder, "sh", "-c", "kill -ABRT $$"], check=False)
            self.assertEqual(done.returncode, -signal.SIGABRT)
            self.assertTrue(list(Path(folder).iterdir()), "no core file")


if __name__ == "__main__":
    if not shutil.which("openssl"):
        skip("openssl is not installed; ./dev test installs it")
    unittest.main()
