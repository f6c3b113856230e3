"""The cases of `./dev bench`: Coffer's calls and their yardsticks, all driven by h2load with one prepared request.

Session starts every server once; Case.run wakes one of them, loads it for some seconds and puts it to sleep again."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import grpc

from admin_client import Admin
from harness import Server, free_port

CONNECTIONS = 64
VALUE = "v" * 256
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Slice:
    rate: float     # requests per second
    cpu_us: float   # of the server per request


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def message(number, payload):
    """A length-delimited protobuf field."""
    if isinstance(payload, str):
        payload = payload.encode()
    length, out = len(payload), bytes([number << 3 | 2])
    while length > 127:
        out += bytes([length & 127 | 128])
        length >>= 7
    return out + bytes([length]) + payload


def framed(body):
    """gRPC's prefix: not compressed, length."""
    return b"\0" + len(body).to_bytes(4, "big") + body


class Case:
    """One way to load one server: `arguments` go to h2load, `check` proves after each slice that the answers were real."""

    def __init__(self, name, process, arguments, pinned, check=None):
        self.name, self.process, self.arguments, self.pinned, self.check = name, process, arguments, pinned, check

    def run(self, seconds):
        self.process.send_signal(signal.SIGCONT)
        prefix = ["taskset", "-c", "1"] if self.pinned else []
        before = self.check() if self.check else 0
        cpu = cpu_seconds(self.process.pid)
        done = subprocess.run([*prefix, "h2load", "-c", str(CONNECTIONS), "-m", "1", "-t", "1", "-D", str(max(1, round(seconds))), *self.arguments],
                              capture_output=True, text=True, timeout=120)
        cpu = cpu_seconds(self.process.pid) - cpu
        match = re.search(r"requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed", done.stdout)
        elapsed = re.search(r"finished in ([\d.]+)(ms|s)", done.stdout)
        if not match or not elapsed or int(match[5]) or not int(match[4]):
            raise RuntimeError(f"{self.name}: h2load failed:\n{done.stdout[-1500:]}{done.stderr[-500:]}")
        count, time_s = int(match[4]), float(elapsed[1]) / (1000 if elapsed[2] == "ms" else 1)
        if self.check and self.check() - before < count * 0.99:
            raise RuntimeError(f"{self.name}: {count} answers, but only {self.check() - before} took effect")
        self.process.send_signal(signal.SIGSTOP)
        return Slice(count / time_s, cpu / count * 1e6)


