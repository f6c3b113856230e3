"""Many tenants on one node: how long the load takes, what an idle tenant costs in memory, how fast the node restarts.
Used by bench.py; the load comes from `coffer bench load`."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from harness import Server

SECRETS = 3
RESTART_SECONDS_MAX = 5
IDLE_BYTES_MAX = 1024


def resident_bytes(pid):
    """Memory of the process itself; pages of mapped tables belong to the page cache, which needs no room for them."""
    return int(next(l for l in open(f"/proc/{pid}/status") if l.startswith("RssAnon")).split()[1]) * 1024


def settled_bytes(server):
    """Resident memory once it has not shrunk for three seconds: idle shards stop, the allocator gives pages back."""
    least, since = resident_bytes(server.pid), time.monotonic()
    while time.monotonic() - since < 3:
        time.sleep(0.25)
        now = resident_bytes(server.pid)
        if now < least:
            least, since = now, time.monotonic()
    return least


def restart_seconds(server, path_tenant):
    """From the start of the process to the first answer of a secret of one tenant."""
    begun = time.monotonic()
    server.spawn()
    while True:
        try:
            if server.get("key-0", tenant=path_tenant, timeout=5).status == 200:
                return time.monotonic() - begun
        except (OSError, FileNotFoundError):
            pass
        if server.process.poll() is not None:
            raise RuntimeError(f"the server ended:\n{server.log()[-2000:]}")
        time.sleep(0.005)


def run(binary, count):
    """Markdown rows, and whether the aims hold."""
    folder = Path(tempfile.mkdtemp(prefix="bench-tenants-", dir=Path(binary).parent))
    server = Server(data=folder / "d", config='[shards]\nidle = "2s"\n')
    try:
        server.start()
        empty = settled_bytes(server)
        begun = time.monotonic()
        done = subprocess.run([binary, "bench", "load", "--server", server.grpc_address, "--token-file", server.data / "dev/root.token",
                               "--tenants", str(count), "--secrets", str(SECRETS)], capture_output=True, text=True, timeout=3600)
        load = time.monotonic() - begun
        if done.returncode != 0:
            raise RuntimeError(f"coffer bench load failed:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")
        print(done.stdout[-1500:], flush=True)
        server.terminate()
        first = restart_seconds(server, "bench-0")
        idle = (settled_bytes(server) - empty) / count
        server.kill()
        after_kill = restart_seconds(server, "bench-0")
        disk = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
        rows = ["| what | measured | wanted |", "|---|---|---|",
                f"| load {count:,} tenants with {SECRETS} secrets each | {load:.0f} s ({count * SECRETS / load:,.0f} secrets/s) | - |",
                f"| memory of an idle tenant after a restart | {idle:,.0f} bytes | at most {IDLE_BYTES_MAX} |",
                f"| restart after SIGTERM to the first answer | {first:.2f} s | at most {RESTART_SECONDS_MAX} s |",
                f"| restart after kill -9 to the first answer | {after_kill:.2f} s | at most {RESTART_SECONDS_MAX} s |",
                f"| disk | {disk / count:,.0f} bytes for each tenant | - |"]
        return rows, idle <= IDLE_BYTES_MAX and max(first, after_kill) <= RESTART_SECONDS_MAX
    finally:
        server.close()
        shutil.rmtree(folder, ignore_errors=True)
