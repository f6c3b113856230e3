"""Several `coffer server` processes that are one cluster, for the process-level tests and for `./dev cluster`.

The first node makes the cluster; every other one joins it with a token. All run in --dev (no TLS towards clients) with
the first node's seal key; between each other they speak mutual TLS as always. Nodes listen on 127.0.0.1, or, with
`network` (namespaces.py), each in a network namespace of its own.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "api"))
import harness  # noqa: E402

TENANTS = ("acme", "globex", "initech")         # load.py's; each is a store of the Dapr door, too
STORES = "".join(f'[[dapr.store]]\nname = "{tenant}"\ntenant = "{tenant}"\nspace = "kv"\n' for tenant in TENANTS)
PATIENCE = float(os.environ.get("COFFER_PATIENCE", "90"))     # nothing waits so long unless it is broken


def wait_for(condition, what, seconds=PATIENCE):
    """The condition's first true value; an AssertionError with `what` when it does not come."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s: {what() if callable(what) else what}")
        time.sleep(0.05)


class Node(harness.Server):
    """One process of a cluster. `number` is the harness's; the cluster's id of the node is known once it has joined."""

    def __init__(self, cluster, number, config=None):
        super().__init__(data=cluster.folder / f"node-{number}", config=config)
        self.cluster, self.number, self.id = cluster, number, None
        host = cluster.network.address(number) if cluster.network else "127.0.0.1"
        self.prefix = cluster.network.prefix(number) if cluster.network else []
        ports = set()
        while len(ports) < 4:
            ports.add(harness.free_port())
        self.http_address, self.grpc_address, self.admin_address, self.peer_address = (
            f"{host}:{port}" for port in ports)
        self.joining = None

    def command(self):
        command = super().command() + ["--peer", self.peer_address]
        if self.cluster.network:
            command.append("--insecure")        # its addresses are not loopback, and nobody else reaches them
        if self.number != 1:
            command += ["--seal-key", str(self.cluster.seal_key)]
        if self.joining:
            command += ["--join", self.joining[0], "--token-file", str(self.joining[1])]
        return command

    def token(self):
        return self.cluster.token()

    def cli(self, *arguments, token_file=None, **more):
        """As an operator who has the first node's token."""
        insecure = ("--insecure",) if self.cluster.network else ()
        return super().cli(*arguments, *insecure, token_file=token_file or self.cluster.token_file, **more)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop_process(self):
        self.process.send_signal(signal.SIGSTOP)

    def continue_process(self):
        self.process.send_signal(signal.SIGCONT)

    def ready(self):
        try:
            return self.request("GET", "/readyz", token=None, timeout=2).status == 200
        except OSError:
            return False

    def cluster_status(self):
        """`coffer admin cluster status` as this node answers it; None while it cannot."""
        done = self.cli("admin", "cluster", "status", "--timeout", "3s", "--output", "json", timeout=20,
                        token_file=self.cluster.token_file)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def admin_cluster(self, *arguments):
        done = self.cli("admin", "cluster", *arguments, token_file=self.cluster.token_file)
        if done.returncode != 0:
            raise AssertionError(f"coffer admin cluster {arguments}: {done.returncode} {done.stderr.decode()}")
        return done.stdout.decode()


class Cluster:
    """`with Cluster(3) as cluster:` gives three nodes that take calls and replicate every group."""

    def __init__(self, size=3, data_groups=4, network=None, folder=None, settings="", replicas=3):
        self.owned = folder is None
        self.folder = Path(folder or tempfile.mkdtemp(prefix="coffer-cluster-"))
        self.network = network
        self.size, self.replicas = size, replicas
        self.config = f"[cluster]\ndata_groups = {data_groups}\nreplicas = {replicas}\n{settings}\n{STORES}"
        self.nodes, self.made = [], 0

    @property
    def seal_key(self):
        return self.folder / "node-1/dev/seal.key"

    @property
    def token_file(self):
        return self.folder / "node-1/dev/root.token"

    def token(self):
        return self.token_file.read_text().strip()

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.show_logs()
            self.close()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.show_logs()
        self.close()

    def start(self):
        first = Node(self, 1, self.config)
        self.make_data(first)
        self.nodes.append(first)
        first.start()
        first.id = 1
        while len(self.nodes) < self.size:
            self.add()
        self.wait_replicated()

    def make_data(self, node):
        node.data.mkdir(mode=0o700, exist_ok=True)
        self.made = node.number

    def add(self):
        """One more node, joined and ready."""
        node = Node(self, self.made + 1, self.config)
        self.make_data(node)
        helper = next(n for n in self.nodes if n.alive())
        token = self.folder / f"join-{node.number}.token"
        token.write_text(helper.admin_cluster("join-token"))
        node.joining = (helper.peer_address, token)
        self.nodes.append(node)
        before = {n["id"] for n in wait_for(helper.cluster_status, "the cluster's status")["nodes"]}
        node.start()
        status = wait_for(helper.cluster_status, "the cluster's status")
        (node.id,) = {n["id"] for n in status["nodes"]} - before
        return node

    def alive(self):
        return [node for node in self.nodes if node.alive()]

    def status(self):
        """The cluster as any living node sees it, or None."""
        for node in self.alive():
            status = node.cluster_status()
            if status:
                return status
        return None

    def wait_replicated(self, seconds=PATIENCE, voters=None):
        """Every group has a leader and as many voters as there should be, and none on a node that is gone for good: as
        long as it counts as one, a majority is more than half of the others."""
        most = min(self.replicas, len(self.alive()))
        wanted = voters or (most if most < 4 else most - (most + 1) % 2)      # an odd number, but for two
        known = {node.id for node in self.nodes}

        def whole():
            status = self.status()
            if not status or len(status["groups"]) != status["data_groups"] + 1:
                return None
            for group in status["groups"]:
                names = [r["node"] for r in group.get("replicas", []) if r["role"] == "voter"]
                if not group.get("leader") or len(names) < wanted or not known.issuperset(map(int, names)):
                    return None
            return status
        return wait_for(whole, lambda: f"every group has {wanted} voters: {json.dumps(self.status())}", seconds)

    def homes(self):
        """{data group: its nodes} once every one has its voters and nothing is planned."""
        status = self.status()
        if not status or status.get("plan"):
            return None
        homes = {g["id"]: {r["node"] for r in g.get("replicas", []) if r["role"] == "voter"} for g in status["groups"] if g["id"] != 0}
        return homes if len(homes) == status["data_groups"] and all(len(nodes) == self.replicas for nodes in homes.values()) else None

    def leader_of(self, group=0):
        """The node that leads the group, or None."""
        status = self.status()
        leader = next((g.get("leader") for g in (status or {}).get("groups", []) if g["id"] == group), None)
        return next((n for n in self.nodes if n.id == leader), None)

    def wait_ready(self, nodes=None):
        for node in nodes or self.alive():
            wait_for(node.ready, lambda n=node: f"node {n.number} is ready:\n{n.log()[-3000:]}")

    def show_logs(self):
        for node in self.nodes:
            print(f"--- node {node.number} ({'alive' if node.alive() else 'dead'})\n{node.log()[-3000:]}", file=sys.stderr)

    def close(self):
        for node in self.nodes:
            if node.alive():
                node.continue_process()
                node.process.terminate()
        for node in self.nodes:
            if node.process:
                try:
                    node.process.wait(30)
                except subprocess.TimeoutExpired:
                    node.kill()
            node.close()
        if self.network:
            self.network.close()
        if self.owned:
            shutil.rmtree(self.folder, ignore_errors=True)
