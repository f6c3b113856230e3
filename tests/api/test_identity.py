#!/usr/bin/env python3
"""JWTs at the doors of a real process: the dev issuer's tokens, a tenant's issuers with keys in files and at URLs,
rotation, removal on the next request, forged tokens, and the examples of docs/identity.md."""

import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import grpc

import stubs
from harness import BINARY, ROOT, Server, ServerCase, skip
from jwt_maker import KeyServer, Signer, b64
from test_dapr_http import STORES
from test_tls import TlsServer, make_certificates

ISS = "https://id.example"
pb, services = stubs.native()


class Identity(ServerCase):
    config = STORES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(tempfile.mkdtemp(prefix="coffer-jwt-"))
        cls.signer = Signer(cls.folder)
        cls.server.put("n", "secret")
        cls.server.put("n", "secret", tenant="acme")

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    def dev_token(self, *arguments):
        done = self.server.cli("dev-token", "--data", self.server.data, *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode().strip()

    def issuer(self, name, *arguments, tenant="acme"):
        return self.server.admin("issuers", "put", name, "--tenant", tenant, "--iss", ISS, *arguments)

    def remove(self, name, tenant="acme"):
        self.server.admin("issuers", "delete", name, "--tenant", tenant)

    # A tenant's own issuers bring people whom no role has given anything: 403 is known, 401 is not.
    def assertKnown(self, token, tenant="acme"):
        self.assertStatus(self.server.get("n", tenant=tenant, token=token), 403, "PERMISSION_DENIED")

    def assertUnknown(self, token, tenant="acme"):
        self.assertStatus(self.server.get("n", tenant=tenant, token=token), 401, "UNAUTHENTICATED")

    # ---- the dev issuer

    def test_dev_tokens_of_every_layout_open_their_tenant_and_no_other(self):
        for door in ("native", "cloudforet", "tapis"):
            token = self.dev_token("--door", door, "--tenant", "acme", "--user", "alice", "--role", "r")
            with self.subTest(door):
                self.assertEqual(self.server.get("n", tenant="acme", token=token).json["value"], "secret")
                self.assertStatus(self.server.get("n", token=token), 403, "PERMISSION_DENIED")
                put = self.server.put("by-" + door, "x", tenant="acme", token=token)
                self.assertEqual(self.assertStatus(put, 200).json["created_by"], "user:alice")

    def test_a_dev_token_works_at_the_other_doors_and_makes_its_tenant_at_first_use(self):
        token = self.dev_token("--tenant", "default", "--user", "alice")
        answer = self.server.request("GET", "/v1.0/secrets/coffer/n", token=token)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.server.request("GET", "/v1.0/metadata", token=token).status, 401)
        new = self.dev_token("--tenant", "new-tenant", "--user", "alice")
        self.assertStatus(self.server.put("a", "1", tenant="new-tenant", token=new), 200)
        self.assertEqual(self.server.get("a", tenant="new-tenant", token=new).json["value"], "1")

    def test_an_expired_or_service_dev_token(self):
        service = self.dev_token("--tenant", "acme", "--user", "pods", "--door", "tapis", "--service")
        put = self.server.put("by-service", "x", tenant="acme", token=service)
        self.assertEqual(put.json["created_by"], "service:pods")
        short = self.dev_token("--tenant", "acme", "--user", "alice", "--expires", "1s")
        end = time.monotonic() + 30
        while (answer := self.server.get("n", tenant="acme", token=short)).status == 200 and time.monotonic() < end:
            time.sleep(0.05)
        self.assertStatus(answer, 401)

    def test_jwts_do_not_operate(self):
        token = self.dev_token("--tenant", "acme", "--user", "alice", "--role", "admin")
        path = self.folder / "alice.jwt"
        path.write_text(token)
        done = self.server.cli("admin", "tenants", "list", token_file=path)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("operator", done.stderr.decode())

    # ---- a tenant's issuers

    def test_an_issuer_is_trusted_from_its_put_until_its_delete(self):
        token = self.signer.token(iss=ISS, sub="alice")
        self.assertUnknown(token)
        put = self.issuer("corp", "--public-key", self.signer.public)
        self.assertEqual(put["algorithms"], ["RS256", "ES256", "EdDSA"])
        self.assertKnown(token)
        self.assertUnknown(token, "default")
        self.assertUnknown(token, "missing")
        # Another audience: changed in place, at once.
        self.issuer("corp", "--public-key", self.signer.public, "--audience", "coffer")
        self.assertUnknown(token)
        self.assertKnown(self.signer.token(iss=ISS, sub="alice", aud=["coffer"]))
        names = [i["name"] for i in self.server.admin("issuers", "list", "--tenant", "acme")["issuers"]]
        self.assertIn("corp", names)
        self.remove("corp")
        self.assertUnknown(self.signer.token(iss=ISS, sub="alice", aud=["coffer"]))
        # It comes back without the old one's word counting.
        self.issuer("corp", "--public-key", self.signer.public)
        self.assertKnown(token)
        self.remove("corp")
        self.assertUnknown(token)

    def test_the_tenants_policy_says_what_a_bearer_and_his_roles_may_do(self):
        self.server.put("n", "secret", tenant="ruled")
        self.issuer("roles", "--public-key", self.signer.public, "--roles-claim", "groups", tenant="ruled")
        token = lambda **claims: self.signer.token(iss=ISS, **claims)
        plain, by_role = token(sub="bob"), token(sub="bob", groups=["readers"])
        self.assertKnown(by_role, "ruled")
        grant = {"capabilities": ["read", "read-value"], "spaces": ["kv"], "names": ["*"]}
        policy = {"roles": [{"name": "reader", "grants": [grant]}],
                  "bindings": [{"role": "reader", "subjects": ["role:readers", "user:alice"]}]}
        path = self.folder / "policy.json"
        path.write_text(json.dumps(policy))
        self.server.admin("policy", "apply", "--tenant", "ruled", "-f", path)
        get = lambda token: self.server.get("n", tenant="ruled", token=token).status
        self.assertEqual([get(by_role), get(token(sub="alice")), get(plain)], [200, 200, 403])
        # Whoever calls himself by another kind of name is not that.
        self.assertEqual(get(token(sub="role:readers")), 403)
        policy["bindings"] = []
        path.write_text(json.dumps(policy))
        self.server.admin("policy", "apply", "--tenant", "ruled", "-f", path)
        self.assertEqual(get(by_role), 403, "on the next request")

    def test_the_tokens_tenant_claim_must_agree(self):
        self.issuer("claims", "--public-key", self.signer.public, "--tenant-claim", "org/tenant", "--principal-claim", "user.name")
        self.addCleanup(self.remove, "claims")
        token = lambda tenant: self.signer.token(iss=ISS, user={"name": "alice"}, **{"org/tenant": tenant})
        self.assertKnown(token("acme"))
        self.assertStatus(self.server.get("n", tenant="acme", token=token("default")), 403)
        self.assertUnknown(self.signer.token(iss=ISS, user={"name": "alice"}))

    def test_attack_tokens_are_refused_alike(self):
        self.issuer("corp2", "--public-key", self.signer.public)
        self.addCleanup(self.remove, "corp2")
        good = self.signer.token(iss=ISS, sub="alice")
        self.assertKnown(good)
        head, claims, signature = good.split(".")
        other = Signer(self.folder, "forger")
        bad = [
            b64(b'{"alg":"none"}') + "." + claims + ".",
            b64(b'{"alg":"none"}') + "." + claims + "." + signature,
            b64(b'{"alg":"HS256"}') + "." + claims + "." + signature,
            other.token(iss=ISS, sub="alice"),
            other.token({"alg": "RS256", "jwk": other.jwk()}, iss=ISS, sub="alice"),
            self.signer.token({"alg": "RS256", "crit": ["x"], "x": 1}, iss=ISS, sub="alice"),
            self.signer.token({"alg": "RS256", "jku": "https://evil.example"}, iss=ISS, sub="alice"),
            good[:-4] + "AAAA", good + "=", head + "." + claims + ".", f"{head}.{claims}", "..", "a.b.c",
            self.signer.token(iss=ISS, sub="alice", exp=1), self.signer.token(iss=ISS, sub="alice", exp=None),
            self.signer.token(iss=ISS, sub="alice", nbf=4102444800), self.signer.token(iss=ISS, sub="alice", aud="x"),
            self.signer.token(iss=ISS, sub=7), self.signer.token(iss=ISS), self.signer.token(iss=[ISS], sub="alice"),
            self.signer.token(iss=ISS, sub="alice", pad="x" * 8000),
        ]
        for token in bad:
            with self.subTest(token[:60]):
                self.assertUnknown(token)
        self.assertKnown(good)

    def test_forged_tokens_for_invented_tenants_start_nothing(self):
        before = self.server.admin("status")
        forged = Signer(self.folder, "forged")
        token = forged.token(iss=ISS, sub="alice")
        connection = self.server.connect()
        for i in range(2000):
            connection.request("GET", f"/v1/tenants/invented-{i}/spaces/kv/secrets/n", headers={"authorization": "Bearer " + token})
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 401)
        connection.close()
        after = self.server.admin("status")
        self.assertEqual(after["tenants"], before["tenants"])
        self.assertLessEqual(after["active_shards"], before["active_shards"])
        self.assertLess(after["resident_bytes"] - before["resident_bytes"], 8 << 20)
        metrics = self.server.request("GET", "/metrics", token=None).body.decode()
        self.assertRegex(metrics, r"(?m)^coffer_credentials_refused_total [1-9]")

    def test_what_no_issuer_can_be_is_a_usage_error_of_the_command(self):
        def fails(*arguments, words):
            done = self.server.cli("admin", "issuers", "put", "bad", "--tenant", "acme", "--iss", ISS, *arguments)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(words, done.stderr.decode())
        fails(words="needs keys")
        fails("--public-key", self.signer.key, words="private key")
        fails("--public-key", self.signer.public, "--algorithm", "HS256", words="RS256, ES256 and EdDSA")
        fails("--public-key", self.signer.public, "--mapping", "okta", words="cloudforet")
        fails("--jwks-url", "file:///etc/passwd", words="jwks_url")

    # ---- keys at a URL

    def test_rotation_at_a_url(self):
        old, young = Signer(self.folder, "old"), Signer(self.folder, "young")
        keys = KeyServer([old.jwk()])
        self.addCleanup(keys.close)
        self.issuer("url", "--jwks-url", keys.url)
        self.addCleanup(self.remove, "url")
        token = old.token(iss=ISS, sub="alice")
        for _ in range(3):
            self.assertKnown(token)
        self.assertEqual(keys.requests, 1)
        # A kid that nobody has does not make the server ask again at once.
        self.assertUnknown(young.token(iss=ISS, sub="alice"))
        self.assertLessEqual(keys.requests, 2)
        # While the URL fails, what was fetched counts.
        keys.status = 500
        self.assertKnown(old.token(iss=ISS, sub="bob"))

    def test_keys_over_tls_are_believed_only_under_the_right_ca(self):
        folder = self.folder / "tls"
        folder.mkdir()
        make_certificates(folder)
        signer = Signer(self.folder, "tls-key")
        keys = KeyServer([signer.jwk()], folder / "server.pem", folder / "server.key")
        self.addCleanup(keys.close)
        token = signer.token(iss=ISS, sub="alice")
        self.issuer("tls", "--jwks-url", keys.url, "--jwks-ca", folder / "other.pem")
        self.addCleanup(self.remove, "tls")
        self.assertStatus(self.server.get("n", tenant="acme", token=token), 503)
        self.assertEqual(keys.requests, 0)
        self.issuer("tls", "--jwks-url", keys.url, "--jwks-ca", folder / "ca.pem")
        self.assertKnown(token)


