#!/usr/bin/env python3
"""`./dev bench`: Coffer beside its yardsticks in one interleaved session on this machine.

    bench.py --build build/release --etcd build/peers/usr/bin/etcd [--rounds 7] [--seconds 2] [--tenants 100000]
             [--only get,http,jwt,audit,put,tenants,backup] [--backup-megabytes 1024] [--no-pin] [--write]

All servers run at once; the rounds go through the cases in turn, and whoever is not measured is stopped meanwhile. Each
case is the same load generator (h2load, 64 connections, one prepared body) for both sides. Values are medians of the
rounds (CPU is user and system time of the server's process per request), ratios are medians of the rounds' ratios.
--write puts the table into docs/benchmarks.md.
"""

import argparse
import os
import platform
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/api"), str(Path(__file__).resolve().parent)]

import backup  # noqa: E402
import cases  # noqa: E402
import tenants  # noqa: E402


def measure(all_cases, rounds, seconds):
    """{case name: [Slice, ...]}, interleaved."""
    slices = {case.name: [] for case in all_cases}
    for number in range(rounds):
        for case in all_cases:
            slice_ = case.run(seconds)
            slices[case.name].append(slice_)
            print(f"round {number + 1}/{rounds}  {case.name:28} {slice_.rate:10.0f}/s  {slice_.cpu_us:8.1f} us CPU", flush=True)
    return slices


def compare(ours, theirs, field):
    """(our median, their median, median of the rounds' ratios): neighbours disturb a round's slices alike."""
    a, b = [getattr(s, field) for s in ours], [getattr(s, field) for s in theirs]
    return statistics.median(a), statistics.median(b), statistics.median(x / y for x, y in zip(a, b))


COMPARISONS = [  # row, ours, yardstick, field of Slice, bound of ours / theirs: CPU at most, rate at least
    ("gRPC Get, CPU per request", "coffer gRPC Get", "bare grpc++ echo", "cpu_us", 1.5),
    ("gRPC Get, against an echo that is linked like the server", "coffer gRPC Get", "bare grpc++ echo, static", "cpu_us", None),
    ("gRPC Get, requests per second", "coffer gRPC Get", "bare grpc++ echo", "rate", None),
    ("gRPC Get with its audit record, requests per second", "coffer gRPC Get", "coffer gRPC Get, audit off", "rate", 0.9),
    ("HTTP Get, CPU per request", "coffer HTTP Get", "bare Beast answer", "cpu_us", 1.8),
    ("HTTP Get, requests per second", "coffer HTTP Get", "bare Beast answer", "rate", None),
    ("Get with a JWT seen before, CPU per request", "coffer gRPC Get, JWT", "coffer gRPC Get, token and filler", "cpu_us", 1.1),
    ("the same against a token's shorter header", "coffer gRPC Get, JWT", "coffer gRPC Get, token", "cpu_us", None),
    ("durable Put, puts per second", "coffer gRPC Put", "etcd Put", "rate", 1.3),
    ("durable Put, CPU per request", "coffer gRPC Put", "etcd Put", "cpu_us", None),
    ("durable Put against single fsyncs", "coffer gRPC Put", "disk: one fdatasync each", "rate", 4.0),
]


def table(slices):
    """Markdown rows, and whether every bound holds."""
    rows = ["| what | Coffer | yardstick | ratio | wanted |", "|---|---|---|---|---|"]
    kept = True
    for row, ours, theirs, field, bound in COMPARISONS:
        if ours not in slices or theirs not in slices:
            continue
        a, b, ratio = compare(slices[ours], slices[theirs], field)
        form = (lambda x: f"{x:,.1f} us") if field == "cpu_us" else (lambda x: f"{x:,.0f}/s")
        at_most = field == "cpu_us"
        good = bound is None or (ratio <= bound if at_most else ratio >= bound)
        wanted = "-" if bound is None else f"{'at most' if at_most else 'at least'} {bound}x{'' if good else ', **missed**'}"
        kept = kept and good
        rows.append(f"| {row} | {form(a)} | {theirs}: {form(b)} | {ratio:.2f}x | {wanted} |")
    return rows, kept


