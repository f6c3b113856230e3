#!/usr/bin/env python3
"""Tenants that move between groups of a cluster of real processes while they are used: to and fro under load, with the
leaders of both groups killed, with a watcher that must miss nothing; and a backup of the whole cluster, taken on any node and
restored into an empty directory."""

import collections
import itertools
import json
import shutil
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
from cluster import Cluster, wait_for  # noqa: E402
from harness import BINARY, Server  # noqa: E402
from history import check  # noqa: E402
from load import Load, TENANTS  # noqa: E402
from test_watch import Events  # noqa: E402


class Watcher(threading.Thread):
    """Follows a tenant from its first revision on, at one node after the other, and notes what it is told."""

    def __init__(self, cluster, tenant):
        super().__init__(daemon=True)
        self.cluster, self.tenant = cluster, tenant
        self.told, self.stopping = [], False

    def run(self):
        last = None
        for node in itertools.cycle(self.cluster.nodes):
            if self.stopping:
                return
            try:
                events = Events(node, f"/v1/tenants/{self.tenant}:watch" + ("" if last else "?from_revision=1"), last=last)
                while not self.stopping and (event := events.next()):
                    self.told.append(event)
                    last = events.last
                    if len(self.told) % 40 == 0:
                        break                           # goes on at another node
                events.close()
            except (OSError, ValueError, IndexError):
                time.sleep(0.05)


def expect_that_the_watcher_missed_nothing(case, load, watcher):
    """Nor was told anything twice or out of order. `case` is the test."""
    wanted = collections.Counter()
    for operation in load.recorder.operations:
        if operation.kind == "put" and operation.ok and operation.key.startswith("acme/"):
            wanted[operation.key.split("/")[1], operation.version] += 1
    missing = lambda: set(wanted) - {(d["name"], d["version"]) for _, d in list(watcher.told)}  # noqa: E731
    wait_for(lambda: not missing(), lambda: f"the watcher is told of {sorted(missing())[:5]}")
    watcher.stopping = True
    told = [(d["revision"], d["name"], d["version"]) for _, d in watcher.told]
    case.assertEqual(len(told), len({t[1:] for t in told}), "something was told twice")
    case.assertEqual([t[0] for t in told], sorted(t[0] for t in told), "not in order")


