"""Clients of a cluster under faults: threads that write and read a few keys through different nodes and doors, each
operation recorded. What is answered and how decides what is known of it: an error that says that nothing was changed is
a refusal, everything else leaves the outcome unknown."""

import http.client
import itertools
import json
import random
import threading
import time

import grpc

import stubs
from history import Recorder

native, native_services = stubs.native()

# What a door answers when nothing was changed. UNAVAILABLE is "not applied; retry" in Coffer's catalogue, but a proxy or
# a broken connection answers the same to a client, so it counts as unknown here.
SURELY_NOT = {grpc.StatusCode.ABORTED, grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.RESOURCE_EXHAUSTED,
              grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT}


TENANTS = ("acme", "globex", "initech")


class RestDoor:
    name = "rest"

    def __init__(self, node, tenant):
        self.node, self.tenant = node, tenant
        self.connection = None

    def call(self, method, key, body=None):
        if self.connection is None:
            host, port = self.node.http_address.rsplit(":", 1)
            self.connection = http.client.HTTPConnection(host, int(port), timeout=12)
        headers = {"authorization": "Bearer " + self.node.cluster.token()}
        try:
            self.connection.request(method, self.node.path(key, self.tenant), json.dumps(body) if body else None, headers)
            answer = self.connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        except BaseException:
            self.close()
            raise

    def put(self, key, value, cas=None):
        """(version, None) or (None, is it sure that nothing happened?)"""
        body = {"value": value}
        if cas is not None:
            body["cas"] = cas
        status, answer = self.call("PUT", key, body)
        if status == 200:
            return answer["version"], None
        return None, status in (400, 404, 409, 412, 429)

    def get(self, key):
        status, answer = self.call("GET", key)
        if status == 200:
            return answer["version"], answer["value"]
        if status == 404:
            return 0, None
        raise OSError(f"{status} {answer}")

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class GrpcDoor:
    name = "grpc"

    def __init__(self, node, tenant):
        self.node, self.tenant = node, tenant
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 500),
                   ("grpc.initial_reconnect_backoff_ms", 100)]
        self.channel = grpc.insecure_channel(node.grpc_address, options=options)
        self.api = native_services.SecretsStub(self.channel)
        self.auth = [("authorization", "Bearer " + node.cluster.token())]

    def put(self, key, value, cas=None):
        request = native.PutRequest(tenant=self.tenant, space="kv", name=key, value=value)
        if cas is not None:
            request.cas = cas
        try:
            return self.api.Put(request, metadata=self.auth, timeout=12).version, None
        except grpc.RpcError as error:
            return None, error.code() in SURELY_NOT

    def get(self, key):
        try:
            secret = self.api.Get(native.GetRequest(tenant=self.tenant, space="kv", name=key), metadata=self.auth, timeout=12)
            return secret.version, secret.value
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.NOT_FOUND:
                return 0, None
            raise OSError(str(error.code())) from None

    def close(self):
        self.channel.close()


class Load:
    """Starts clients; stop() ends them. `recorder.operations` is the history."""

    numbers = itertools.count(1)

    def __init__(self, cluster, tenants=TENANTS, keys=3, clients=6, seed=1, pause=0.0):
        self.recorder = Recorder()
        self.cluster, self.tenants, self.keys, self.pause = cluster, tenants, keys, pause
        self.stopping = threading.Event()
        self.acknowledged = []             # (time, client) of writes, for gaps
        self.threads = [threading.Thread(target=self.run, args=(i, random.Random(seed * 1000 + i)), daemon=True)
                        for i in range(clients)]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)
            if thread.is_alive():
                raise AssertionError("a client hangs: a call was never answered")
        return self

    def run(self, number, rng):
        doors = {}
        while not self.stopping.is_set():
            node = rng.choice(self.cluster.nodes)
            tenant = rng.choice(self.tenants)
            kind = (RestDoor, GrpcDoor)[number % 2]
            door = doors.get((node.number, tenant))
            if door is None:
                door = doors[node.number, tenant] = kind(node, tenant)
            key = f"key-{rng.randrange(self.keys)}"
            self.once(f"c{number}", door, tenant, key, rng)
            if self.pause:
                time.sleep(self.pause * rng.random())
        for door in doors.values():
            door.close()

    def once(self, client, door, tenant, key, rng):
        name = f"{tenant}/{key}"
        if rng.random() < 0.5:
            operation = self.recorder.begin(client, "get", name, door=door.name)
            try:
                version, value = door.get(key)
                self.recorder.took_effect(operation, version, value)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.recorder.refused(operation, str(error))
                time.sleep(0.05)
            return
        cas = None
        if rng.random() < 0.3:
            known = [o.version for o in reversed(self.recorder.operations[-50:]) if o.key == name and o.ok]
            cas = known[0] if known else None
        value = f"{client}-{next(self.numbers)}"
        operation = self.recorder.begin(client, "put", name, value, cas, door.name)
        try:
            version, surely_not = door.put(key, value, cas)
        except (OSError, http.client.HTTPException, ValueError) as error:
            version, surely_not = None, False
            operation.error = str(error)
        if version is not None:
            self.recorder.took_effect(operation, version)
            self.acknowledged.append((operation.end, name))
        elif surely_not:
            self.recorder.refused(operation, "refused")
        else:
            self.recorder.unknown(operation, operation.error or "unavailable")
            time.sleep(0.05)

    def final(self):
        """key -> version, read after everything else through any node that answers."""
        versions = {}
        for name in sorted({o.key for o in self.recorder.operations}):
            tenant, key = name.split("/", 1)
            versions[name] = self.read_once(tenant, key)
        return versions

    def read_once(self, tenant, key):
        for attempt in range(100):
            for node in self.cluster.alive():
                door = RestDoor(node, tenant)
                try:
                    return door.get(key)[0]
                except (OSError, http.client.HTTPException, ValueError):
                    pass
                finally:
                    door.close()
            time.sleep(0.1)
        raise AssertionError(f"nobody answers for {tenant}/{key}")

    def counts(self):
        operations = self.recorder.operations
        return {"operations": len(operations), "acknowledged writes": len(self.acknowledged),
                "reads": sum(o.kind == "get" and o.ok for o in operations),
                "unknown": sum(o.kind == "put" and o.end == float("inf") for o in operations)}
