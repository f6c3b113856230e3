#!/usr/bin/env python3
"""Faults under load against a cluster of real processes, and a linearizability check of what its clients saw.

    ./dev nemesis [--minutes M] [--seed S] [--nodes N ...] [--loopback] [--write] [--keep DIR]

Each node runs in a network namespace of its own (--loopback: none, and no faults of the network). One fault after another is
chosen by the seed; clients on several doors go on meanwhile. --write puts the report into docs/faults.md, --keep
the histories into a folder. Exit status 1 when the checker finds a violation.
"""

import argparse
import collections
import contextlib
import datetime
import json
import random
import shutil
import subprocess
import sys
import time
from pathlib import Path

import clocks
import namespaces
from cluster import Cluster, wait_for
from load import Load, TENANTS
from search import judge

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "docs/faults.md"
SMALL_DISK_MIB = 256
READ_ONLY_MIB = 32          # so much must be free on each disk; half of the times a disk is filled up to this, else wholly
LEAST_WRITES = 5            # acknowledged in a second, and as many reads; a tenth of what is seen
REPLACEMENTS = 3            # of one cluster: each takes a place in the network
MARK_BEGIN, MARK_END = "<!-- nemesis: begin -->", "<!-- nemesis: end -->"


class Nemesis:
    """Does one thing to a cluster and undoes it. `quiet` is how long the fault lasts."""

    def __init__(self, cluster, rng, quiet=3.0):
        self.cluster, self.rng, self.quiet = cluster, rng, quiet
        self.done = collections.Counter()
        self.replacements = REPLACEMENTS
        self.found = []                 # what no history shows

    def faults(self):
        names = ["kill a leader", "kill any node", "stop and continue a leader", "restart all", "hand a group over",
                 "move a tenant"]
        if clocks.library():
            names.append("skew a clock")
        if self.cluster.small_disk:
            names.append("fill a disk")
        if self.replacements and len(self.cluster.nodes) >= 3:
            names.append("wipe a node and let another join")
        if len(self.cluster.nodes) >= 5:
            names.append("kill two nodes")
        if self.cluster.network:
            names += ["isolate a leader", "cut one link", "cut one link one way", "cut two sides apart"]
        return names

    def victim(self):
        """Who leads some group, by the group's luck; else anybody."""
        return self.cluster.leader_of(self.rng.randrange(5)) or self.rng.choice(self.cluster.alive())

    def wait(self):
        time.sleep(self.quiet * (0.5 + self.rng.random()))

    def once(self, name=None):
        """The name of the fault, chosen by luck unless given; with a word when it could not be done, and then it does not count."""
        name = name or self.rng.choice(self.faults())
        action = {
            "kill a leader": lambda: self.kill(self.victim()),
            "kill any node": lambda: self.kill(self.rng.choice(self.cluster.alive())),
            "kill two nodes": lambda: self.kill(*self.rng.sample(self.cluster.alive(), 2)),
            "stop and continue a leader": lambda: self.stop(self.victim()),
            "restart all": self.restart_all,
            "hand a group over": self.transfer,
            "move a tenant": self.move,
            "skew a clock": lambda: self.skew(self.victim()),
            "fill a disk": self.fill,
            "wipe a node and let another join": self.replace,
            "isolate a leader": lambda: self.cut(lambda n: n.isolate(self.victim().number)),
            "cut one link": lambda: self.cut(lambda n: n.cut(*self.pair())),
            "cut one link one way": lambda: self.cut(lambda n: n.cut_one_way(*self.pair())),
            "cut two sides apart": self.partition,
        }[name]
        done = action()
        self.done[name] += done is not False
        self.cluster.wait_ready()
        self.note_deaths(name)
        return name if done is not False else f"{name}: not possible now"

    def note_deaths(self, fault):
        """Who was not killed runs: a program that ends by itself would be started anew by the next fault, and nobody the wiser."""
        dead = [n for n in self.cluster.nodes if not n.alive()]
        for node in dead:
            self.found.append(f"node {node.number} ended by itself with {node.process.returncode} during '{fault}'")
        self.revive(dead)
        self.cluster.wait_ready(dead)

    def come_to_rest(self):
        """What was begun ends: moves of tenants, and followers that are behind."""
        for tenant in TENANTS:
            wait_for(lambda t=tenant: self.is_at_rest(t), lambda t=tenant: f"the move of {t} ends")

        def is_caught_up():
            status = self.cluster.status()
            return status and all(int(r.get("match_index", 0)) >= int(g.get("commit_index", 0))
                                  for g in status["groups"] for r in g.get("replicas", []))
        wait_for(is_caught_up, lambda: f"every replica has what is committed: {self.cluster.status()}")

    def is_at_rest(self, tenant):
        node = self.rng.choice(self.cluster.alive())
        arguments = ("--output", "json")
        shown = node.cli("admin", "tenants", "show", tenant, *arguments)
        if shown.returncode != 0:
            return b"no such tenant" in shown.stderr.lower() or b"not_found" in shown.stderr.lower()
        group = str(json.loads(shown.stdout)["group"])
        moved = node.cli("admin", "cluster", "move-tenant", tenant, group, "--begin-only", *arguments)
        if moved.returncode != 0:
            return False                # it is on its way elsewhere
        told = json.loads(moved.stdout)
        return not told.get("moving_to") and not told.get("moved_from")

    def pair(self):
        return self.rng.sample([n.number for n in self.cluster.nodes], 2)

    def kill(self, *nodes):
        for node in nodes:
            node.kill()
        self.wait()
        self.revive(nodes)

    @staticmethod
    def revive(nodes):
        for node in nodes:
            node.joining = None
            node.spawn()

    def stop(self, node):
        node.stop_process()
        self.wait()
        node.continue_process()

    def restart_all(self):
        for node in self.cluster.nodes:
            node.kill()
        self.revive(self.cluster.nodes)

    def transfer(self):
        to = self.rng.choice(self.cluster.nodes)
        try:
            to.admin_cluster("transfer", str(self.rng.randrange(5)), str(to.id))
        except AssertionError:
            return False                # it is no voter there, or somebody else was faster
        return True

    def move(self):
        """To another group; in every other case somebody is killed in the middle of it."""
        at = self.rng.choice(self.cluster.alive())
        tenant, group = self.rng.choice(TENANTS), self.rng.randrange(1, 5)
        try:
            at.admin_cluster("move-tenant", tenant, str(group), "--begin-only")
        except AssertionError:
            return False                # its last move is not over, or nobody has made the tenant yet
        if self.rng.random() < 0.5:
            self.kill(self.victim())
        return True

    def skew(self, node):
        """For a while its clocks are minutes off and run at another rate, within what the lease's margin covers."""
        node.kill()
        offset, rate = self.rng.choice((-600, -60, 60, 600)), self.rng.choice((0.95, 1.05))
        node.environment = clocks.skewed(offset, rate)
        self.revive([node])
        wait_for(node.ready, lambda: f"a node with a wrong clock serves:\n{node.log()[-2000:]}")
        self.wait()
        node.kill()
        node.environment = {}
        self.revive([node])

    def fill(self):
        """The disk of the last node of the first three gets full, and has room again."""
        node, wholly = self.cluster.small_disk, self.rng.random() < 0.5
        wait_for(lambda: not self.is_read_only(node), "the small disk has room before it is filled")
        filler = node.data / "filler"
        with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
            while wholly or shutil.disk_usage(node.data).free > READ_ONLY_MIB << 19:
                file.write(bytes(1 << 16))
        wait_for(lambda: not node.alive() or self.is_read_only(node), "a node without room says so")
        self.wait()
        filler.unlink()
        if not node.alive():            # a disk that takes nothing is a node's end, as the documents say
            self.revive([node])
        wait_for(lambda: node.ready() and not self.is_read_only(node), lambda: f"it takes changes again:\n{node.log()[-2000:]}")

    @staticmethod
    def is_read_only(node):
        try:
            return b"read_only" in node.request("GET", "/readyz", token=None, timeout=5).body
        except OSError:
            return False

    def replace(self):
        """Its data is gone; it is removed, and a new node takes its place under a new id."""
        self.replacements -= 1
        node = self.rng.choice([n for n in self.cluster.nodes if n.number != 1 and n is not self.cluster.small_disk])
        node.kill()
        self.cluster.nodes.remove(node)
        shutil.rmtree(node.data)
        wait_for(lambda: self.cluster.status(), "the others' status without the wiped node")
        helper = next(n for n in self.cluster.nodes if n.alive())
        wait_for(lambda: attempt(helper, "remove", str(node.id), "--force", "--yes"), "the wiped node is removed")
        self.cluster.add()
        self.cluster.wait_replicated()

    def cut(self, how):
        how(self.cluster.network)
        self.wait()
        self.cluster.network.heal()

    def partition(self):
        numbers = [n.number for n in self.cluster.nodes]
        self.rng.shuffle(numbers)
        side = numbers[:len(numbers) // 2]

        def how(network):
            for a in side:
                for b in numbers:
                    if b not in side:
                        network.cut(a, b)
        self.cut(how)


def attempt(node, *arguments):
    try:
        node.admin_cluster(*arguments)
        return True
    except AssertionError:
        return False


class FaultyCluster(Cluster):
    """A cluster whose third node has a small disk of its own (a tmpfs), where mounting is permitted."""

    small_disk = None

    def make_data(self, node):
        super().make_data(node)
        if node.number == 3 and subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK_MIB}m,mode=700", "coffer-nemesis", node.data],
                                               capture_output=True).returncode == 0:
            self.small_disk = node

    def close(self):
        try:
            super().close()
        finally:
            if self.small_disk:
                subprocess.run(["umount", "-l", self.small_disk.data], check=False)
                shutil.rmtree(self.folder, ignore_errors=True)


