#!/usr/bin/env python3
"""JWTs and client certificates on four nodes of which three hold each group: whoever is asked answers as the node that leads
the tenant's group would, from the next request on, and what is forged costs the others next to nothing."""

import http.client
import json
import re
import shutil
import tempfile
import time
import unittest
from pathlib import Path

import grpc

from cluster import Cluster, wait_for          # and the way to tests/api
import stubs
from admin_client import Admin
from harness import skip
from jwt_maker import Signer, b64
from test_tls import make_certificates

ISS = "https://id.example"
pb, services = stubs.native()


class IdentityOfFour(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="coffer-four-"))
        make_certificates(cls.folder)
        tls = f'[grpc.tls]\ncertificate = "{cls.folder}/server.pem"\nkey = "{cls.folder}/server.key"\nclient_ca = "{cls.folder}/ca.pem"\n'
        cls.cluster = Cluster(4, settings=tls)
        cls.cluster.__enter__()
        cls.signers = [Signer(cls.folder, f"key-{i}") for i in range(2)]
        cls.homes = wait_for(cls.replicas, "every group settles on three nodes")
        # For each node a tenant of whose group it has no replica.
        cls.foreign, names = {}, iter(f"tenant-{i}" for i in range(1000))
        while len(cls.foreign) < 4:
            name = next(names)
            cls.cluster.nodes[0].put("n", "secret", tenant=name)
            group = cls.cluster.nodes[0].admin("tenants", "show", name)["group"]
            for node in cls.cluster.nodes:
                if node.id not in cls.homes[group]:
                    cls.foreign.setdefault(node.id, name)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)
        shutil.rmtree(cls.folder)

    @classmethod
    def replicas(cls):
        """{group: nodes} once every data group is on three nodes and each node lacks one."""
        homes = cls.cluster.homes()
        return homes if homes and all(any(n.id not in h for h in homes.values()) for n in cls.cluster.nodes) else None

    def issuer(self, node, tenant, signer):
        node.admin("issuers", "put", "corp", "--tenant", tenant, "--iss", ISS, "--public-key", signer.public)

    def status(self, node, tenant, token):
        return node.get("n", tenant=tenant, token=token).status

    def grpc_code(self, node, tenant):
        read = lambda name: (self.folder / name).read_bytes()
        credentials = grpc.ssl_channel_credentials(read("ca.pem"), read("client.key"), read("client.pem"))
        with grpc.secure_channel(node.grpc_address, credentials) as channel:
            try:
                services.SecretsStub(channel).Get(pb.GetRequest(tenant=tenant, space="kv", name="n"), timeout=30)
                return grpc.StatusCode.OK
            except grpc.RpcError as error:
                return error.code()

    def metric(self, node, name):
        text = node.request("GET", "/metrics", token=None).body.decode()
        return sum(float(value) for value in re.findall(rf"(?m)^{name}\S* ([0-9.e+]+)$", text))

    # A tenant's own issuers bring people whom no role has given anything: 403 is known, 401 is not.
    def test_an_issuer_counts_on_every_node_from_its_put_until_its_delete(self):
        old, new = self.signers
        a, b = (signer.token(iss=ISS, sub="alice") for signer in (old, new))
        for tenant in sorted(set(self.foreign.values())):
            for turn, node in enumerate(self.cluster.nodes):
                with self.subTest(f"{tenant}, changed on node {node.number}"):
                    self.assertEqual([self.status(n, tenant, a) for n in self.cluster.nodes], [401] * 4, "nobody is trusted")
                    self.issuer(node, tenant, old)
                    self.assertEqual([self.status(n, tenant, a) for n in self.cluster.nodes], [403] * 4, "the issuer was put")
                    self.assertEqual([self.status(n, tenant, b) for n in self.cluster.nodes], [401] * 4, "another's key")
                    self.issuer(self.cluster.nodes[turn - 1], tenant, new)
                    self.assertEqual([self.status(n, tenant, a) for n in self.cluster.nodes], [401] * 4, "its key was changed")
                    self.assertEqual([self.status(n, tenant, b) for n in self.cluster.nodes], [403] * 4, "its key was changed")
                    # Another rule of the same key: what was verified by the old one is verified anew, and nobody sees it.
                    self.issuer(node, tenant, new)
                    self.assertEqual([self.status(n, tenant, b) for n in self.cluster.nodes], [403] * 4, "it was put again")
                    node.admin("issuers", "delete", "corp", "--tenant", tenant)
                    self.assertEqual([self.status(n, tenant, b) for n in self.cluster.nodes], [401] * 4, "it was deleted")

    def test_a_client_certificate_is_known_on_every_node(self):
        for node in self.cluster.nodes:
            tenant = self.foreign[node.id]
            with self.subTest(tenant):
                self.assertEqual({self.grpc_code(n, tenant) for n in self.cluster.nodes}, {grpc.StatusCode.UNAUTHENTICATED})
                node.admin("certificates", "put", "client", "--tenant", tenant, "--san", "uri:spiffe://prod/*")
                self.assertEqual({self.grpc_code(n, tenant) for n in self.cluster.nodes}, {grpc.StatusCode.PERMISSION_DENIED})
                node.admin("certificates", "delete", "client", "--tenant", tenant)
                self.assertEqual({self.grpc_code(n, tenant) for n in self.cluster.nodes}, {grpc.StatusCode.UNAUTHENTICATED})

    def test_a_policy_gives_a_bearer_the_same_rights_on_every_node(self):
        signer = self.signers[0]
        policy = self.folder / "policy.json"
        node = self.cluster.nodes[0]
        tenant = self.foreign[node.id]
        self.issuer(node, tenant, signer)
        self.addCleanup(node.admin, "issuers", "delete", "corp", "--tenant", tenant)
        grants = [{"capabilities": ["read", "read-value"], "spaces": ["kv"], "names": ["*"]}]
        policy.write_text(json.dumps({"roles": [{"name": "reader", "grants": grants}], "bindings": [{"role": "reader", "subjects": ["user:alice"]}]}))
        node.admin("policy", "apply", "--tenant", tenant, "-f", policy)
        token = signer.token(iss=ISS, sub="alice")
        self.assertEqual([self.status(n, tenant, token) for n in self.cluster.nodes], [200] * 4)
        policy.write_text("{}")
        self.cluster.nodes[2].admin("policy", "apply", "--tenant", tenant, "-f", policy)
        self.assertEqual([self.status(n, tenant, token) for n in self.cluster.nodes], [403] * 4, "the role is taken")

    def test_a_token_that_one_node_revoked_is_refused_by_all_with_the_next_request(self):
        for node in self.cluster.nodes:
            tenant = self.foreign[node.id]
            admin = Admin(node)
            made = admin.create_token(tenant)
            self.assertEqual([self.status(n, tenant, made.secret) for n in self.cluster.nodes], [200] * 4)
            admin.revoke(tenant, made.token.id)
            self.assertEqual([self.status(n, tenant, made.secret) for n in self.cluster.nodes], [401] * 4)
            admin.channel.close()

    def test_what_is_forged_asks_others_seldom_and_starts_nothing(self):
        def forged(number):
            claims = {"iss": ISS, "sub": f"u{number}", "exp": 4102444800}
            part = lambda value: b64(json.dumps(value).encode())
            return part({"alg": "RS256", "typ": "JWT"}) + "." + part(claims) + "." + "A" * 342

        for node in self.cluster.nodes:
            tenant = self.foreign[node.id]
            begun = time.monotonic()
            asked, started = (sum(self.metric(n, name) for n in self.cluster.nodes)
                              for name in ("coffer_trust_questions_total", "coffer_shards_started_total"))
            connection = http.client.HTTPConnection(node.http_address, timeout=60)
            for i in range(200):
                for name in (tenant, f"invented-{i}"):
                    connection.request("GET", node.path("n", tenant=name), headers={"authorization": "Bearer " + forged(i)})
                    answer = connection.getresponse()
                    answer.read()
                    self.assertIn(answer.status, (401, 429))
            connection.close()
            questions = self.metric(node, "coffer_trust_questions_total")
            now_asked, now_started = (sum(self.metric(n, name) for n in self.cluster.nodes)
                                      for name in ("coffer_trust_questions_total", "coffer_shards_started_total"))
            self.assertEqual(now_started, started)
            self.assertGreater(questions, 0, "the node has no replica, so it asks")
            self.assertLessEqual(now_asked - asked, (time.monotonic() - begun) / 0.02 + 2, "once in twenty milliseconds at most")

    def test_a_bearer_is_known_while_the_group_changes_its_leader(self):
        signer = self.signers[0]
        node = self.cluster.nodes[3]
        tenant = self.foreign[node.id]
        group = node.admin("tenants", "show", tenant)["group"]
        self.issuer(node, tenant, signer)
        try:
            leader = wait_for(lambda: self.cluster.leader_of(group), "a leader")
            leader.kill()
            # A token that was never seen, so that it is verified now.
            self.assertEqual(self.status(node, tenant, signer.token(iss=ISS, sub="bob")), 403)
            leader.joining = None
            leader.start()
            self.cluster.wait_ready()
        finally:
            node.admin("issuers", "delete", "corp", "--tenant", tenant)


if __name__ == "__main__":
    if not shutil.which("openssl"):
        skip("openssl is not installed; ./dev test installs it")
    unittest.main(verbosity=2)
