#!/usr/bin/env python3
"""`./dev bench cluster`: three nodes of Coffer beside a three-node etcd, on this machine, in one interleaved session.

    cluster_bench.py --build build/release --etcd build/peers/usr/bin/etcd [--rounds 5] [--seconds 3] [--kills 10] [--only Put]
                     [--growth idle,tenants,catch-up,move]
                     [--write]                       --rounds 0 measures growth only

The same load generator (h2load, a prepared body, plaintext towards clients, 256-byte values, fsync on) for both. Whoever
is not measured is stopped meanwhile. The nodes of both speak TLS with each other: Coffer's with certificates of their own authority, as they
always do, etcd's with the ones it makes by itself (--peer-auto-tls). --write puts the table into docs/benchmarks.md.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/api"), str(ROOT / "tests/cluster"), str(Path(__file__).resolve().parent)]

os.environ.setdefault("COFFER_PATIENCE", "600")     # hundreds of groups are replicated eight at a time

import grpc  # noqa: E402

import cases  # noqa: E402
from cluster import Cluster  # noqa: E402
from harness import Server, free_port  # noqa: E402
from cluster_growth import MEASURES  # noqa: E402
from load import GrpcDoor  # noqa: E402

TENANT = "default"
GET_ALONE = "Get by a node alone, 64 connections"
WANTED = {"Put, 64 connections, per second": ("at least", 1.3), "Put, 64 connections, median": ("at most", 1.0),
          "Put, 1 connections, median": ("at most", 1.3), "Get, 64 connections, per second": ("at least", 3),
          "alone": ("at least", 0.8), "gap": ("at most", 800), "lost": ("at most", 0)}


class Etcd:
    """Three etcd processes; the first endpoint that says it leads is measured."""

    def __init__(self, binary, folder):
        self.ports = [(free_port(), free_port()) for _ in range(3)]
        self.names = [f"e{i}" for i in range(3)]
        everyone = ",".join(f"{n}=https://127.0.0.1:{p[1]}" for n, p in zip(self.names, self.ports))
        self.processes = []
        for name, (client, peer) in zip(self.names, self.ports):
            command = [binary, "--name", name, "--data-dir", f"{folder}/{name}", "--listen-client-urls", f"http://127.0.0.1:{client}",
                       "--advertise-client-urls", f"http://127.0.0.1:{client}", "--peer-auto-tls", "--listen-peer-urls", f"https://127.0.0.1:{peer}",
                       "--initial-advertise-peer-urls", f"https://127.0.0.1:{peer}", "--initial-cluster", everyone]
            self.processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        self.leader = self.wait_leader()

    def wait_leader(self):
        """The client port of the leading member: StatusResponse.header(1).member_id(2) equals leader(4)."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            for client, _ in self.ports:
                try:
                    with grpc.insecure_channel(f"127.0.0.1:{client}") as channel:
                        answer = channel.unary_unary("/etcdserverpb.Maintenance/Status")(b"", timeout=2)
                    fields = dict(read_fields(answer))
                    if fields.get(4) and dict(read_fields(fields[1])).get(2) == fields[4]:
                        return client
                except grpc.RpcError:
                    pass
            time.sleep(0.2)
        raise RuntimeError("etcd elects no leader")

    def close(self):
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