class Moves(unittest.TestCase):
    def place(self, cluster, tenant):
        return next(n for n in cluster.alive()).admin("tenants", "show", tenant)["group"]

    def move(self, cluster, tenant, *more):
        """Begins to move the tenant to the next group, at whatever node answers."""
        to = self.place(cluster, tenant) % 4 + 1
        node = next(n for n in cluster.alive())
        done = node.cli("admin", "cluster", "move-tenant", tenant, str(to), *more, token_file=cluster.token_file)
        return to, done

    def test_tenants_move_to_and_fro_under_load_and_nobody_sees_an_error(self):
        with Cluster(3) as cluster:
            for tenant in TENANTS:
                self.assertEqual(cluster.nodes[0].put("made", "first", tenant=tenant).status, 200)
            watcher = Watcher(cluster, "acme")
            watcher.start()
            load = Load(cluster, seed=11).start()
            moved = 0
            for _ in range(4):
                for tenant in TENANTS:
                    time.sleep(0.3)
                    to, done = self.move(cluster, tenant)
                    self.assertEqual(done.returncode, 0, done.stderr.decode())
                    self.assertEqual(self.place(cluster, tenant), to)
                    moved += 1
            time.sleep(1)
            load.stop()
            counts = load.counts()
            print(moved, "moves;", counts)
            self.assertEqual(check(load.recorder.operations, load.final()), [])
            refused = [o for o in load.recorder.operations if o.kind == "get" and not o.ok]
            self.assertEqual((counts["unknown"], refused), (0, []), "a move was seen by a client")
            expect_that_the_watcher_missed_nothing(self, load, watcher)

    def test_moves_go_on_through_kill_9_of_the_leaders_of_both_groups(self):
        with Cluster(3) as cluster:
            for tenant in TENANTS:
                self.assertEqual(cluster.nodes[0].put("made", "first", tenant=tenant).status, 200)
            load = Load(cluster, seed=12).start()
            for turn in range(4):
                time.sleep(0.5)
                tenant = TENANTS[turn % len(TENANTS)]
                old = self.place(cluster, tenant)
                to, done = self.move(cluster, tenant, "--begin-only")
                self.assertEqual(done.returncode, 0, done.stderr.decode())
                time.sleep(0.03 * turn)
                victim = cluster.leader_of(old if turn % 2 else to) or cluster.alive()[0]
                victim.kill()
                time.sleep(1)
                victim.joining = None
                victim.start()
                cluster.wait_ready()
                wait_for(lambda: self.is_at_rest(cluster, tenant, to), f"{tenant} is in group {to}")
            load.stop()
            print(load.counts())
            self.assertEqual(check(load.recorder.operations, load.final()), [])
            self.assertGreater(len(load.acknowledged), 50, "the load did next to nothing")

    def is_at_rest(self, cluster, tenant, group):
        done = cluster.alive()[0].cli("admin", "cluster", "move-tenant", tenant, str(group), "--begin-only", "--output",
                                      "json", token_file=cluster.token_file)
        if done.returncode != 0:
            return False
        shown = json.loads(done.stdout)
        return shown["group"] == group and not shown.get("moving_to") and not shown.get("moved_from")

    def test_balance_spreads_tenants_over_the_groups(self):
        with Cluster(3) as cluster:
            names = [f"t{n}" for n in range(8)]
            for name in names:
                self.assertEqual(cluster.nodes[0].put("a", name, tenant=name).status, 200)
            for name in names:
                node = cluster.nodes[0]
                if self.place(cluster, name) != 1:
                    done = node.cli("admin", "cluster", "move-tenant", name, "1", token_file=cluster.token_file)
                    self.assertEqual(done.returncode, 0, done.stderr.decode())
            cluster.nodes[1].admin_cluster("balance")

            def counts():
                return sorted(collections.Counter(self.place(cluster, name) for name in names).values())
            wait_for(lambda: counts() == [2, 2, 2, 2], lambda: f"two tenants in each group: {counts()}")
            for name in names:
                answer = cluster.nodes[2].get("a", tenant=name)
                self.assertEqual((answer.status, answer.json["value"]), (200, name))


class Backup(unittest.TestCase):
    def test_a_backup_of_any_node_holds_everything_that_was_acknowledged(self):
        with Cluster(3) as cluster:
            for tenant in TENANTS:
                self.assertEqual(cluster.nodes[0].put("made", "first", tenant=tenant).status, 200)
            load = Load(cluster, seed=13).start()
            time.sleep(1.5)
            for number, node in enumerate(cluster.nodes):
                name = f"late-{number}"                 # made a moment before, on another node
                self.assertEqual(cluster.nodes[number - 1].put("k", name, tenant=name).status, 200)
                known = self.newest(load)
                file = cluster.folder / f"backup-{number}"
                done = node.cli("admin", "backup", "create", "--out", str(file), token_file=cluster.token_file)
                self.assertEqual(done.returncode, 0, done.stderr.decode())
                self.restore(cluster, file, known, {f"late-{n}" for n in range(number + 1)})
            load.stop()

    @staticmethod
    def newest(load):
        newest = {}
        for operation in list(load.recorder.operations):
            if operation.kind == "put" and operation.ok:
                newest[operation.key] = max(newest.get(operation.key, 0), operation.version)
        return newest

    def restore(self, cluster, file, known, tenants):
        data = cluster.folder / (file.name + "-restored")
        done = subprocess.run([BINARY, "admin", "backup", "restore", str(file), "--data", str(data), "--seal-key",
                               str(cluster.seal_key)], capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        (data / "dev").mkdir(mode=0o700, exist_ok=True)
        shutil.copy(cluster.seal_key, data / "dev/seal.key")
        shutil.copy(cluster.token_file, data / "dev/root.token")
        server = Server(data=data).start()
        try:
            for name in tenants:
                self.assertEqual(server.get("k", tenant=name).json["value"], name)
            for key, version in known.items():
                tenant, name = key.split("/")
                answer = server.get(name, tenant=tenant)
                self.assertEqual(answer.status, 200, f"{key}: {answer}")
                self.assertGreaterEqual(answer.json["version"], version, f"{key} has lost a write")
        finally:
            server.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
