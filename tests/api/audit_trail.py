"""What stands in a server's audit trail on disk; for the suites that look at its records."""

import json
import time

CONFIG = '[audit]\nsync_interval = "10ms"\n'


def trail(server):
    return sorted((server.data / "audit").glob("audit-*.jsonl"))


def records(server):
    """Every whole record on disk."""
    found = []
    for path in trail(server):
        for line in path.read_text().splitlines():
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:
                pass
    return found


def wait_for(server, wanted, seconds=20):
    """The first record of which `wanted` is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for record in records(server):
            if wanted(record):
                return record
        time.sleep(0.02)
    raise AssertionError(f"no such record among {len(records(server))}: {records(server)[-10:]}")