def read_fields(data):
    """(number, value) of a protobuf message: varints and bytes."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            yield tag >> 3, varint()
        else:
            size = varint()
            yield tag >> 3, data[at:at + size]
            at += size


def h2load(address, path, body, connections, seconds, token=None):
    """(requests per second, median latency in seconds) of a prepared gRPC call."""
    with tempfile.NamedTemporaryFile() as prepared:
        prepared.write(cases.framed(body))
        prepared.flush()
        command = ["h2load", "-c", str(connections), "-m", "1", "-D", str(max(1, round(seconds))), "-d", prepared.name, "-H", "content-type: application/grpc",
                   "-H", "te: trailers", "--log-file", f"{prepared.name}.log"]
        if token:
            command += ["-H", f"authorization: Bearer {token}"]
        subprocess.run([*command, f"http://{address}{path}"], capture_output=True, check=True)
        log = Path(f"{prepared.name}.log")
        times, failed = [], 0
        for line in log.read_text().splitlines():
            _, status, micros = line.split("\t")[:3]
            failed += status != "200"
            times.append(int(micros) / 1e6)
        log.unlink()
        if failed or not times:
            raise RuntimeError(f"{path} at {address}: {failed} of {len(times)} requests failed")
        return len(times) / seconds, statistics.median(times)


class Side:
    """What can be stopped while the other side is measured."""

    def __init__(self, processes):
        self.processes = processes

    def __enter__(self):
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
        time.sleep(1.5)                 # leaders are elected again after a stop
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.send_signal(signal.SIGSTOP)


def answered(node, method):
    """Requests of the method that the node has answered with success: h2load counts gRPC's failures as HTTP's success."""
    text = node.request("GET", "/metrics", token=None).body.decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith("coffer_requests_total{") and f'method="{method}"' in line and 'status="OK"' in line)


def load_coffer(node, path, body, connections, seconds, token):
    method = path.removeprefix("/coffer.v1.")
    before = answered(node, method)
    rate, median = h2load(node.grpc_address, path, body, connections, seconds, token)
    succeeded = answered(node, method) - before
    if succeeded < 0.99 * rate * seconds:
        raise RuntimeError(f"{path} at {node.grpc_address}: of {rate * seconds:.0f} requests {succeeded:.0f} succeeded")
    return rate, median


def leader_of_tenant(cluster):
    group = cluster.nodes[0].admin("tenants", "show", TENANT)["group"]
    leader = cluster.leader_of(group)
    return leader, next(n for n in cluster.nodes if n is not leader)


def kill_gaps(cluster, kills):
    """Longest gap in acknowledged writes after each kill -9 of the tenant's leader, in ms, and lost writes."""
    gaps, lost = [], 0
    for _ in range(kills):
        leader, survivor = leader_of_tenant(cluster)
        stop, acknowledged = threading.Event(), []

        def write(number, node=survivor):
            door, count = GrpcDoor(node, TENANT), 0
            while not stop.is_set():
                count += 1
                if door.put(f"kill-{number}", str(count))[0]:
                    acknowledged.append((time.monotonic(), number, count))
            door.close()
        writers = [threading.Thread(target=write, args=(i,)) for i in range(8)]
        for writer in writers:
            writer.start()
        time.sleep(1)
        killed = time.monotonic()
        leader.kill()
        time.sleep(3)
        stop.set()
        for writer in writers:
            writer.join()
        times = [killed] + sorted(t for t, _, _ in acknowledged if t > killed)
        gaps.append(max(b - a for a, b in zip(times, times[1:])) * 1000)
        door = GrpcDoor(survivor, TENANT)
        for number in range(8):
            newest = max((c for _, n, c in acknowledged if n == number), default=0)
            lost += int(door.get(f"kill-{number}")[1] or 0) < newest
        door.close()
        leader.joining = None
        leader.start()
        cluster.wait_replicated()
    return gaps, lost


def bound(what, value):
    """The table's last cell."""
    if what not in WANTED:
        return " |"
    sign, wanted = WANTED[what]
    holds = value >= wanted if sign == "at least" else value <= wanted
    return f" {sign} {wanted}" + ("" if holds else ", **missed**") + " |"


def compare(o):
    """All cases in turn: what each slice measured, the gaps after kills, and how many acknowledged writes they lost."""
    results = {}
    with tempfile.TemporaryDirectory(prefix="bench-", dir=o.build) as folder, \
            Cluster(3, data_groups=16, folder=f"{folder}") as cluster, closing(Server(data=f"{folder}/alone")) as lonely:
        lonely.start()
        etcd = Etcd(o.etcd.resolve(), folder)
        try:
            cluster.nodes[0].put("bench", cases.VALUE)
            lonely.put("bench", cases.VALUE)
            ours, theirs, alone = Side([n.process for n in cluster.nodes]), Side(etcd.processes), Side([lonely.process])
            where = cases.message(1, TENANT) + cases.message(2, "kv") + cases.message(3, "bench")
            etcd_address = f"127.0.0.1:{etcd.leader}"
            for side in (ours, theirs, alone):
                side.__exit__()
            plan = []
            for connections in (64, 1):
                put = ("/coffer.v1.Secrets/Put", where + cases.message(5, cases.VALUE))
                etcd_put = ("/etcdserverpb.KV/Put", cases.message(1, "bench") + cases.message(2, cases.VALUE))
                plan.append((f"Put, {connections} connections", connections, put, etcd_put, "leader"))
                get = ("/coffer.v1.Secrets/Get", where)
                etcd_get = ("/etcdserverpb.KV/Range", cases.message(1, "bench"))
                plan.append((f"Get, {connections} connections", connections, get, etcd_get, "leader"))
            plan.append(("Get by another node, 64 connections", 64, ("/coffer.v1.Secrets/Get", where), None, "other"))
            plan.append((GET_ALONE, 64, ("/coffer.v1.Secrets/Get", where), None, "alone"))
            for number in range(o.rounds):
                for name, connections, own, etcd_call, at in (case for case in plan if o.only in case[0]):
                    with alone if at == "alone" else ours:
                        if at == "alone":
                            node = lonely
                        else:
                            node = leader_of_tenant(cluster)[0 if at == "leader" else 1]
                        results.setdefault((name, "coffer"), []).append(
                            load_coffer(node, *own, connections, o.seconds, node.token()))
                    if etcd_call:
                        with theirs:
                            results.setdefault((name, "etcd"), []).append(h2load(etcd_address, *etcd_call, connections, o.seconds))
                print(f"round {number + 1}/{o.rounds}", flush=True)
        finally:
            etcd.close()
            lonely.process.send_signal(signal.SIGCONT)
        for node in cluster.nodes:
            node.continue_process()
        return results, *(kill_gaps(cluster, o.kills) if o.kills else ([], 0))