class DiskCase:
    """The disk's own rate: append 300 bytes, fdatasync, again."""

    name = "disk: one fdatasync each"

    def __init__(self, folder):
        self.path = Path(folder) / "fsync"

    def run(self, seconds):
        count, cpu = 0, time.process_time()
        descriptor = os.open(self.path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            os.write(descriptor, b"x" * 300)
            os.fdatasync(descriptor)
            count += 1
        os.close(descriptor)
        return Slice(count / seconds, (time.process_time() - cpu) / count * 1e6)


class Session:
    """All servers of a run, in one folder on the disk of the build tree (a tmpfs would make every fsync free)."""

    def __init__(self, build, etcd, only, pinned):
        self.build, self.etcd, self.only, self.pinned = Path(build), Path(etcd).resolve(), only, pinned
        self.folder = Path(tempfile.mkdtemp(prefix="bench-", dir=self.build))
        self.processes, self.cases, self.server, self.unaudited = [], [], None, None
        # From the start, so that each server counts one CPU and makes threads for one.
        self.prefix = ["taskset", "-c", "0"] if pinned else []

    def __enter__(self):
        try:
            self.start_coffer()
            if "get" in self.only:
                self.start_bare("bare grpc++ echo", "bare_grpc_shared", self.server.grpc_address)
                self.start_bare("bare grpc++ echo, static", "bare_grpc", self.server.grpc_address)
            if "http" in self.only:
                self.start_bare("bare Beast answer", "bare_http", self.server.http_address)
            if "audit" in self.only:
                self.start_unaudited()
            if "put" in self.only:
                self.start_etcd()
                self.cases.append(DiskCase(self.folder))
            # Yardstick and own case next to each other in a round see the same neighbours.
            order = ["coffer gRPC Get", "coffer gRPC Get, audit off", "bare grpc++ echo", "bare grpc++ echo, static", "coffer gRPC Get, token",
                     "coffer gRPC Get, token and filler", "coffer gRPC Get, JWT", "coffer HTTP Get", "bare Beast answer", "coffer gRPC Put", "etcd Put",
                     "disk: one fdatasync each"]
            self.cases.sort(key=lambda c: order.index(c.name))
            for process in self.processes:
                process.send_signal(signal.SIGSTOP)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
        for server in (self.server, self.unaudited):
            if server:
                server.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def spawn(self, command):
        log = open(self.folder / "log", "ab")
        process = subprocess.Popen([*self.prefix, *map(str, command)], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    def wait_port(self, process, port):
        import socket
        for _ in range(300):
            if process.poll() is not None:
                raise RuntimeError(f"a server ended: {(self.folder / 'log').read_text(errors='replace')[-2000:]}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("a server does not listen")

    def grpc_arguments(self, path, body, token=None, headers=()):
        """What h2load needs for a prepared gRPC call; the address is put behind it by the caller."""
        name = self.folder / ("body" + path.replace("/", "_"))
        name.write_bytes(body)
        arguments = ["-d", str(name), "-H", "content-type: application/grpc", "-H", "te: trailers"]
        for header in ([f"authorization: Bearer {token}"] if token else []) + list(headers):
            arguments += ["-H", header]
        return arguments + [path]

    @staticmethod
    def at(address, arguments):
        return [*arguments[:-1], f"http://{address}{arguments[-1]}"]

    def start_coffer(self):
        self.server = Server(data=self.folder / "coffer", prefix=self.prefix).start()
        self.processes.append(self.server.process)
        self.server.put("bench/get", VALUE)
        self.server.put("bench/put", VALUE)
        token = self.server.token()
        where = message(1, "default") + message(2, "kv")
        if {"get", "audit"} & self.only:
            body = framed(where + message(3, "bench/get"))
            self.add("coffer gRPC Get", self.at(self.server.grpc_address, self.grpc_arguments("/coffer.v1.Secrets/Get", body, token)))
        if "jwt" in self.only:
            # The same Get with the same rights; what differs is how the caller shows who it is. nghttp2 sends authorization
            # and if-none-match in full with each request (RFC 7541 section 7.1.3), so the server decodes as many letters of
            # each: a long header costs gRPC's decoder more than Coffer's cache, and is not what this asks.
            with Admin(self.server) as admin:
                ours = admin.create_token("default").secret
            jwt = self.server.cli("dev-token", "--data", self.server.data, "--tenant", "default", "--user", "bench").stdout.decode().strip()
            body = framed(where + message(3, "bench/get"))
            filler = f"if-none-match: {jwt[:len(jwt) - len(ours)]}"
            for name, credential, headers in (("coffer gRPC Get, token", ours, ()), ("coffer gRPC Get, token and filler", ours, (filler,)),
                                              ("coffer gRPC Get, JWT", jwt, ())):
                self.add(name, self.at(self.server.grpc_address, self.grpc_arguments("/coffer.v1.Secrets/Get", body, credential, headers)))
        if "http" in self.only:
            self.add("coffer HTTP Get", ["--h1", "-H", f"authorization: Bearer {token}",
                                         f"http://{self.server.http_address}{self.server.path('bench/get')}"])
        if "put" in self.only:
            body = framed(where + message(3, "bench/put") + message(5, VALUE))
            self.add("coffer gRPC Put", self.at(self.server.grpc_address, self.grpc_arguments("/coffer.v1.Secrets/Put", body, token)),
                     lambda: self.server.get("bench/put").json["version"])

    def start_unaudited(self):
        """The same server without an audit trail: what the trail costs a read."""
        self.unaudited = Server(data=self.folder / "unaudited", prefix=self.prefix, config="[audit]\nenabled = false\n").start()
        self.processes.append(self.unaudited.process)
        self.unaudited.put("bench/get", VALUE)
        body = framed(message(1, "default") + message(2, "kv") + message(3, "bench/get"))
        arguments = self.at(self.unaudited.grpc_address, self.grpc_arguments("/coffer.v1.Secrets/Get", body, self.unaudited.token()))
        self.cases.append(Case("coffer gRPC Get, audit off", self.unaudited.process, arguments, self.pinned))

    def add(self, name, arguments, check=None):
        self.cases.append(Case(name, self.server.process, arguments, self.pinned, check))

    def start_bare(self, name, program, served_address):
        """A yardstick gets the very request that the case before it, Coffer's, is given."""
        binary = next((p for p in self.build.rglob(program) if p.is_file() and os.access(p, os.X_OK)), None)
        if not binary:
            raise RuntimeError(f"{program} is not built under {self.build}")
        port = free_port()
        process = self.spawn([binary, f"127.0.0.1:{port}"])
        self.wait_port(process, port)
        ours = next(c for c in self.cases if f"http://{served_address}/" in c.arguments[-1])
        arguments = [*ours.arguments[:-1], ours.arguments[-1].replace(served_address, f"127.0.0.1:{port}")]
        self.cases.append(Case(name, process, arguments, self.pinned))

    def start_etcd(self):
        port, peer = free_port(), free_port()
        process = self.spawn([self.etcd, "--data-dir", self.folder / "etcd", "--listen-client-urls", f"http://127.0.0.1:{port}",
                              "--advertise-client-urls", f"http://127.0.0.1:{port}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                              "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}", "--initial-cluster", f"default=http://127.0.0.1:{peer}"])
        self.wait_port(process, port)
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        put = channel.unary_unary("/etcdserverpb.KV/Put")
        body = message(1, "bench/put") + message(2, VALUE)
        for attempt in range(50):
            try:
                put(body, timeout=5)
                break
            except grpc.RpcError:
                time.sleep(0.2)

        def revision():
            """PutResponse.header (1) holds cluster (1), member (2) and revision (3), all varints."""
            header, at, fields = put(body, timeout=10), 2, {}
            while at < 2 + header[1]:
                number, value, shift = header[at] >> 3, 0, 0
                while True:
                    at += 1
                    value |= (header[at] & 127) << shift
                    shift += 7
                    if header[at] < 128:
                        break
                fields[number], at = value, at + 1
            return fields[3]

        self.cases.append(Case("etcd Put", process, self.at(f"127.0.0.1:{port}", self.grpc_arguments("/etcdserverpb.KV/Put", framed(body))),
                               self.pinned, revision))
