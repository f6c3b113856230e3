#!/usr/bin/env python3
"""One guarantee for every door, on four nodes of which three hold each group: what was acknowledged at any node is read by each
door at every node at once, also at those without a replica and at those that do not lead."""

import shutil
import tempfile
import unittest

import grpc

from cluster import Cluster, wait_for          # and the way to tests/api
import stubs
from cloudforet_client import SECRET, Client, Generation
from harness import skip
from jwt_maker import Signer

native, native_services = stubs.native()
direktiv, direktiv_services = stubs.direktiv()
dapr, dapr_services = stubs.dapr()
ROUNDS = 3
DOMAIN, CLOUDFORET, TAPIS = "domain-123456789012", "https://dev.spaceone.identity", "https://tacc.example"
STORES = "".join(f'[[dapr.store]]\nname = "{name}"\ntenant = "{tenant}"\nspace = "{space}"\n'
                 for name, tenant, space in (("plain", "plain", "kv"), ("flow", "flow", "direktiv")))


class Doors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="coffer-doors-")
        cls.cluster = Cluster(4, settings=STORES)
        cls.cluster.__enter__()
        cls.first = cls.cluster.nodes[0]
        cls.channels = {node.number: grpc.insecure_channel(node.grpc_address) for node in cls.cluster.nodes}
        cls.auth = [("authorization", "Bearer " + cls.cluster.token())]
        cls.homes = wait_for(cls.cluster.homes, "every group settles on three nodes")

    @classmethod
    def tearDownClass(cls):
        for channel in cls.channels.values():
            channel.close()
        cls.cluster.__exit__(None, None, None)
        shutil.rmtree(cls.folder)

    def tenant(self, name, door=None, external_id=None):
        self.first.admin("tenants", "create", name)
        if door:
            self.first.admin("tenants", "open-door", name, door, external_id)

    def issuer(self, tenant, iss, mapping):
        signer = Signer(self.folder, tenant)
        self.first.admin("issuers", "put", mapping, "--tenant", tenant, "--iss", iss, "--mapping", mapping, "--public-key", signer.public, "--algorithm", "RS256")
        return signer

    def ok(self, answer):
        self.assertEqual(answer.status, 200, answer)
        return answer.json

    def expect_everywhere(self, tenant, write, **doors):
        """`write` puts a value at a node; each of `doors` reads it at a node."""
        group = self.first.admin("tenants", "show", tenant)["group"]
        readers = self.cluster.nodes
        self.assertEqual(sum(node.id not in self.homes[group] for node in readers), 1, "one node has no replica of its group")
        for turn in range(ROUNDS):
            for writer in self.cluster.nodes:
                value = f"{tenant}-{turn}-{writer.number}"
                write(writer, value)
                for name, read in doors.items():
                    for reader in readers:
                        self.assertEqual(read(reader), value, f"written at node {writer.number}, read by {name} at node {reader.number}; replicas: {self.homes[group]}")

    def native(self, node, tenant, space, name, what="value"):
        return self.ok(node.get(name, tenant=tenant, space=space))[what]

    def dapr_http(self, node, store, name):
        return self.ok(node.request("GET", f"/v1.0/secrets/{store}/{name}"))[name]

    def dapr_grpc(self, node, store, name):
        request = dapr.GetSecretRequest(store_name=store, key=name)
        return dapr_services.DaprStub(self.channels[node.number]).GetSecret(request, metadata=self.auth, timeout=20).data[name]

    def test_native_and_dapr(self):
        self.tenant("plain")
        get = native.GetRequest(tenant="plain", space="kv", name="a")

        def by_grpc(node, value):
            put = native.PutRequest(tenant="plain", space="kv", name="a", value=value)
            native_services.SecretsStub(self.channels[node.number]).Put(put, metadata=self.auth, timeout=20)

        for write in (lambda node, value: self.ok(node.put("a", value, tenant="plain")), by_grpc):
            self.expect_everywhere("plain", write, rest=lambda n: self.native(n, "plain", "kv", "a"), dapr_http=lambda n: self.dapr_http(n, "plain", "a"),
                                   grpc=lambda n: native_services.SecretsStub(self.channels[n.number]).Get(get, metadata=self.auth, timeout=20).value,
                                   dapr_grpc=lambda n: self.dapr_grpc(n, "plain", "a"))

    def test_direktiv_and_dapr(self):
        self.tenant("flow", "direktiv", "flow")
        one = {"namespace": "flow", "name": "a"}
        service = lambda node: direktiv_services.SecretsServiceStub(self.channels[node.number])  # noqa: E731

        def write(node, value):
            """It never overwrites, so what was there goes first, at another node."""
            if value != "flow-0-1":
                service(self.cluster.nodes[node.number % 4]).DeleteSecret(direktiv.SecretsDeleteRequest(**one, stype=direktiv.SECRET), metadata=self.auth, timeout=20)
            service(node).StoreSecret(direktiv.SecretsStoreRequest(**one, data=value.encode(), stype=direktiv.SECRET), metadata=self.auth, timeout=20)

        def listed(node):
            answer = service(node).GetSecretsWithData(direktiv.GetSecretsRequest(namespace="flow", stype=direktiv.SECRET), metadata=self.auth, timeout=20)
            return {s.name: s.data.decode() for s in answer.secrets}.get("a")

        self.expect_everywhere("flow", write, direktiv=lambda n: service(n).RetrieveSecret(
            direktiv.SecretsRetrieveRequest(**one), metadata=self.auth, timeout=20).data.decode(), direktiv_list=listed,
            dapr_http=lambda n: self.dapr_http(n, "flow", "a"), dapr_grpc=lambda n: self.dapr_grpc(n, "flow", "a"))

    def test_cloudforet(self):
        self.tenant("shop", "cloudforet", DOMAIN)
        signer = self.issuer("shop", CLOUDFORET, "cloudforet")
        admin, system = (signer.token(iss=CLOUDFORET, did=DOMAIN, aud="a", ver="2.0", **more) for more in (
            {"own": "USER", "rol": "DOMAIN_ADMIN", "typ": "ACCESS_TOKEN"}, {"own": "SYSTEM", "typ": "SYSTEM_TOKEN"}))
        rest = lambda node, verb, body, token=admin: self.ok(node.request("POST", "/secret/v1/secret/" + verb, {"domain_id": DOMAIN, **body}, token=token))  # noqa: E731
        made = rest(self.first, "create", {"name": "a", "data": {"k": "first"}, "secret_type": "CREDENTIALS"})
        one = {"secret_id": made["secret_id"]}
        generation = Generation("1.12")
        clients = {node.number: Client(generation, node.grpc_address, system) for node in self.cluster.nodes}

        def write(node, value):
            rest(node, "update", {**one, "tags": {"t": value}})
            rest(node, "update-data", {**one, "data": {"k": value}})

        def found(node):
            filters = [{"k": "name", "v": "a", "o": "eq"}]
            return rest(node, "list", {"query": {"filter": filters}})["results"][0]["tags"]["t"]

        self.expect_everywhere("shop", write, rest=lambda n: rest(n, "get-data", one, system)["data"]["k"], query=found,
                               grpc=lambda n: clients[n.number](SECRET, "get_data", {**one, "domain_id": DOMAIN})["data"]["k"])
        for client in clients.values():
            client.close()

    def test_tapis(self):
        self.tenant("pods", "tapis", "tacc")
        claims = {"iss": TAPIS, "tapis/tenant_id": "tacc", "tapis/username": "alice", "tapis/account_type": "user", "tapis/token_type": "access"}
        token = self.issuer("pods", TAPIS, "tapis").token(**claims)
        call = lambda node, verb, path="", body=None: self.ok(node.request(verb, "/pods/secrets" + path, body, {"x-tapis-token": token}, token=None))["result"]  # noqa: E731
        call(self.first, "POST", "", {"secret_id": "a", "secret_value": "first"})

        def write(node, value):
            call(node, "PUT", "/a", {"secret_value": value, "description": value})

        def rendered(node):
            body = {"secret_map": {"k": "${secret:a}"}, "environment_variables": {"E": "${pods:secrets:k}"}, "pod_id": "web"}
            return call(node, "POST", "/render", body)["environment_variables"]["E"]

        self.expect_everywhere("pods", write, value=lambda n: call(n, "GET", "/a/value")["secret_value"], render=rendered,
                               listed=lambda n: next(s["description"] for s in call(n, "GET") if s["secret_id"] == "a"))


if __name__ == "__main__":
    if not shutil.which("openssl"):
        skip("openssl is not installed; ./dev test installs it")
    unittest.main(verbosity=2)
