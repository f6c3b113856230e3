#!/usr/bin/env python3
"""Listeners with TLS: HTTP, gRPC, admin and the command over it; plaintext and foreign authorities are refused; client
certificates when they are asked for."""

import http.client
import shutil
import ssl
import subprocess
import tempfile
import unittest
from pathlib import Path

import grpc

import stubs
from harness import Server, run, skip

pb, services = stubs.native()


def make_certificates(folder):
    """A CA, a server certificate for 127.0.0.1, a client certificate, and another CA's client certificate."""
    def openssl(*arguments, **more):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, **more)

    for ca in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{ca}.key", "-out", f"{ca}.pem",
                "-days", "2", "-subj", f"/CN={ca}")
    for name, ca, extra in (("server", "ca", "subjectAltName=IP:127.0.0.1,DNS:localhost"), ("client", "ca", "extendedKeyUsage=clientAuth\nsubjectAltName=URI:spiffe://prod/client,DNS:client.example"),
                            ("stranger", "other", "extendedKeyUsage=clientAuth")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        (folder / f"{name}.ext").write_text(extra + "\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2", "-out", f"{name}.pem",
                "-extfile", f"{name}.ext")


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="coffer-tls-"))
        make_certificates(cls.folder)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def start(self, client_ca=False):
        tls = f'certificate = "{self.folder}/server.pem"\nkey = "{self.folder}/server.key"\n'
        if client_ca:
            tls += f'client_ca = "{self.folder}/ca.pem"\n'
        server = TlsServer(config="".join(f"[{l}.tls]\n{tls}" for l in ("http", "grpc", "admin")))
        server.folder = self.folder
        server.client = client_ca
        self.addCleanup(server.close)
        return server.start()

    def context(self, ca="ca", client=None):
        context = ssl.create_default_context(cafile=str(self.folder / f"{ca}.pem"))
        if client:
            context.load_cert_chain(self.folder / f"{client}.pem", self.folder / f"{client}.key")
        return context

    def https(self, server, context):
        connection = http.client.HTTPSConnection(*server.http_address.split(":"), context=context, timeout=10)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status
        finally:
            connection.close()

    def get(self, server, ca="ca", client=None):
        read = lambda name: (self.folder / name).read_bytes()
        credentials = grpc.ssl_channel_credentials(read(f"{ca}.pem"), read(f"{client}.key") if client else None, read(f"{client}.pem") if client else None)
        with grpc.secure_channel(server.grpc_address, credentials) as channel:
            return services.SecretsStub(channel).Get(pb.GetRequest(tenant="default", space="kv", name="n"), timeout=10,
                                                     metadata=[("authorization", "Bearer " + server.token())]).value

    def test_every_door_over_tls(self):
        server = self.start()
        self.assertEqual(server.put("n", "over tls").status, 200)
        self.assertEqual(self.get(server), "over tls")
        environment = {"COFFER_CA": str(self.folder / "ca.pem")}
        self.assertEqual(server.cli("get", "n", environment=environment).stdout, b"over tls")
        self.assertEqual(server.cli("admin", "status", environment=environment).returncode, 0)

    def test_a_client_that_trusts_another_authority_or_speaks_plaintext_gets_nothing(self):
        server = self.start()
        server.put("n", "x")
        with self.assertRaises(ssl.SSLError):
            self.https(server, self.context("other"))
        with self.assertRaises(grpc.RpcError):
            self.get(server, "other")
        plain = http.client.HTTPConnection(*server.http_address.split(":"), timeout=10)
        with self.assertRaises((http.client.HTTPException, OSError)):
            plain.request("GET", "/healthz")
            plain.getresponse()
        plain.close()
        self.assertEqual(self.https(server, self.context()), 200)

    def test_tls_older_than_1_2_is_refused(self):
        server = self.start()
        context = self.context()
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        context.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.https(server, context)

    def test_a_client_certificate_of_another_authority_is_refused(self):
        server = self.start(client_ca=True)
        self.assertEqual(self.https(server, self.context(client="client")), 200)
        with self.assertRaises((ssl.SSLError, OSError, http.client.HTTPException)):
            self.https(server, self.context(client="stranger"))
        server.put("n", "x")
        self.assertEqual(self.get(server, client="client"), "x")
        with self.assertRaises(grpc.RpcError):
            self.get(server, client="stranger")

    def test_a_key_that_does_not_match_is_one_sentence(self):
        config = self.folder / "bad.toml"
        config.write_text("".join(f'[{l}.tls]\ncertificate = "{self.folder}/server.pem"\nkey = "{self.folder}/client.key"\n' for l in ("http", "grpc", "admin")))
        done = run("server", "--dev", "--data", self.folder / "d", "--config", config, "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0", "--admin", "127.0.0.1:0")
        self.assertGreater(done.returncode, 0)
        self.assertIn("key", done.stderr.decode())


class TlsServer(Server):
    """The harness's server, spoken to over TLS."""

    folder, client = None, False

    def connect(self, timeout=30):
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        if self.client:
            context.load_cert_chain(self.folder / "client.pem", self.folder / "client.key")
        return http.client.HTTPSConnection(*self.http_address.split(":"), context=context, timeout=timeout)


if __name__ == "__main__":
    if not shutil.which("openssl"):
        skip("openssl is not installed; ./dev test installs it")
    unittest.main()
