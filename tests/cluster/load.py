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
from cluster import TENANTS
from history import Recorder

native, native_services = stubs.native()

# What a door answers when nothing was changed. UNAVAILABLE is "not applied; retry" in Coffer's catalogue: over REST that is
# taken at its word; gRPC's library says the same of a broken connection, so there it counts as unknown.
ABORTED = "cas"                        # the word for a put that was refused because it compared
SURELY_NOT = {grpc.StatusCode.ABORTED, grpc.StatusCode.ALREADY_EXISTS, grpc.StatusCode.RESOURCE_EXHAUSTED,
              grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT}


class RestDoor:
    name = "rest"

    def __init__(self, node, tenant):
        self.node, self.tenant = node, tenant
        self.connection = None

    def call(self, method, path, body=None):
        if self.connection is None:
            host, port = self.node.http_address.rsplit(":", 1)
            self.connection = http.client.HTTPConnection(host, int(port), timeout=12)
        headers = {"authorization": "Bearer " + self.node.cluster.token()}
        try:
            self.connection.request(method, path, json.dumps(body) if body else None, headers)
            answer = self.connection.getresponse()
            return answer.status, json.loads(answer.read() or b"{}")
        except BaseException:
            self.close()
            raise

    def put(self, key, value, cas=None, request_id=""):
        """(version, None) or (None, why it is sure that nothing happened, or nothing)"""
        body = {"value": value, "request_id": request_id}
        if cas is not None:
            body["cas"] = cas
        status, answer = self.call("PUT", self.node.path(key, self.tenant), body)
        if status == 200:
            return answer["version"], None
        code = answer.get("error", {}).get("code", "")
        if status in (409, 412):
            return None, ABORTED if code == "ABORTED" else code
        return None, code if status in (400, 404, 429) or code == "UNAVAILABLE" else ""

    def get(self, key):
        status, answer = self.call("GET", self.node.path(key, self.tenant))
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

    def put(self, key, value, cas=None, request_id=""):
        request = native.PutRequest(tenant=self.tenant, space="kv", name=key, value=value, request_id=request_id)
        if cas is not None:
            request.cas = cas
        try:
            return self.api.Put(request, metadata=self.auth, timeout=12).version, None
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.ABORTED:
                return None, ABORTED
            return None, str(error.code()) if error.code() in SURELY_NOT else ""

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


class DaprDoor(RestDoor):
    """Reads by Dapr's API, which tells no version: the history finds it by the value."""

    name = "dapr"

    def get(self, key):
        status, answer = self.call("GET", f"/v1.0/secrets/{self.tenant}/{key}")
        if status == 200:
            return None, answer[key]
        if status == 204:
            return 0, None
        raise OSError(f"{status} {answer}")


class Load:
    """Starts clients; stop() ends them. `recorder.operations` is the history."""

    numbers = itertools.count(1)

    def __init__(self, cluster, tenants=TENANTS, keys=3, clients=6, seed=1, pause=0.0):
        self.recorder = Recorder()
        self.cluster, self.tenants, self.keys, self.pause = cluster, tenants, keys, pause
        self.stopping = threading.Event()
        self.acknowledged = []             # (time, client) of writes, for gaps
        self.resolved = 0                  # writes whose outcome a second attempt told
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
            kind = (RestDoor, GrpcDoor, DaprDoor)[number % 3]
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
        if isinstance(door, DaprDoor) or rng.random() < 0.5:
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
        self.put(operation, door, key, rng)

    def put(self, operation, door, key, rng, tries=3):
        """Asks again with the same request id when nobody knows what became of it: the answer must be the first one's.

        Once in doubt a refusal says nothing: an earlier attempt may still be under way.
        """
        tenant = operation.key.split("/")[0]
        for attempt in range(tries):
            try:
                version, surely_not = door.put(key, operation.value, operation.cas, operation.value)
            except (OSError, http.client.HTTPException, ValueError) as error:
                version, surely_not = None, ""
                self.recorder.unknown(operation, str(error))
            if version is not None:
                self.recorder.took_effect(operation, version)
                self.acknowledged.append((operation.end, operation.key))
                self.resolved += attempt > 0
                break
            if surely_not and attempt == 0:
                self.recorder.refused(operation, surely_not)
                break
            self.recorder.unknown(operation, operation.error or "unavailable")
            time.sleep(0.05)
            if attempt:
                door.close()
            door = RestDoor(rng.choice(self.cluster.alive() or self.cluster.nodes), tenant)
        else:
            door.close()

    def final(self):
        """key -> version, read after everything else at every node, which the history holds, too."""
        versions = {}
        for name in sorted({o.key for o in self.recorder.operations}):
            versions[name] = max(self.read_once(node, name) for node in self.cluster.alive())
        return versions

    def read_once(self, node, name, patience=30):
        tenant, key = name.split("/", 1)
        end, why = time.monotonic() + patience, None
        while time.monotonic() < end:
            door = RestDoor(node, tenant)
            operation = self.recorder.begin("final", "get", name, door=door.name)
            try:
                version, value = door.get(key)
                self.recorder.took_effect(operation, version, value)
                return version
            except (OSError, http.client.HTTPException, ValueError) as error:
                why = error
                self.recorder.refused(operation, str(error))
            finally:
                door.close()
            time.sleep(0.1)
        raise AssertionError(f"node {node.number} does not answer for {name}: {why}")

    def write_everywhere(self, patience=30):
        """One more write of every tenant at every node, as part of the history: each must be done in time."""
        for node in self.cluster.alive():
            for tenant in self.tenants:
                end = time.monotonic() + patience
                operation = None
                while operation is None or not operation.ok:
                    if time.monotonic() > end:
                        raise AssertionError(f"node {node.number} takes no write of {tenant}: {operation.error}")
                    operation = self.recorder.begin("last", "put", f"{tenant}/key-0", f"last-{next(self.numbers)}", door="rest")
                    door = RestDoor(node, tenant)
                    self.put(operation, door, "key-0", random.Random(0), tries=1)
                    door.close()

    def counts(self):
        operations = self.recorder.operations
        return {"operations": len(operations), "acknowledged writes": len(self.acknowledged),
                "writes told by a retry": self.resolved,
                "reads": sum(o.kind == "get" and o.ok for o in operations),
                "reads by dapr": sum(o.kind == "get" and o.ok and o.door == DaprDoor.name for o in operations),
                "unknown": sum(o.kind == "put" and o.end == float("inf") for o in operations)}
