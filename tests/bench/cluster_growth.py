"""Three nodes and much of everything: idle groups, tenants, a follower that was away, a tenant that moves. Used by cluster_bench.py; each measure
has a cluster of its own and answers rows of a table."""

import statistics
import subprocess
import threading
import time

import cases
from backup import TENANTS, VALUE_BYTES, Writes
from cluster import Cluster, wait_for

PATIENCE = 600
CATCH_UP_WRITES = 1000
WINDOW = 10  # seconds of writes whose p99 is taken


def fill(binary, node, token_file, tenants, secrets, value_bytes=64):
    done = subprocess.run([binary, "bench", "load", "--server", node.grpc_address, "--token-file", token_file, "--tenants", str(tenants),
                           "--secrets", str(secrets), "--value-bytes", str(value_bytes)], capture_output=True, text=True, timeout=3600)
    if done.returncode != 0:
        raise RuntimeError(f"coffer bench load failed:\n{done.stdout[-1000:]}{done.stderr[-1000:]}")


def idle(_binary, groups=256, seconds=20):
    """What groups without a request cost each node, at the timeouts of the product's defaults."""
    with Cluster(3, data_groups=groups, settings="") as cluster:
        time.sleep(5)                       # the last leaders take their places
        before, begun = [cases.cpu_seconds(n.process.pid) for n in cluster.nodes], time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - begun
        shares = [(cases.cpu_seconds(n.process.pid) - b) / passed * 100 for n, b in zip(cluster.nodes, before)]
    return [f"| {groups} idle groups, CPU of each node | {', '.join(f'{s:.1f} %' for s in shares)} of a core | at most 5 % |"]


def tenants(binary, count=100_000):
    """A node of three that hold many tenants: killed, started, and how long until it is ready and answers."""
    with Cluster(3, data_groups=16) as cluster:
        begun = time.monotonic()
        fill(binary, cluster.nodes[0], cluster.token_file, count, 1)
        loaded = time.monotonic() - begun
        times = []
        for node in (cluster.nodes[1], cluster.nodes[2]):
            node.kill()
            begun = time.monotonic()
            node.joining = None
            node.spawn()
            wait_for(node.ready, lambda: f"ready again:\n{node.log()[-2000:]}", PATIENCE)
            wait_for(lambda: node.get("key-0", tenant=f"bench-{count - 1}").status == 200, "the last tenant's secret", PATIENCE)
            times.append(time.monotonic() - begun)
    return [f"| {count:,} tenants on three nodes, made through one | {loaded:.0f} s | - |",
            f"| a node of those after kill -9, until it is ready and answers | {', '.join(f'{t:.1f} s' for t in times)} | at most 10 s |"]


def catch_up(binary, megabytes=1024):
    """A follower that was away for so much catches up while writes go on."""
    with Cluster(3, data_groups=4) as cluster:
        writer, away = cluster.nodes[0], cluster.nodes[2]
        keys = (megabytes << 20) // VALUE_BYTES // TENANTS
        fill(binary, writer, cluster.token_file, TENANTS, 10, VALUE_BYTES)
        away.kill()
        fill(binary, writer, cluster.token_file, TENANTS, keys, VALUE_BYTES)

        def writes(seconds):
            return Writes(binary, writer, 10, seconds, CATCH_UP_WRITES, cluster.token_file)
        writes(3).result()
        alone = [writes(WINDOW).result() for _ in range(3)]  # and as many at the end: the disk is not always the same
        away.joining = None
        away.spawn()
        begun, during = time.monotonic(), []
        while not has_all(cluster, away) and time.monotonic() - begun < PATIENCE:
            during.append(writes(WINDOW).result())
        took = time.monotonic() - begun
        wait_for(lambda: has_all(cluster, away), "the follower has everything", 1)
        alone += [writes(WINDOW).result() for _ in range(3)]
    before, together = p99(alone), p99(during)
    p99s = [run["latency_us"]["p99"] for run in during]
    median = statistics.median(p99s)
    return [f"| a follower {megabytes:,} MiB behind, until it has everything, during {CATCH_UP_WRITES:,} writes/s | {took:.0f} s, "
            f"{sum(run['errors'] for run in during)} failed | 0 failed |",
            f"| p99 of those writes | {together / 1000:,.1f} ms (alone {before / 1000:,.1f} ms), {together / before:.2f}x; of {len(p99s)} windows of {WINDOW} s the median "
            f"{median / before:.2f}x, the worst {max(p99s) / before:.2f}x | at most 2x |"]


def p99(runs):
    """Of all requests of these runs together, in microseconds."""
    buckets = sorted(bucket for run in runs for bucket in run["histogram_us"])
    left = 0.99 * sum(count for _, count in buckets)
    for longest, count in buckets:
        left -= count
        if left <= 0:
            return longest
    raise RuntimeError("nothing was written")


def has_all(cluster, node):
    """Is the node a voter of every group, within a second's writes of its leader?"""
    status = cluster.status()
    if not status or not node.ready():
        return False
    for group in status["groups"]:
        own = next((r for r in group.get("replicas", []) if r["node"] == node.id), None)
        if own is None or int(own.get("match_index", 0)) + CATCH_UP_WRITES < int(group.get("commit_index", 0)):
            return False
    return True


class Probe(threading.Thread):
    """Puts, one after the other, and the longest that one had to wait."""

    def __init__(self, node, tenant):
        super().__init__(daemon=True)
        self.node, self.tenant, self.longest, self.failed, self.stopping = node, tenant, 0, 0, False

    def run(self):
        number = 0
        while not self.stopping:
            number += 1
            begun = time.monotonic()
            self.failed += self.node.put("probe", str(number), tenant=self.tenant).status != 200
            self.longest = max(self.longest, time.monotonic() - begun)


def move(binary, megabytes=100, moves=3):
    """How long the writes of a large tenant wait while it moves to another group."""
    with Cluster(3, data_groups=4) as cluster:
        node, tenant = cluster.nodes[0], "bench-0"
        fill(binary, node, cluster.token_file, 1, (megabytes << 20) // VALUE_BYTES, VALUE_BYTES)
        waits, times, failed = [], [], 0
        for _ in range(moves):
            to = node.admin("tenants", "show", tenant)["group"] % 4 + 1
            probe = Probe(cluster.nodes[1], tenant)
            probe.start()
            time.sleep(1)
            probe.longest = 0
            begun = time.monotonic()
            node.admin_cluster("move-tenant", tenant, str(to))
            times.append(time.monotonic() - begun)
            time.sleep(1)
            probe.stopping = True
            probe.join()
            waits.append(probe.longest)
            failed += probe.failed
    return [f"| a tenant of {megabytes} MiB moves to another group, {moves} times: the longest that one of its writes waits | "
            f"{', '.join(f'{w * 1000:.0f} ms' for w in waits)} (moved in {', '.join(f'{t:.1f} s' for t in times)}; {failed} failed) | - |"]


MEASURES = {"idle": idle, "tenants": tenants, "catch-up": catch_up, "move": move}
