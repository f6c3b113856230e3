#!/usr/bin/env python3
"""A cluster of real processes: it forms by join tokens, serves everything on every node, and survives what happens to
processes: kill -9 of leaders, stop and continue, restart of all, a wiped node, drain and removal. The histories of clients on
several doors go through the checker of history.py."""

import json
import re
import shutil
import statistics
import tempfile
import threading
import time
import unittest

from cluster import Cluster, wait_for
import test_moves
from history import check
from jwt_maker import Signer
from load import Load


class FormedCluster(unittest.TestCase):
    """One cluster for the tests that leave it whole."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = Cluster(3)
        cls.cluster.__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def test_everything_is_served_on_every_node(self):
        writer, *others = self.cluster.nodes
        answer = writer.put("shared", "one", tenant="everywhere")
        self.assertEqual(answer.status, 200, answer)
        for node in self.cluster.nodes:
            answer = node.get("shared", tenant="everywhere")
            self.assertEqual((answer.status, answer.json["value"]), (200, "one"), f"node {node.number}: {answer}")
        for number, node in enumerate(self.cluster.nodes):
            self.assertEqual(node.put("shared", f"v{number}", tenant="everywhere").status, 200)
            for reader in self.cluster.nodes:
                self.assertEqual(reader.get("shared", tenant="everywhere").json["value"], f"v{number}",
                                 "a write that was acknowledged is not read")

    def test_tenants_made_on_one_node_are_known_on_all(self):
        for number, node in enumerate(self.cluster.nodes):
            name = f"made-on-{number}"
            self.assertEqual(node.put("a", "b", tenant=name).status, 200)
            for other in self.cluster.nodes:
                shown = other.admin("tenants", "show", name)
                self.assertEqual(shown["name"], name)

    def test_status_names_nodes_groups_and_certificates(self):
        for node in self.cluster.nodes:
            status = wait_for(node.cluster_status, "a status")
            self.assertEqual([n["state"] for n in status["nodes"]], ["up"] * 3)
            self.assertEqual(len({n["certificate_serial"] for n in status["nodes"]}), 3)
            # A group is reported by its leader, so one that changes hands may be missing for a moment.
            wait_for(lambda: len((node.cluster_status() or {"groups": []})["groups"]) == 5, "every group is reported")

    def test_status_shows_how_busy_the_groups_are(self):
        first, other = self.cluster.nodes[0], self.cluster.nodes[-1]
        self.assertEqual(first.put("busy", "v", tenant="asked").status, 200)

        def measured():
            for _ in range(200):
                self.assertEqual(first.get("busy", tenant="asked").status, 200)
            status = other.cluster_status()
            return status and all("requests_per_second" in group for group in status["groups"]) and \
                any(int(group["requests_per_second"]) > 20 for group in status["groups"] if int(group["id"]) > 0)
        wait_for(measured, lambda: json.dumps(other.cluster_status()))
        table = other.cli("admin", "cluster", "status", "--groups").stdout.decode()
        self.assertRegex(table, r"GROUP +LEADER +TERM +COMMIT +REQUESTS/S +WRITES/S +VOTERS")
        total = re.findall(r"(?m)^coffer_group_requests_total\S* ([0-9.e+]+)$",
                           first.request("GET", "/metrics", token=None).body.decode())
        self.assertEqual(len(total), 5)

    def test_jwts_are_verified_on_every_node_and_nothing_unauthenticated_leaves_it(self):
        folder = tempfile.mkdtemp(prefix="coffer-cluster-jwt-")
        self.addCleanup(shutil.rmtree, folder)
        good, forger = Signer(folder, "good"), Signer(folder, "forger")
        first = self.cluster.nodes[0]
        first.admin("tenants", "create", "vouched")
        first.admin("tenants", "open-door", "vouched", "tapis", "tacc")
        first.admin("issuers", "put", "tapis", "--tenant", "vouched", "--iss", "https://tacc.example", "--mapping", "tapis", "--public-key", good.public,
                    "--algorithm", "RS256")
        claims = {"iss": "https://tacc.example", "tapis/tenant_id": "tacc", "tapis/username": "alice", "tapis/account_type": "user", "tapis/token_type": "access"}
        token, forged = good.token(**claims), forger.token(**claims)
        for number, node in enumerate(self.cluster.nodes):
            made = node.request("POST", "/pods/secrets", {"secret_id": f"of-{number}", "secret_value": "v"}, {"x-tapis-token": token}, token=None)
            self.assertEqual(made.status, 200, f"node {node.number}: {made}")
            for reader in self.cluster.nodes:
                read = reader.request("GET", f"/pods/secrets/of-{number}/value", headers={"x-tapis-token": token}, token=None)
                self.assertEqual(read.status, 200, f"node {reader.number}: {read}")

        def count(name):
            texts = [node.request("GET", "/metrics", token=None).body.decode() for node in self.cluster.nodes]
            return sum(float(value) for text in texts for value in re.findall(rf"(?m)^{name}\S* ([0-9.e+]+)$", text))

        before = count("coffer_calls_forwarded_total"), count("coffer_shards_started_total")
        for node in self.cluster.nodes:
            connection = node.connect()
            for attempt in range(100):
                for path, headers in (("/pods/secrets/of-0/value", {"x-tapis-token": forged}), ("/v1/tenants/vouched/spaces/kv/secrets/x", {"authorization": "Bearer cft_" + "A" * 92}),
                                      ("/v1/tenants/vouched/spaces/kv/secrets/x", {}), ("/v1/tenants/vouched/spaces/kv/secrets/x", {"authorization": "Bearer " + forged})):
                    connection.request("GET", path, headers=headers)
                    answer = connection.getresponse()
                    answer.read()
                    self.assertIn(answer.status, (401, 429))
            connection.close()
        after = count("coffer_calls_forwarded_total"), count("coffer_shards_started_total")
        self.assertLess(after[0] - before[0], 100, "of 1,200 calls; nodes forward a few of their own")
        self.assertEqual(after[1], before[1])

    def test_leaderships_spread_over_the_nodes(self):
        def spread():
            status = self.cluster.status()
            return status and len({g["leader"] for g in status["groups"]}) >= 2
        wait_for(spread, lambda: json.dumps(self.cluster.status()))

    def test_a_join_token_counts_once(self):
        first = self.cluster.nodes[0]
        used = self.cluster.folder / "join-2.token"
        from cluster import Node
        stranger = Node(self.cluster, 9, self.cluster.config)
        stranger.data.mkdir(mode=0o700)
        stranger.joining = (first.peer_address, used)
        stranger.spawn()
        self.assertNotEqual(stranger.process.wait(60), 0)
        self.assertIn("cannot join", stranger.log())
        self.assertIn("join-token", stranger.log())
        stranger.close()
        self.assertEqual(len(self.cluster.status()["nodes"]), 3)


class Faults(unittest.TestCase):
    def verify(self, load):
        load.stop()
        found = check(load.recorder.operations, load.final())
        print(load.counts())
        self.assertEqual(found, [])
        self.assertGreater(len(load.acknowledged), 50, "the load did next to nothing")

    def test_kill_9_of_leaders_under_load(self):
        with Cluster(3) as cluster:
            self.assertEqual(cluster.nodes[0].put("made", "first", tenant="acme").status, 200)
            watcher = test_moves.Watcher(cluster, "acme")
            watcher.start()
            load = Load(cluster, seed=1).start()
            gaps = []
            for _ in range(3):
                time.sleep(2)
                victim = cluster.leader_of(0) or cluster.alive()[0]
                begin = time.monotonic()
                victim.kill()
                time.sleep(3)
                gaps.append(self.longest_gap(load, begin, time.monotonic()))
                victim.joining = None
                victim.start()
                cluster.wait_ready()
            self.verify(load)
            test_moves.expect_that_the_watcher_missed_nothing(self, load, watcher)
            print(f"gaps in acknowledged writes of all tenants together: {[round(g, 2) for g in gaps]} s, median {statistics.median(gaps):.2f}")

    def test_changes_of_a_verified_person_are_answered_as_they_were_done_when_a_leader_dies(self):
        # Most tests use the root token, who may ask again for whatever was done. A person's rights are looked at again.
        folder = tempfile.mkdtemp(prefix="coffer-cluster-person-")
        self.addCleanup(shutil.rmtree, folder)
        signer, domain, path = Signer(folder, "identity"), "domain-123456789012", "/secret/v1/secret"
        with Cluster(3, data_groups=1) as cluster:
            first = cluster.nodes[0]
            first.admin("tenants", "create", "shop")
            first.admin("tenants", "open-door", "shop", "cloudforet", domain)
            first.admin("issuers", "put", "identity", "--tenant", "shop", "--iss", "https://identity.example", "--mapping", "cloudforet", "--public-key", signer.public)
            token = signer.token(iss="https://identity.example", own="USER", did=domain, aud="ann", ver="2.0", rol="DOMAIN_ADMIN", typ="ACCESS_TOKEN")
            leader = wait_for(lambda: cluster.leader_of(1), "a leader")
            others, answers, ends = [node for node in cluster.alive() if node is not leader], [], threading.Event()

            def ask(node, verb, body):
                return node.request("POST", f"{path}/{verb}", body, {"content-type": "application/json"}, token=token, timeout=60)

            def make(worker, node):
                number = 0
                while not ends.is_set():
                    number += 1
                    name = f"{worker}-{number}"
                    answers.append((name, ask(node, "create", {"name": name, "secret_type": "CREDENTIALS", "data": {"k": name}, "domain_id": domain})))

            threads = [threading.Thread(target=make, args=(n, others[n % 2])) for n in range(12)]
            for thread in threads:
                thread.start()
            time.sleep(1.5)
            leader.kill()
            time.sleep(4)
            ends.set()
            for thread in threads:
                thread.join()
            self.assertEqual([(name, answer) for name, answer in answers if answer.status != 200], [])
            listed = ask(others[0], "list", {"domain_id": domain, "query": {"count_only": True}})
            self.assertEqual(listed.json["total_count"], len(answers), "each was made once")
            self.assertGreater(len(answers), 50)

    @staticmethod
    def longest_gap(load, begin, end):
        times = [begin] + sorted(t for t, _ in load.acknowledged if begin < t < end) + [end]
        return max(b - a for a, b in zip(times, times[1:]))

    def test_stop_and_continue_of_leaders_under_load(self):
        with Cluster(3) as cluster:
            load = Load(cluster, seed=2).start()
            for _ in range(3):
                time.sleep(1.5)
                victim = cluster.leader_of(0) or cluster.alive()[0]
                victim.stop_process()
                time.sleep(2.5)
                victim.continue_process()
            cluster.wait_ready()
            self.verify(load)

    def test_restart_of_all_under_load(self):
        with Cluster(3) as cluster:
            load = Load(cluster, seed=3).start()
            time.sleep(2)
            for node in cluster.nodes:
                node.kill()
            for node in cluster.nodes:
                node.joining = None
                node.spawn()
            cluster.wait_ready()
            time.sleep(2)
            self.verify(load)

    def test_a_wiped_node_comes_back_under_a_new_id(self):
        with Cluster(3) as cluster:
            load = Load(cluster, seed=4).start()
            time.sleep(1)
            lost = cluster.nodes[2]
            lost.kill()
            cluster.nodes[0].admin_cluster("remove", str(lost.id), "--force", "--yes")
            fresh = cluster.add()
            self.assertNotIn(fresh.id, (1, 2, lost.id))
            cluster.wait_replicated(voters=3)
            self.verify(load)

    def test_a_drained_node_leaves_without_a_trace(self):
        with Cluster(3) as cluster:
            cluster.add()
            load = Load(cluster, seed=5).start()
            time.sleep(1)
            leaving = cluster.nodes[1]
            cluster.nodes[0].admin_cluster("drain", str(leaving.id))

            def empty():
                status = cluster.status()
                node = next((n for n in (status or {}).get("nodes", []) if n["id"] == leaving.id), None)
                return node is not None and node.get("replicas", 0) == 0
            wait_for(empty, lambda: "nothing is left on the drained node: " + json.dumps(cluster.status()))
            cluster.nodes[0].admin_cluster("remove", str(leaving.id), "--yes")
            leaving.terminate()
            time.sleep(1)
            self.verify(load)


if __name__ == "__main__":
    unittest.main(verbosity=2)
