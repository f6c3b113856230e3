"""A backup while writes go on: how fast it is, what it does to the writes, and whether every row of it opens. Used by
bench.py; the writes come from `coffer bench` at a fixed rate, timed from when each was due."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from harness import Server

WRITES_PER_SECOND = 2000
VALUE_BYTES = 1024
TENANTS = 20
MEGABYTES_PER_SECOND_MIN = 100
P99_RATIO_MAX = 2.0


def disk_speed(folder, size=256 << 20):
    """Megabytes per second of one file, written and synced."""
    block = os.urandom(1 << 20)
    begun = time.monotonic()
    with open(folder / "speed", "wb", buffering=0) as out:
        for _ in range(size >> 20):
            out.write(block)
        os.fdatasync(out.fileno())
    seconds = time.monotonic() - begun
    (folder / "speed").unlink()
    return (size >> 20) / seconds


class Writes:
    """Puts at the fixed rate for so many seconds, in a process of its own."""

    def __init__(self, binary, server, keys, seconds, rate=WRITES_PER_SECOND, token_file=None):
        self.process = subprocess.Popen(
            [binary, "bench", "--op", "put", "--rate", str(rate), "--tenants", str(TENANTS), "--keys", str(keys),
             "--value-bytes", str(VALUE_BYTES), "--connections", "16", "--duration", f"{seconds}s", "--warmup", "0s", "-o", "json",
             "--server", server.grpc_address, "--token-file", str(token_file or server.data / "dev/root.token")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def result(self):
        out, error = self.process.communicate(timeout=600)
        if self.process.returncode != 0:
            raise RuntimeError(f"coffer bench failed: {error.decode()[-1000:]}")
        return json.loads(out)


def run(binary, megabytes, seconds=10):
    """Markdown rows, and whether the aims hold."""
    binary = str(binary)
    folder = Path(tempfile.mkdtemp(prefix="bench-backup-", dir=Path(binary).parent))
    keys = max(1, (megabytes << 20) // VALUE_BYTES // TENANTS)
    server = Server(data=folder / "d", config='[shards]\nidle = "10m"\n')
    try:
        server.start()
        load = subprocess.run([binary, "bench", "load", "--server", server.grpc_address, "--token-file", server.data / "dev/root.token", "--tenants",
                               str(TENANTS), "--secrets", str(keys), "--value-bytes", str(VALUE_BYTES)], capture_output=True, text=True, timeout=3600)
        if load.returncode != 0:
            raise RuntimeError(f"coffer bench load failed:\n{load.stdout[-1000:]}{load.stderr[-1000:]}")
        Writes(binary, server, keys, 3).result()  # warms what both runs need
        alone = Writes(binary, server, keys, seconds).result()

        # The backup begins in the midst of writes that outlast it.
        expected = max(seconds, int(megabytes / 50) + 5)
        writes = Writes(binary, server, keys, expected)
        time.sleep(1)
        file = folder / "backup"
        begun = time.monotonic()
        done = server.cli("admin", "backup", "create", "--out", file, timeout=3600)
        backup_seconds = time.monotonic() - begun
        if done.returncode != 0:
            raise RuntimeError(f"the backup failed: {done.stderr.decode()[-1000:]}")
        outlasted = writes.process.poll() is None
        during = writes.result()
        size = file.stat().st_size / (1 << 20)
        speed, disk = size / backup_seconds, disk_speed(folder)
        checked = server.cli("admin", "backup", "verify", file, "--seal-key", server.data / "dev/seal.key", timeout=3600)
        shown = dict(line.split(": ", 1) for line in checked.stdout.decode().splitlines() if ": " in line)
        shown = {key: value.strip() for key, value in shown.items()}
        whole = checked.returncode == 0 and int(shown.get("entries", 0)) >= keys * TENANTS
        ratio = during["latency_us"]["p99"] / alone["latency_us"]["p99"]
        fast = speed >= min(MEGABYTES_PER_SECOND_MIN, 0.9 * disk)
        good = fast and ratio <= P99_RATIO_MAX and whole and during["errors"] == 0
        rows = ["| what | measured | wanted |", "|---|---|---|",
                f"| backup of {size:,.0f} MiB ({keys * TENANTS:,} entries of {VALUE_BYTES:,} bytes) during {WRITES_PER_SECOND:,} writes/s | "
                f"{speed:,.0f} MiB/s ({backup_seconds:.1f} s; the disk: {disk:,.0f} MiB/s) | at least {MEGABYTES_PER_SECOND_MIN} MiB/s or the disk's{'' if fast else ', **missed**'} |",
                f"| p99 of the writes during it | {during['latency_us']['p99'] / 1000:,.1f} ms (alone: {alone['latency_us']['p99'] / 1000:,.1f} ms), {ratio:.2f}x | "
                f"at most {P99_RATIO_MAX:g}x{'' if ratio <= P99_RATIO_MAX else ', **missed**'} |",
                f"| writes per second during it | {during['throughput']:,.0f}, {during['errors']} failed{'' if outlasted else '; they ended before it'} | {WRITES_PER_SECOND:,}, 0 failed |",
                f"| every row opened again | {shown.get('entries', '0')} entries, {shown.get('values', '0')} values{'' if whole else ', **not whole**'} | all |"]
        return rows, good
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