def machine():
    model = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    memory = int(next(l for l in open("/proc/meminfo") if l.startswith("MemTotal")).split()[1]) >> 20
    return f"{os.cpu_count()} cores ({model}), {memory} GiB, Linux {platform.release().split('-')[0]}, load before the run {os.getloadavg()[0]:.1f}"


def write_document(rows, tenant_rows, backup_rows, arguments):
    text = ["# Benchmarks", "", "Made by `./dev bench --write`, which installs the peers, runs everything interleaved in one session on one machine,",
            "and writes this file. Numbers of different sessions are not comparable; the ratios are what counts.", "",
            f"- {time.strftime('%Y-%m-%d', time.gmtime())}, {machine()}",
            f"- {arguments.rounds} rounds of {arguments.seconds:g} s for each case; 64 connections, 256-byte values, one prepared body or request;",
            f"  for Get {'servers on CPU 0, load generator on CPU 1' if arguments.pin else 'servers and load generator share all CPUs'}; for Put they share all CPUs",
            "- CPU is user and system time of the server's process per request; values are medians of the rounds, ratios medians of the rounds' ratios", ""]
    text += rows
    if tenant_rows:
        text += ["", "## Many tenants", ""] + tenant_rows
    if backup_rows:
        text += ["", "## A backup while writes go on", ""] + backup_rows
    path = ROOT / "docs/benchmarks.md"
    path.parent.mkdir(exist_ok=True)
    # Sections that other programs wrote stay (cloudforet.py, cluster_bench.py).
    own = ("Many tenants\n", "A backup while writes go on\n")
    others = [part for part in path.read_text().split("\n## ")[1:] if not part.startswith(own)] if path.exists() else []
    path.write_text("\n".join(text) + "\n" + "".join("\n## " + part.rstrip("\n") + "\n" for part in others))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=Path, default=ROOT / "build/release")
    parser.add_argument("--etcd", type=Path, default=ROOT / "build/peers/usr/bin/etcd")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--tenants", type=int, default=100_000)
    parser.add_argument("--backup-megabytes", type=int, default=1024)
    parser.add_argument("--only", default="get,http,jwt,audit,put,tenants,backup")
    parser.add_argument("--no-pin", dest="pin", action="store_false")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    arguments.pin = arguments.pin and os.cpu_count() > 1
    only = set(arguments.only.split(","))
    os.environ["COFFER_BIN"] = str((arguments.build / "coffer").resolve())
    os.environ["COFFER_BUILD"] = str(arguments.build.resolve())

    print(machine(), flush=True)
    rows, kept, tenant_rows, backup_rows = [], True, [], []
    slices = {}
    # CPU per request is counted on one CPU with the generator on another. Puts are counted by what the machine gets done:
    # a server that waits for its disk has work for more than one CPU, and both servers may use them all.
    for part, pin in (({"get", "http", "jwt", "audit"}, arguments.pin), ({"put"}, False)):
        if only & part:
            with cases.Session(arguments.build, arguments.etcd, only & part, pin) as session:
                slices |= measure(session.cases, arguments.rounds, arguments.seconds)
    if slices:
        rows, kept = table(slices)
        print("\n" + "\n".join(rows))
    if "tenants" in only:
        tenant_rows, tenants_kept = tenants.run(arguments.build / "coffer", arguments.tenants)
        kept = kept and tenants_kept
        print("\n" + "\n".join(tenant_rows))
    if "backup" in only:
        backup_rows, backup_kept = backup.run(arguments.build / "coffer", arguments.backup_megabytes)
        kept = kept and backup_kept
        print("\n" + "\n".join(backup_rows))
    if arguments.write:
        write_document(rows, tenant_rows, backup_rows, arguments)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
