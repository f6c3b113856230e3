"""Clients that keep their connections and reconnect when a server says goodbye (`Connection: close`, a kept connection that
ends before an answer, GOAWAY), as HTTP and gRPC libraries do. A restart of a node that drains must cost them nothing: every
operation that is not answered as it should be is a failure of the cluster."""

import http.client
import json

import grpc

from load import ABORTED, GrpcDoor, Load, RestDoor, native, native_services

NEVER_ANSWERED = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class SteadyRest(RestDoor):
    """One kept connection; the next node when it is closed. A request that was not answered at all goes out again with its
    request id."""

    def __init__(self, cluster, tenant, at):
        super().__init__(cluster.nodes[at % len(cluster.nodes)], tenant)
        self.nodes, self.at, self.reconnects = cluster.nodes, at, 0

    def move_on(self):
        self.close()
        self.reconnects += 1
        self.at += 1
        self.node = self.nodes[self.at % len(self.nodes)]

    def connect(self):
        for _ in range(2 * len(self.nodes)):
            host, port = self.node.http_address.rsplit(":", 1)
            self.connection = http.client.HTTPConnection(host, int(port), timeout=30)
            try:
                return self.connection.connect()
            except ConnectionRefusedError:
                self.move_on()
        raise OSError("no node listens")

    def call(self, method, path, body=None):
        headers = {"authorization": "Bearer " + self.node.cluster.token()}
        for _ in range(2 * len(self.nodes)):
            if self.connection is None:
                self.connect()
            try:
                self.connection.request(method, path, json.dumps(body) if body else None, headers)
                answer = self.connection.getresponse()
            except NEVER_ANSWERED:
                self.move_on()
                continue
            content = json.loads(answer.read() or b"{}")
            if answer.will_close:
                self.move_on()
            return answer.status, content
        raise OSError("every node closed its connection")


class SteadyGrpc(GrpcDoor):
    """One channel to all nodes; the library reconnects on GOAWAY by itself."""

    def __init__(self, cluster, tenant, at):
        super().__init__(cluster.nodes[0], tenant)
        self.channel.close()
        addresses = [node.grpc_address for node in cluster.nodes]
        addresses = addresses[at % len(addresses):] + addresses[:at % len(addresses)]
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 100),
                   ("grpc.max_reconnect_backoff_ms", 500),
                   ("grpc.lb_policy_name", ("round_robin", "pick_first")[at % 2])]
        self.channel = grpc.insecure_channel("ipv4:" + ",".join(addresses), options=options)
        self.api = native_services.SecretsStub(self.channel)

    def put(self, key, value, cas=None, request_id=""):
        request = native.PutRequest(tenant=self.tenant, space="kv", name=key, value=value, request_id=request_id)
        if cas is not None:
            request.cas = cas
        try:
            return self.api.Put(request, metadata=self.auth, timeout=30).version, None
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.ABORTED:
                return None, ABORTED
            raise OSError(f"{error.code()} {error.details()}") from None


class SteadyLoad(Load):
    """Each client keeps one door for each tenant."""

    def run(self, number, rng):
        kind = (SteadyRest, SteadyGrpc)[number % 2]
        doors = {tenant: kind(self.cluster, tenant, number // 2) for tenant in self.tenants}
        while not self.stopping.is_set():
            tenant = rng.choice(self.tenants)
            self.once(f"c{number}", doors[tenant], tenant, f"key-{rng.randrange(self.keys)}", rng)
        for door in doors.values():
            door.close()

    def put(self, operation, door, key, rng, tries=1):
        """Once: what must be asked twice is a failure."""
        super().put(operation, door, key, rng, tries)

    def failures(self):
        """What was not answered as it should be, so far; that a CAS meets another version is an answer."""
        return [(o.kind, o.key, o.door, o.error) for o in self.recorder.operations
                if o.error and not (o.cas is not None and o.error == ABORTED)]
