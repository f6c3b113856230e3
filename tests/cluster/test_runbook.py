#!/usr/bin/env python3
"""docs/cluster.md as it is written, outside --dev: init, join, a lost quorum and its recovery, an offline certificate. Every
`coffer` command of the document is known to the program, and those of the recovery are run in its order."""

import json
import re
import subprocess
import unittest

from cluster import Cluster, Node, wait_for    # puts tests/api on the path

import harness

DOCUMENT = (harness.ROOT / "docs/cluster.md").read_text()


class ProductionNode(Node):
    def command(self):
        return [("--insecure" if word == "--dev" else word) for word in super().command()]

    def options(self):
        return ["--data", str(self.data), "--seal-key", str(self.cluster.seal_key)]


class Production(Cluster):
    """A cluster that `coffer admin init` made."""

    @property
    def seal_key(self):
        return self.folder / "seal.key"

    @property
    def token_file(self):
        return self.folder / "operator.token"

    def node(self, number):
        node = ProductionNode(self, number, self.config)
        self.nodes.append(node)
        return node

    def init(self):
        first = self.node(1)
        done = harness.run("admin", "init", "--config", first.config_path, *first.options(), "--operator-token", self.token_file)
        assert done.returncode == 0, done.stderr
        return first



class Runbook(unittest.TestCase):
    def test_every_command_of_the_document_exists(self):
        for line in re.findall(r"^\$ coffer (.*)$", DOCUMENT, re.M):
            words = re.sub(r"[#>].*", "", line).split()
            command = [w for w in words if not w.startswith("-")]
            while command:
                done = subprocess.run([harness.BINARY, *command, "--help"], capture_output=True, text=True)
                if done.returncode == 0:
                    break
                command.pop()           # an option's value, or an argument
            self.assertTrue(command, line)
            for option in re.findall(r"--[a-z-]+", " ".join(words)):
                self.assertIn(option, done.stdout, line)

    def test_a_lost_quorum_is_recovered_on_the_survivor(self):
        cluster = Production(3)
        try:
            first = cluster.init()
            for word in ("--seal-key", str(cluster.seal_key)):
                first.arguments.append(word)
            first.start().id = 1
            others = [self.join(cluster) for _ in range(2)]
            cluster.wait_replicated()
            self.admin(first, "tenants", "create", "acme")

            # What only the lost nodes have would be lost. The cluster's status is some reports old; the survivor's own count is not.
            def holds_acme():
                return re.search(rb"^coffer_tenants 1$", first.request("GET", "/metrics", token=None).body, re.M)
            wait_for(holds_acme, "the survivor holds all of the directory")
            for node in others:
                node.kill()
            running = harness.run("admin", "cluster", "recover", *first.options(), "--yes")
            self.assertNotEqual(running.returncode, 0, "a node that runs is not recovered under its feet")
            first.terminate()
            asked = harness.run("admin", "cluster", "recover", *first.options())
            self.assertNotEqual(asked.returncode, 0, "it asks first")
            done = harness.run("admin", "cluster", "recover", *first.options(), "--yes")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(b"only voter of 5 groups", done.stdout)

            first.start()
            answers = [None]

            def lists_acme():
                answers[0] = first.cli("admin", "tenants", "list")
                return b"acme" in answers[0].stdout
            wait_for(lists_acme, lambda: f"what was acknowledged is there: {answers[0]} {cluster.status()}")
            for node in others:
                first.admin_cluster("remove", str(node.id), "--force", "--yes")
            fresh = self.join(cluster)
            self.assertNotIn(fresh.id, [1] + [n.id for n in others])
            self.admin(fresh, "tenants", "create", "after")

            fresh.terminate()
            done = harness.run("admin", "cluster", "reissue", *fresh.options())
            self.assertEqual(done.returncode, 0, done.stderr)
            fresh.joining = None
            fresh.start()
            self.assertEqual(self.admin(fresh, "tenants", "show", "after")["name"], "after")
        except BaseException:
            cluster.show_logs()
            raise
        finally:
            cluster.close()

    def join(self, cluster):
        node = cluster.node(len(cluster.nodes) + 1)
        before = {n["id"] for n in cluster.nodes[0].cluster_status()["nodes"]}
        token = cluster.folder / f"join-{node.number}.token"
        token.write_text(cluster.nodes[0].admin_cluster("join-token"))
        node.data.mkdir(mode=0o700)
        node.joining = (cluster.nodes[0].peer_address, token)
        node.start()
        status = wait_for(node.cluster_status, "a status")
        (node.id,) = {n["id"] for n in status["nodes"]} - before
        return node

    @staticmethod
    def admin(node, *arguments):
        done = node.cli("admin", *arguments, "--output", "json", token_file=node.cluster.token_file)
        if done.returncode != 0:
            raise AssertionError(f"coffer admin {arguments}: {done.stderr.decode()}")
        return json.loads(done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
