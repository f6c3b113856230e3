#!/usr/bin/env python3
"""SIGHUP: what may change while the server runs is taken over, the rest is named, and a wrong file changes nothing.
And what the service manager is told meanwhile."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import grpc

import stubs
from harness import Server, free_port, run, skip
from jwt_maker import KeyServer, Signer
from test_tls import TlsServer, make_certificates

pb, services = stubs.native()


class Reload(unittest.TestCase):
    def start(self, config, kind=Server, **more):
        server = kind(config=config, **more)
        self.addCleanup(server.close)
        return server

    def reload(self, server, config, says="reload: done"):
        """Sends SIGHUP and waits for what the log says of it."""
        before = len(server.log())
        server.config_path.write_text(config)
        server.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if says in server.log()[before:]:
                return server.log()[before:]
            time.sleep(0.02)
        raise AssertionError(f"the log does not say {says!r}: {server.log()[before:]}")

    def test_limits_of_new_requests(self):
        server = self.start('[http.limits]\nbody_bytes = "64KiB"\n').start()
        self.assertEqual(server.put("n", "x" * 100_000).status, 413)
        self.reload(server, '[http.limits]\nbody_bytes = "1MiB"\n')
        self.assertEqual(server.put("n", "x" * 100_000).status, 200)

    def test_stores_of_dapr(self):
        store = '[[dapr.store]]\nname = "{}"\ntenant = "default"\nspace = "kv"\n'
        server = self.start(store.format("one")).start()
        server.put("n", "x")
        self.assertEqual(server.request("GET", "/v1.0/secrets/one/n", token=None).status, 200)
        self.reload(server, store.format("two"))
        self.assertEqual(server.request("GET", "/v1.0/secrets/one/n", token=None).status, 400)
        self.assertEqual(server.request("GET", "/v1.0/secrets/two/n", token=None).status, 200)

    def test_an_issuers_withdrawn_key_and_the_dev_issuers_new_one(self):
        folder = Path(tempfile.mkdtemp(prefix="coffer-reload-"))
        self.addCleanup(shutil.rmtree, folder)
        old, young = Signer(folder, "old"), Signer(folder, "young")
        keys = KeyServer([old.jwk()])
        self.addCleanup(keys.close)
        server = self.start("# its defaults\n").start()
        server.put("n", "x", tenant="acme")
        server.admin("issuers", "put", "url", "--tenant", "acme", "--iss", "https://id.example", "--jwks-url", keys.url)
        token = old.token(iss="https://id.example", sub="alice")
        dev = server.cli("dev-token", "--data", server.data, "--tenant", "acme", "--user", "a").stdout.decode().strip()

        def status(token):
            return server.get("n", tenant="acme", token=token).status
        self.assertEqual((status(token), status(dev)), (403, 200))      # known, without a role; and known
        keys.keys = [young.jwk()]
        self.assertEqual(status(token), 403, "keys are kept for minutes")
        (server.data / "dev/jwt.key").write_bytes((folder / "young.pem").read_bytes())
        self.reload(server, "# its defaults\n")
        self.assertEqual((status(token), status(dev)), (401, 401))
        self.assertEqual(status(young.token(iss="https://id.example", sub="alice")), 403)
        fresh = server.cli("dev-token", "--data", server.data, "--tenant", "acme", "--user", "a").stdout.decode().strip()
        self.assertEqual(status(fresh), 200)
        (server.data / "dev/jwt.key").write_bytes(b"no key")
        self.reload(server, "# its defaults\n", says="nothing was changed")
        self.assertEqual(status(fresh), 200)

    def test_level_and_log_of_requests(self):
        server = self.start('[log]\nformat = "json"\n').start()
        trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        server.get("n", headers={"x-request-id": "not-logged"})
        self.reload(server, '[log]\nformat = "json"\nrequests = "failed"\n')
        server.put("n", "x", headers={"x-request-id": "good"})
        server.get("missing", headers={"x-request-id": "failed", "traceparent": trace})
        with grpc.insecure_channel(server.grpc_address) as channel, self.assertRaises(grpc.RpcError):
            services.SecretsStub(channel).Get(pb.GetRequest(tenant="default", space="kv", name="missing"), timeout=10,
                                              metadata=[("authorization", "Bearer " + server.token()), ("x-request-id", "failed-grpc")])
        lines = [json.loads(line) for line in server.log().splitlines()]
        requests = {line["request_id"]: line for line in lines if line["message"] == "request"}
        self.assertEqual(set(requests), {"failed", "failed-grpc"})
        failed = requests["failed"]
        self.assertEqual((failed["door"], failed["method"], failed["status"], failed["trace_id"]), ("native", "Secrets/Get", "NOT_FOUND", trace[3:35]))
        self.assertGreater(failed["ms"], 0)
        self.reload(server, '[log]\nformat = "json"\nrequests = "all"\n')
        server.get("n", headers={"x-request-id": "all"})
        self.assertIn('"request_id":"all"', server.log())

    def test_the_level_of_the_log(self):
        server = self.start('[log]\nlevel = "error"\n').start()
        self.assertNotIn("listens on", server.log())
        self.reload(server, '[log]\nlevel = "info"\n')        # what it waits for is said at this level only

    def test_limits_of_tenants_that_have_none_of_their_own(self):
        server = self.start("# its defaults\n").start()
        for n in range(3):
            self.assertEqual(server.put(f"n{n}", "x", tenant="acme").status, 200)
        said = self.reload(server, "[quotas]\nentries = 4\n")
        self.assertNotIn("quotas", said)
        self.assertEqual(server.put("n3", "x", tenant="acme").status, 200)
        refused = server.put("n4", "x", tenant="acme")
        self.assertEqual(refused.status, 429, refused)
        self.assertEqual(server.put("a", "x", tenant="fresh").status, 200)
        self.reload(server, "# its defaults\n")
        self.assertEqual(server.put("n4", "x", tenant="acme").status, 200)

    def test_limits_of_addresses(self):
        server = self.production()
        for _ in range(8):
            server.get("n", token="cft_wrong")
        self.assertEqual(server.get("n", token="cft_wrong").status, 401, "the default allows a hundred")
        text = server.config_path.read_text()
        said = self.reload(server, text + "[identity]\nfailures_per_second = 1\nfailure_burst = 2\n")
        self.assertNotIn("identity", said)
        self.assertIn(429, [server.get("n", token="cft_wrong").status for _ in range(6)])
        self.reload(server, text)
        self.assertEqual(server.get("n", token="cft_wrong").status, 401)

    def production(self):
        """A server without --dev, where loopback is an address like any other."""
        folder = Path(tempfile.mkdtemp(prefix="coffer-reload-"))
        self.addCleanup(shutil.rmtree, folder)
        server = self.start(f'[seal]\nkey_file = "{folder}/seal.key"\n', data=folder / "d")
        done = run("admin", "init", "--config", server.config_path, "--data", folder / "d", "--operator-token", folder / "token")
        self.assertEqual(done.returncode, 0, done.stderr)
        plain = server.command
        server.command = lambda: ["--insecure" if word == "--dev" else word for word in map(str, plain())]
        return server.start()

    def test_what_needs_a_restart_is_named_and_left(self):
        server = self.start('[shards]\nmax_live = 1000\n').start()
        said = self.reload(server, '[shards]\nmax_live = 2000\n[storage]\ncheckpoint_bytes = "32MiB"\n')
        self.assertIn("shards.max_live was changed; it takes effect at the next start", said)
        self.assertIn("storage.checkpoint_bytes was changed", said)
        self.assertEqual(said.count("takes effect at the next start"), 2, said)
        extra = '[[listener]]\naddress = "127.0.0.1:1"\n[audit]\nkeep = "1d"\n[grpc.limits]\nbody_bytes = "1MiB"\ncalls_in_flight = 9\n'
        said = self.reload(server, "[shards]\nmax_live = 1000\n" + extra)
        named = {line.split("reload: ")[1].split(" was changed")[0] for line in said.splitlines() if "was changed;" in line}
        self.assertEqual(named, {"audit.keep", "grpc.limits.body_bytes", "listener.address", "listener.threads", "listener.protocol",
                                 "listener.cloudforet.profile"})

    def test_a_wrong_file_changes_nothing(self):
        server = self.start('[http.limits]\nbody_bytes = "64KiB"\n').start()
        said = self.reload(server, '[http.limits]\nbody_bytes = "1MiB"\nnonsense = 3\n', says="nothing was changed")
        self.assertIn("nonsense", said)
        self.assertEqual(server.put("n", "x" * 100_000).status, 413)
        self.reload(server, "this is no TOML [", says="nothing was changed")
        self.assertEqual(server.get("n").status, 404)

    def certificates(self):
        folder = Path(tempfile.mkdtemp(prefix="coffer-reload-"))
        self.addCleanup(shutil.rmtree, folder)
        make_certificates(folder)
        return folder

    def serial(self, address, folder):
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        context.check_hostname = False
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection(address.split(":"), timeout=10) as plain, context.wrap_socket(plain) as tls:
            return tls.getpeercert()["serialNumber"]

    def test_certificates_of_all_listeners(self):
        folder = self.certificates()
        extra = [f"127.0.0.1:{free_port()}" for _ in range(2)]
        config = "".join(f'[{l}.tls]\ncertificate = "{folder}/server.pem"\nkey = "{folder}/server.key"\n' for l in ("http", "grpc", "admin"))
        config += "".join(f'[[listener]]\naddress = "{a}"\nprotocol = "{p}"\n[listener.tls]\ncertificate = "{folder}/server.pem"\nkey = "{folder}/server.key"\n'
                          for a, p in zip(extra, ("http", "grpc")))
        server = self.start(config, TlsServer)
        server.folder = folder
        server.start()
        addresses = (server.http_address, server.grpc_address, server.admin_address, *extra)
        old = {self.serial(a, folder) for a in addresses}
        self.assertEqual(len(old), 1)
        # A key that does not match the certificate is refused, and everything stays.
        good = (folder / "server.key").read_bytes()
        (folder / "server.key").write_bytes((folder / "client.key").read_bytes())
        self.reload(server, config, says="keeps its certificates")
        (folder / "server.key").write_bytes(good)
        self.assertEqual({self.serial(a, folder) for a in addresses}, old)
        subprocess.run(["openssl", "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-out", "server.pem",
                        "-extfile", "server.ext"], cwd=folder, check=True, capture_output=True)
        self.reload(server, config)
        self.assertNotEqual({self.serial(server.http_address, folder)}, old)
        end = time.monotonic() + 20  # grpc++ looks at its certificates every second
        while {self.serial(a, folder) for a in addresses} & old and time.monotonic() < end:
            time.sleep(0.1)
        self.assertFalse({self.serial(a, folder) for a in addresses} & old)
        self.assertEqual(server.put("n", "x").status, 200)


class Manager(unittest.TestCase):
    def test_the_service_manager_hears_of_start_reload_and_stop(self):
        folder = Path(tempfile.mkdtemp(prefix="coffer-notify-"))
        self.addCleanup(shutil.rmtree, folder)
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(str(folder / "notify"))
        manager.settimeout(30)
        server = Server(config="# its defaults\n", environment={"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "200000"})
        self.addCleanup(server.close)
        server.start()

        def hear(wanted):
            while True:
                message = manager.recv(4096).decode()
                if message.startswith(wanted):
                    return message
        self.assertIn("STATUS=", hear("READY=1"))
        hear("WATCHDOG=1")
        server.process.send_signal(signal.SIGHUP)
        self.assertRegex(hear("RELOADING=1"), r"MONOTONIC_USEC=\d+")
        hear("READY=1")
        server.process.send_signal(signal.SIGTERM)
        hear("STOPPING=1")
        self.assertEqual(server.process.wait(30), 0)


class LowOnDisk(unittest.TestCase):
    def test_a_node_turns_read_only_before_its_disk_is_full_and_recovers_by_itself(self):
        folder = Path(tempfile.mkdtemp(prefix="coffer-disk-"))
        self.addCleanup(folder.rmdir)
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m,mode=0700", "tmpfs", str(folder)], capture_output=True).returncode != 0:
            self.skipTest("mounting a small disk is not permitted here")
        self.addCleanup(subprocess.run, ["umount", str(folder)], check=True)
        server = Server(data=folder / "data", config='[storage]\nread_only_below = "64MiB"\n')
        self.addCleanup(server.close)
        server.start()
        self.assertEqual(server.put("n", "x").status, 200)
        filler = folder / "filler"
        free = os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize
        with open(filler, "wb") as f:
            os.posix_fallocate(f.fileno(), 0, free - (40 << 20))
        self.wait(lambda: server.request("GET", "/readyz", token=None).json.get("read_only"))
        refused = server.put("n", "y")
        self.assertEqual((refused.status, refused.error["code"]), (503, "UNAVAILABLE"))
        self.assertIn("low on disk", refused.error["message"])
        self.assertEqual(refused.headers["retry-after"], "30")
        self.assertEqual(server.get("n").json["value"], "x")
        self.assertIn(b"coffer_read_only 1", server.request("GET", "/metrics", token=None).body)
        self.assertTrue(server.admin("status")["read_only"])
        filler.unlink()
        self.wait(lambda: server.put("n", "z").status == 200)
        self.assertEqual(server.request("GET", "/readyz", token=None).json, {"status": "ready"})

    def wait(self, condition):
        end = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.05)


if __name__ == "__main__":
    if not shutil.which("openssl"):
        skip("openssl is not installed; ./dev test installs it")
    unittest.main()