class Certificates(unittest.TestCase):
    """Client certificates at both listeners, by rules of the tenant and of the server."""

    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="coffer-jwt-"))
        make_certificates(cls.folder)
        tls = "".join(f'[{l}.tls]\ncertificate = "{cls.folder}/server.pem"\nkey = "{cls.folder}/server.key"\nclient_ca = "{cls.folder}/ca.pem"\n'
                      for l in ("http", "grpc", "admin"))
        node = '[[certificates]]\nname = "node"\nsan = "dns:client.example"\ntenant = "by-node"\nprincipal = "service:node"\n'
        cls.server = TlsServer(config=tls + node)
        cls.server.folder, cls.server.client = cls.folder, True
        cls.server.start()
        for tenant in ("by-tenant", "by-node", "nobody"):
            cls.server.put("n", "secret", tenant=tenant)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()
        shutil.rmtree(cls.folder)

    def admin(self, *arguments):
        done = self.server.cli("admin", "certificates", *arguments, environment={"COFFER_CA": str(self.folder / "ca.pem")})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.decode()

    def status(self, tenant):
        return self.server.get("n", tenant=tenant, token=None).status

    def grpc_code(self, tenant):
        read = lambda name: (self.folder / name).read_bytes()
        credentials = grpc.ssl_channel_credentials(read("ca.pem"), read("client.key"), read("client.pem"))
        with grpc.secure_channel(self.server.grpc_address, credentials) as channel:
            try:
                services.SecretsStub(channel).Get(pb.GetRequest(tenant=tenant, space="kv", name="n"), timeout=10)
                return grpc.StatusCode.OK
            except grpc.RpcError as error:
                return error.code()

    def test_a_rule_makes_the_bearer_known_and_its_removal_unknown(self):
        self.assertEqual(self.status("by-tenant"), 401)
        self.admin("put", "client", "--tenant", "by-tenant", "--san", "uri:spiffe://prod/*", "--role", "reader")
        self.assertEqual(self.status("by-tenant"), 403, "known, and without a right")
        self.assertEqual(self.grpc_code("by-tenant"), grpc.StatusCode.PERMISSION_DENIED)
        self.assertEqual(self.status("nobody"), 401)
        self.assertEqual(self.grpc_code("nobody"), grpc.StatusCode.UNAUTHENTICATED)
        self.assertIn("spiffe://prod/*", self.admin("list", "--tenant", "by-tenant"))
        self.admin("delete", "client", "--tenant", "by-tenant")
        self.assertEqual(self.status("by-tenant"), 401)
        self.assertEqual(self.grpc_code("by-tenant"), grpc.StatusCode.UNAUTHENTICATED)

    def test_the_servers_rule_holds_where_it_says(self):
        self.assertEqual(self.status("by-node"), 403)
        self.assertEqual(self.grpc_code("by-node"), grpc.StatusCode.PERMISSION_DENIED)
        self.assertEqual(self.status("missing"), 401, "the same as for a tenant that does not know it")

    def test_it_ends_also_on_connections_that_were_open(self):
        self.certificate_for(8)
        identity = (self.folder / "short.key", self.folder / "short.pem")
        ends = time.time() + 8
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        context.load_cert_chain(identity[1], identity[0])
        kept = http.client.HTTPSConnection(*self.server.http_address.split(":"), context=context, timeout=10)
        self.addCleanup(kept.close)
        channel = grpc.secure_channel(self.server.grpc_address, grpc.ssl_channel_credentials(
            (self.folder / "ca.pem").read_bytes(), identity[0].read_bytes(), identity[1].read_bytes()))
        self.addCleanup(channel.close)

        def over_http():
            kept.request("GET", "/v1/tenants/by-node/spaces/kv/secrets/n")
            answer = kept.getresponse()
            return answer.status, answer.read()

        def over_grpc():
            with self.assertRaises(grpc.RpcError) as caught:
                services.SecretsStub(channel).Get(pb.GetRequest(tenant="by-node", space="kv", name="n"), timeout=10)
            return caught.exception.code()

        self.assertEqual(over_http()[0], 403, "known, and without a right")
        self.assertEqual(over_grpc(), grpc.StatusCode.PERMISSION_DENIED)
        same = kept.sock
        time.sleep(max(0.0, ends + 1 - time.time()))
        status, words = over_http()
        self.assertEqual(status, 401)
        self.assertIn(b"certificate has expired", words)
        self.assertIs(kept.sock, same, "on the connection of before")
        self.assertEqual(over_grpc(), grpc.StatusCode.UNAUTHENTICATED)

    def certificate_for(self, seconds):
        """A client certificate `short` that ends so soon."""
        def at(offset):
            return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + offset))
        (self.folder / "short.cnf").write_text("[ca]\ndefault_ca = d\n[d]\ndatabase = index.txt\nserial = serial\nnew_certs_dir = .\npolicy = p\n[p]\ncommonName = supplied\n")
        (self.folder / "short.ext").write_text("extendedKeyUsage = clientAuth\nsubjectAltName = DNS:client.example\n")
        (self.folder / "index.txt").write_text("")
        (self.folder / "serial").write_text("0A\n")
        for arguments in (("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "short.key", "-out", "short.csr", "-subj", "/CN=short"),
                          ("ca", "-batch", "-notext", "-md", "sha256", "-config", "short.cnf", "-extfile", "short.ext", "-cert", "ca.pem", "-keyfile", "ca.key",
                           "-startdate", at(-3600), "-enddate", at(seconds), "-in", "short.csr", "-out", "short.pem")):
            subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)

    def test_a_token_goes_before_a_certificate(self):
        self.assertEqual(self.server.get("n", tenant="nobody").json["value"], "secret")
        self.assertEqual(self.server.get("n", tenant="by-node", token="forged").status, 401)