def table(results, gaps, lost):
    lines = ["| what | Coffer | etcd | ratio | wanted |", "|---|---|---|---|---|"]
    for name in dict.fromkeys(n for n, _ in results):
        own, reference = results[name, "coffer"], results.get((name, "etcd"))
        for field, title, unit in ((0, "per second", ""), (1, "median", " ms")):
            scale = 1000 if field else 1
            a = statistics.median(r[field] for r in own) * scale
            text = f"| {name}, {title} | {a:,.2f}{unit} |" if field else f"| {name}, {title} | {a:,.0f} |"
            if reference:
                b = statistics.median(r[field] for r in reference) * scale
                ratio = statistics.median(x[field] / y[field] for x, y in zip(own, reference))
                text += (f" {b:,.2f}{unit} |" if field else f" {b:,.0f} |") + f" {ratio:.2f} |" + bound(f"{name}, {title}", ratio)
            else:
                text += " | | |"
            lines.append(text)
    if (GET_ALONE, "coffer") in results and ("Get, 64 connections", "coffer") in results:
        ratio = statistics.median(x[0] / y[0] for x, y in zip(results["Get, 64 connections", "coffer"], results[GET_ALONE, "coffer"]))
        lines.append(f"| Get by the leading one of three against that by a node alone | | | {ratio:.2f} |" + bound("alone", ratio))
    if gaps:
        gap = statistics.median(gaps)
        lines.append(f"| gap in acknowledged writes after kill -9 of the leader, median of {len(gaps)} | {gap:.0f} ms | | |" + bound("gap", gap))
        lines.append(f"| acknowledged writes lost by it | {lost} | | |" + bound("lost", lost))
    return lines


def write(mark, title, lines):
    """Into docs/benchmarks.md, in place of what stands between its marks."""
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    text = "\n".join([begin, "", *lines, "", end])
    path = ROOT / "docs/benchmarks.md"
    whole = path.read_text(encoding="utf-8")
    if begin in whole:
        before, rest = whole.split(begin, 1)
        whole = before + text + rest.split(end, 1)[1]
    else:
        whole += f"\n## {title}\n\n" + text + "\n"
    path.write_text(whole, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--etcd", type=Path, default=ROOT / "build/peers/usr/bin/etcd")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--only", default="", help="what the name of a case must contain")
    parser.add_argument("--growth", default=",".join(MEASURES), help="measures of cluster_growth.py, separated by commas; empty: none")
    parser.add_argument("--write", action="store_true")
    o = parser.parse_args()
    tables = []
    if o.rounds:
        tables.append(("cluster", "Three nodes beside a three-node etcd", table(*compare(o))))
    growth = [row for name in o.growth.split(",") if name for row in MEASURES[name](str(o.build.resolve() / "coffer"))]
    if growth:
        tables.append(("growth", "Three nodes and much of everything", ["| what | measured | wanted |", "|---|---|---|", *growth]))
    for mark, title, lines in tables:
        print("\n".join(lines))
        if o.write:
            write(mark, title, lines)


if __name__ == "__main__":
    main()
