#!/usr/bin/env python3
"""Tenants on their way between clusters for the holder of a key: of an X25519 key pair of the receiver's, and of a bucket's
pkey, which CreateBucket answered once. Each file is verified row by row before it is imported; nobody else opens it."""

import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import grpc

import stubs
from harness import Server, run

secrets, services = stubs.direktiv()


def key_pair(folder, name):
    """(public key in hexadecimal, file of the private key in hexadecimal), by openssl."""
    pem = folder / f"{name}.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "X25519", "-out", pem], check=True, capture_output=True)
    private = subprocess.run(["openssl", "pkey", "-in", pem, "-outform", "DER"], check=True, capture_output=True).stdout[-32:]
    public = subprocess.run(["openssl", "pkey", "-in", pem, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout[-32:]
    file = folder / f"{name}.key"
    file.write_text(private.hex() + "\n")
    file.chmod(0o600)
    return public.hex(), file


class Exports(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="coffer-exports-"))
        cls.source = Server(data=cls.folder / "from").start()
        cls.target = Server(data=cls.folder / "to").start()

    @classmethod
    def tearDownClass(cls):
        cls.source.close()
        cls.target.close()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def ok(self, server, *arguments):
        done = server.cli("admin", *arguments)
        self.assertEqual(done.returncode, 0, (arguments, done.stderr))
        return done.stdout.decode()

    def refused(self, server, *arguments):
        done = server.cli("admin", *arguments)
        self.assertNotEqual(done.returncode, 0, arguments)
        return done.stderr.decode()

    def tenants(self, server):
        return {t["name"] for t in server.admin("tenants", "list")["tenants"]}

    def test_a_tenant_goes_to_the_holder_of_a_receiving_key(self):
        public, private = key_pair(self.folder, "receiver")
        _, other = key_pair(self.folder, "stranger")
        for n in range(20):
            self.assertEqual(self.source.put(f"s{n}", f"value-{n}-canary", tenant="sent").status, 200)
        self.source.put("s3", "newer-canary", tenant="sent")
        file = self.folder / "sent.export"
        self.ok(self.source, "tenants", "export", "sent", "--to-key", public, "--out", file)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.assertNotIn(b"canary", file.read_bytes())

        shown = run("admin", "backup", "verify", file, "--private-key-file", private)
        self.assertEqual(shown.returncode, 0, shown.stderr)
        self.assertRegex(shown.stdout.decode(), r"every row opens")
        self.assertRegex(shown.stdout.decode(), r"(?m)^entries: +20$")
        self.assertRegex(shown.stdout.decode(), r"(?m)^values: +21$")
        self.assertNotEqual(run("admin", "backup", "verify", file, "--private-key-file", other).returncode, 0)

        before = self.tenants(self.target)
        self.assertIn("open", self.refused(self.target, "tenants", "import", file, "--private-key-file", other))
        self.assertEqual(self.tenants(self.target), before)
        out = self.ok(self.target, "tenants", "import", file, "--private-key-file", private, "--name", "received")
        self.assertIn("with 20 secrets", out)
        for n in range(20):
            self.assertEqual(self.target.get(f"s{n}", tenant="received").json["value"], "newer-canary" if n == 3 else f"value-{n}-canary")
        self.assertEqual(self.target.get("s3", tenant="received", query="?version=1").json["value"], "value-3-canary")
        self.assertEqual(self.target.put("s0", "written here", tenant="received").status, 200)
        self.assertEqual(self.source.get("s0", tenant="sent").json["value"], "value-0-canary", "it was copied, not moved")

    def test_what_may_not_be_read_may_not_be_read_where_it_arrives(self):
        token = self.source.cli("dev-token", "--data", self.source.data, "--door", "tapis", "--tenant", "pods", "--user", "alice").stdout.decode().strip()
        for secret_id, readable in (("hidden", False), ("shown", True)):
            made = self.source.request("POST", "/pods/secrets", {"secret_id": secret_id, "secret_value": "canary", "readable": readable},
                                       {"x-tapis-token": token, "content-type": "application/json"}, token=None)
            self.assertEqual(made.status, 200, made)
        public, private = key_pair(self.folder, "pods")
        file = self.folder / "pods.export"
        self.ok(self.source, "tenants", "export", "tapis-pods", "--to-key", public, "--out", file)
        self.ok(self.target, "tenants", "import", file, "--private-key-file", private, "--name", "arrived")
        look = lambda name, query="": self.target.get(name, tenant="arrived", space="tapis", query=query)
        self.assertEqual(look("shown").json["value"], "canary")
        for query in ("", "?version=1"):
            self.assertEqual((look("hidden", query).status, look("hidden", query).error["code"]), (403, "WRITE_ONLY"))
        path = self.target.path("hidden", "arrived", "tapis")
        self.assertEqual(self.target.request("DELETE", path).status, 200)
        self.assertEqual(self.target.put("hidden", "new", tenant="arrived", space="tapis").status, 200)
        self.assertNotEqual(self.target.request("POST", path + ":undelete", {"versions": [1]}).status, 200)
        self.assertEqual((look("hidden").json["value"], look("hidden", "?version=1").status == 200), ("new", False))

    def test_a_bucket_goes_to_who_has_its_pkey(self):
        with grpc.insecure_channel(self.source.grpc_address) as channel:
            service = services.SecretsServiceStub(channel)
            pkey = service.CreateBucket(secrets.SecretsCreateBucketRequest(namespace="ns"), timeout=20).pkey
            for n in range(5):
                service.StoreSecret(secrets.SecretsStoreRequest(namespace="ns", name=f"n{n}", data=f"d{n}".encode(), stype=secrets.SECRET), timeout=20)
        tenant = next(t["name"] for t in self.source.admin("tenants", "list")["tenants"] if t["name"].startswith("direktiv-ns"))
        # Also after a rotation: each data key is sealed to the owner, too.
        self.ok(self.source, "keys", "rotate", "data", "--tenant", tenant)
        file, key = self.folder / "bucket.export", self.folder / "pkey"
        key.write_bytes(pkey)
        key.chmod(0o600)
        self.ok(self.source, "tenants", "export", tenant, "--to-owner", "--out", file)
        self.assertEqual(run("admin", "backup", "verify", file, "--private-key-file", key).returncode, 0)
        wrong = self.folder / "wrong"
        wrong.write_bytes(bytes([pkey[0] ^ 8]) + pkey[1:])
        self.refused(self.target, "tenants", "import", file, "--private-key-file", wrong)
        self.ok(self.target, "tenants", "import", file, "--private-key-file", key)
        with grpc.insecure_channel(self.target.grpc_address) as channel:
            service = services.SecretsServiceStub(channel)
            for n in range(5):
                got = service.RetrieveSecret(secrets.SecretsRetrieveRequest(namespace="ns", name=f"n{n}"), timeout=20)
                self.assertEqual(got.data, f"d{n}".encode())

    def test_what_cannot_be_exported_says_why(self):
        self.source.put("a", "1", tenant="plain")
        public, _ = key_pair(self.folder, "both")
        self.assertIn("no bucket was created for it", self.refused(self.source, "tenants", "export", "plain", "--to-owner", "--out", self.folder / "none"))
        self.assertIn("give one of", self.refused(self.source, "tenants", "export", "plain", "--to-owner", "--to-key", public, "--out", self.folder / "none"))
        self.assertIn("64 hexadecimal digits", self.refused(self.source, "tenants", "export", "plain", "--to-key", "ab", "--out", self.folder / "none"))
        self.assertFalse((self.folder / "none").exists())


if __name__ == "__main__":
    unittest.main()
