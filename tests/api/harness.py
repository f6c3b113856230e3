"""A Coffer process and clients of its doors, for the black-box tests. Standard library only; gRPC is in stubs.py.

Every test file is started by ctest with COFFER_BIN, starts its own servers on free ports with data of its own, and ends
them by their own process id. Nothing here waits for a fixed time: it waits for an observation, with a bound.
"""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BINARY = os.environ.get("COFFER_BIN", str(ROOT / "build/release/coffer"))
START_SECONDS = 60


given_ports = set()


def free_port():
    """A port on which nobody listens, never the same one twice, and below those that the kernel gives to whoever connects."""
    while True:
        port = random.randrange(10_240, 32_000)
        if port in given_ports:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        given_ports.add(port)
        return port


def quote(text):
    """Percent-encodes everything that is not unreserved, also '/' and ':'."""
    return urllib.parse.quote(text, safe="")


class Answer:
    """An HTTP answer, read whole."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Server:
    """`coffer server --dev` as a process. start() returns when /readyz answers 200."""

    def __init__(self, data=None, arguments=(), environment=None, config=None, prefix=()):
        self.owned = data is None
        self.data = Path(data or tempfile.mkdtemp(prefix="coffer-test-"))
        self.arguments = list(arguments)
        self.prefix = list(prefix)      # a program that starts the server by exec: taskset, ...
        self.environment = environment or {}
        self.process = None
        self.http_address = self.grpc_address = self.admin_address = None
        self.log_path = Path(tempfile.mkstemp(prefix="coffer-log-")[1])
        self.config_path = None
        if config is not None:
            self.config_path = Path(tempfile.mkstemp(prefix="coffer-", suffix=".toml")[1])
            self.config_path.write_text(config)

    def command(self):
        command = [*self.prefix, BINARY, "server", "--dev", "--data", str(self.data), "--http", self.http_address,
                   "--grpc", self.grpc_address, "--admin", self.admin_address]
        if self.config_path:
            command += ["--config", str(self.config_path)]
        return command + self.arguments

    def spawn(self):
        """Starts the process and does not wait for it."""
        if self.http_address is None:
            ports = set()
            while len(ports) < 3:
                ports.add(free_port())
            self.http_address, self.grpc_address, self.admin_address = (f"127.0.0.1:{port}" for port in ports)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                                            env={**os.environ, **self.environment})
        return self

    def start(self):
        for attempt in range(3):
            self.spawn()
            try:
                if self.wait_ready():
                    return self
            except BaseException:
                self.kill()
                raise
            # Another process may have taken a port between choosing and binding it.
            if "in use" not in self.log() or attempt == 2:
                break
            self.http_address = None
        self.process.kill()
        self.process.wait()
        raise RuntimeError(f"the server did not become ready:\n{self.log()[-4000:]}")

    def wait_ready(self, seconds=START_SECONDS):
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if self.request("GET", "/readyz", token=None).status == 200:
                    self.check_listeners()
                    return True
            except OSError:
                pass
            time.sleep(0.02)
        return False

    def check_listeners(self):
        """Ready means: every listener takes calls."""
        for name, address in (("gRPC", self.grpc_address), ("admin", self.admin_address)):
            host, port = address.rsplit(":", 1)
            try:
                socket.create_connection((host, int(port)), timeout=10).close()
            except ConnectionRefusedError:
                raise AssertionError(f"/readyz answers 200 while the {name} listener does not listen yet") from None

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def token(self):
        return (self.data / "dev/root.token").read_text().strip()

    def terminate(self):
        """SIGTERM, then the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        """Ends the process and removes what the harness made."""
        if self.process and self.process.poll() is None:
            try:
                self.terminate()
            except subprocess.TimeoutExpired:
                self.kill()
        if self.owned:
            shutil.rmtree(self.data, ignore_errors=True)
        for path in (self.log_path, self.config_path):
            if path:
                path.unlink(missing_ok=True)

    # ---- the command ----

    def cli(self, *arguments, input=None, token_file=None, environment=None, timeout=60):
        """Runs `coffer ARGUMENTS` as a person does whose environment names this server."""
        settings = self.cli_environment(token_file)
        return run(*arguments, input=input, environment={**settings, **(environment or {})}, timeout=timeout)

    def cli_environment(self, token_file=None):
        return {"COFFER_ADDR": self.grpc_address, "COFFER_ADMIN_ADDR": self.admin_address,
                "COFFER_TOKEN_FILE": str(token_file or self.data / "dev/root.token")}

    def admin(self, *arguments):
        """`coffer admin ... --output json`, its answer parsed; an error is the test's failure."""
        done = self.cli("admin", *arguments, "--output", "json")
        if done.returncode != 0:
            raise AssertionError(f"coffer admin {arguments}: {done.returncode} {done.stderr.decode()}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    # ---- HTTP ----

    def connect(self, timeout=30):
        host, port = self.http_address.rsplit(":", 1)
        return http.client.HTTPConnection(host, int(port), timeout=timeout)

    def request(self, method, path, body=None, headers=None, token="root", timeout=30):
        """One request on a connection of its own; the path goes out as it is. `body` may be bytes, str or JSON."""
        headers = dict(headers or {})
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        if token:
            headers.setdefault("authorization", "Bearer " + (self.token() if token == "root" else token))
        connection = self.connect(timeout)
        try:
            connection.request(method, path, body=body, headers=headers)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def raw(self, data, timeout=20):
        """Sends bytes over a socket and reads until the server closes it or the time is over."""
        host, port = self.http_address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=timeout) as s:
            s.sendall(data)
            out = b""
            try:
                while chunk := s.recv(65536):
                    out += chunk
            except (socket.timeout, ConnectionResetError):
                pass
            return out

    # ---- the native API, in short ----

    def path(self, name, tenant="default", space="kv"):
        return f"/v1/tenants/{quote(tenant)}/spaces/{quote(space)}/secrets/{quote(name)}"

    def put(self, name, body, tenant="default", space="kv", **more):
        return self.request("PUT", self.path(name, tenant, space), body if isinstance(body, dict) else {"value": body}, **more)

    def get(self, name, tenant="default", space="kv", query="", **more):
        return self.request("GET", self.path(name, tenant, space) + query, **more)


def run(*arguments, input=None, environment=None, timeout=60):
    """Runs `coffer ARGUMENTS`; input is bytes or str."""
    if isinstance(input, str):
        input = input.encode()
    return subprocess.run([BINARY, *map(str, arguments)], input=input if input is not None else b"",
                          capture_output=True, timeout=timeout, env={**os.environ, **(environment or {})})


class ServerCase(unittest.TestCase):
    """A test class with one server for all its tests; `config` and `arguments` may be set by the class."""

    config = None
    arguments = ()

    @classmethod
    def setUpClass(cls):
        cls.server = Server(arguments=cls.arguments, config=cls.config).start()

    @classmethod
    def tearDownClass(cls):
        alive = cls.server.process.poll() is None
        log = cls.server.log()
        cls.server.close()
        if not alive:
            raise AssertionError(f"the server ended during the tests:\n{log[-4000:]}")

    def assertStatus(self, answer, status, code=None):
        self.assertEqual(answer.status, status, answer)
        if code:
            self.assertEqual(answer.error["code"], code, answer)
            self.assertTrue(answer.error["message"], answer)
        return answer


def skip(reason):
    """Ends the test program as skipped, with a reason that ctest prints."""
    print("skipped:", reason)
    sys.exit(77)