class Restart(unittest.TestCase):
    def test_issuers_and_the_dev_key_survive_a_restart(self):
        folder = Path(tempfile.mkdtemp(prefix="coffer-jwt-"))
        server = Server().start()
        try:
            signer = Signer(folder)
            server.put("n", "x", tenant="acme")
            server.admin("issuers", "put", "corp", "--tenant", "acme", "--iss", ISS, "--public-key", signer.public)
            dev = server.cli("dev-token", "--data", server.data, "--tenant", "acme", "--user", "a").stdout.decode().strip()
            self.assertEqual((server.data / "dev/jwt.key").stat().st_mode & 0o777, 0o600)
            server.terminate()
            server.start()
            self.assertEqual(server.get("n", tenant="acme", token=dev).status, 200)
            self.assertEqual(server.get("n", tenant="acme", token=signer.token(iss=ISS, sub="a")).status, 403)
        finally:
            server.close()
            shutil.rmtree(folder)


class Document(unittest.TestCase):
    def test_every_example_of_the_document_works(self):
        blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs/identity.md").read_text(), re.M | re.S)
        self.assertGreaterEqual(len(blocks), 3)
        server = Server().start()
        folder = Path(tempfile.mkdtemp(prefix="coffer-jwt-"))
        try:
            here = {"/tmp/": f"{folder}/", "127.0.0.1:7780": server.http_address, "coffer-data": str(server.data),
                    "build/release/coffer": BINARY}
            environment = {**os.environ, "COFFER_ADDR": server.grpc_address, "COFFER_ADMIN_ADDR": server.admin_address,
                           "COFFER_TOKEN_FILE": str(server.data / "dev/root.token")}
            for block in blocks:
                for default, actual in here.items():
                    block = block.replace(default, actual)
                done = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=ROOT, env=environment, capture_output=True,
                                      text=True, timeout=60)
                self.assertEqual(done.returncode, 0, f"{block}\n{done.stdout}\n{done.stderr}")
        finally:
            server.close()
            shutil.rmtree(folder)


if __name__ == "__main__":
    if not shutil.which("openssl"):
        skip("openssl is not installed; ./dev test installs it")
    unittest.main()