def run(seed, seconds, size, network, keep=None, settings="", first=()):
    """One cluster under faults for so long; those of `first` that are possible here come first. (violations, counts, faults)"""
    rng = random.Random(seed)
    replicas = rng.choice((3, 5)) if size >= 5 else 3
    settings += f'\n[storage]\nread_only_below = "{READ_ONLY_MIB}MiB"\n'
    with FaultyCluster(size, network=network, settings=settings, replicas=replicas) as cluster:
        load = Load(cluster, seed=seed, clients=8, pause=0.02).start()
        nemesis = Nemesis(cluster, rng)
        print(f"seed {seed}: {size} nodes, {replicas} replicas", flush=True)
        found = ["the round broke off"]
        try:
            go_on(nemesis, seed, seconds, [name for name in first if name in nemesis.faults()])
            found, judged = come_to_an_end(nemesis, load, seconds)
        finally:
            load.stopping.set()
            if keep or found:
                folder = Path(keep or ".")
                folder.mkdir(parents=True, exist_ok=True)
                load.recorder.save(folder / f"history-{seed}.jsonl")
        return found, load.counts() | judged, nemesis.done


def go_on(nemesis, seed, seconds, wanted):
    """One fault after the other."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(1 + nemesis.rng.random())
        print(f"seed {seed}: {nemesis.once(wanted.pop(0) if wanted else None)}", flush=True)


def come_to_an_end(nemesis, load, seconds):
    """What is wrong after all faults are undone, and how much of the history the search judged."""
    cluster = nemesis.cluster
    cluster.wait_ready()
    wait_for(lambda: cluster.status(), "the cluster's status after the last fault")
    load.stop()
    load.write_everywhere()
    nemesis.come_to_rest()
    nemesis.note_deaths("none")
    final = load.final()                # its reads are part of the history
    found, judged = judge(load.recorder.operations, final)
    found += stop_all(cluster.nodes)
    if len(load.acknowledged) < seconds * LEAST_WRITES or load.counts()["reads"] < seconds * LEAST_WRITES:
        found.append(f"the cluster served next to nothing in {seconds:.0f} s: {load.counts()}")
    return nemesis.found + found, judged


def stop_all(nodes):
    """An orderly end is one, too: a program that breaks while it goes down would be noticed by nobody."""
    for node in nodes:
        node.process.terminate()
    ends = {node.number: node.process.wait(60) for node in nodes}
    return [f"node {number} was asked to stop and ended with {status}" for number, status in ends.items() if status != 0]


def report(runs, sizes, in_namespaces):
    counts, faults, violations = collections.Counter(), collections.Counter(), 0
    for _, found, c, f in runs:
        counts.update(c)
        faults.update(f)
        violations += len(found)
    lines = [MARK_BEGIN, "",
             f"Run of {datetime.date.today().isoformat()}: {len(runs)} rounds with {' and '.join(map(str, sizes))} nodes"
             f"{' in network namespaces' if in_namespaces else ' on loopback'}, seeds {', '.join(str(r[0]) for r in runs)}.", "",
             "| what | number |", "|---|---|"]
    lines += [f"| {name} | {number:,} |" for name, number in counts.items()]
    lines += [f"| fault: {name} | {number:,} |" for name, number in sorted(faults.items())]
    lines += [f"| **violations** | **{violations}** |", "", MARK_END]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--round", type=float, default=90, help="seconds of one cluster; then a new one, with the next seed")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000)
    parser.add_argument("--nodes", type=int, nargs="+", default=[3, 5], help="the rounds take turns; of five and more the seed "
                        "chooses whether a data group is on three of them or on five")
    parser.add_argument("--loopback", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--keep")
    arguments = parser.parse_args()
    why_not = "as asked" if arguments.loopback else namespaces.permitted()
    if why_not:
        print(f"without network faults: {why_not}")
    runs, end, seed = [], time.monotonic() + arguments.minutes * 60, arguments.seed
    while not runs or time.monotonic() < end:
        size = arguments.nodes[len(runs) % len(arguments.nodes)]
        network = None if why_not else namespaces.Network(size + REPLACEMENTS)
        seconds = min(arguments.round, max(10, end - time.monotonic()))
        try:
            found, counts, faults = run(seed, seconds, size, network, arguments.keep)
        except AssertionError as error:             # the next round may still tell something
            found, counts, faults = [f"the round broke off: {error}"], {}, {}
        runs.append((seed, found, counts, faults))
        print(f"seed {seed}: {counts}, {sum(faults.values())} faults, {len(found)} violations", flush=True)
        for sentence in found:
            print(f"  VIOLATION {sentence}")
        seed += 1
    text = report(runs, arguments.nodes, not why_not)
    print(text)
    if arguments.write:
        whole = REPORT.read_text(encoding="utf-8")
        before, rest = whole.split(MARK_BEGIN, 1)
        REPORT.write_text(before + text + rest.split(MARK_END, 1)[1], encoding="utf-8")
    sys.exit(1 if any(r[1] for r in runs) else 0)


if __name__ == "__main__":
    main()
