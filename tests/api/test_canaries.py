#!/usr/bin/env python3
"""Values, names, tags and tokens that occur nowhere else go in through every door; afterwards they and the keys must be
found nowhere but in answers: not in the data directory, the log, metrics, the environment or the process's core settings,
in clear, base64 or hex, neither while the server runs nor after it was stopped or killed."""

import base64
import secrets
import unittest
from pathlib import Path

import grpc

import stubs
from admin_client import Admin
from harness import Server

native, native_services = stubs.native()
direktiv, direktiv_services = stubs.direktiv()
dapr, dapr_services = stubs.dapr()


def spellings(raw):
    """The bytes as they are, in hex (both cases) and in base64 at each of the three alignments (both alphabets)."""
    found = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw)
        # The characters that depend on neighbours are cut off at both ends.
        inner = text[4 if shift else 0:-4]
        found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return {f for f in found if len(f) >= 8}


class Canaries(unittest.TestCase):
    def setUp(self):
        self.server = Server(arguments=(), config='[log]\nlevel = "trace"\n').start()
        self.canaries = {}

    def tearDown(self):
        self.server.close()

    def canary(self, what, length=24):
        value = "CNRY" + secrets.token_hex(length // 2)
        self.canaries[what] = value.encode()
        return value

    def write_everything(self):
        server, canary = self.server, self.canary
        self.assertEqual(server.put(canary("native name"), {"value": canary("native value"), "tags": {canary("tag key"): canary("tag value")},
                                                            "description": canary("description")}).status, 200)
        self.assertEqual(server.put("map", {"data": {canary("map key"): canary("map value")}}).status, 200)
        server.put("replaced", canary("replaced value"))
        server.put("replaced", canary("newer value"))
        server.put("destroyed", canary("destroyed value"))
        server.request("POST", server.path("destroyed") + ":destroy", {})
        server.request("PATCH", server.path("map"), {"set_tags": {"t": canary("patched tag")}})
        server.request("POST", "/v1/tenants/default:transact", {"operations": [
            {"put": {"space": "kv", "name": canary("transacted name"), "value": canary("transacted value")}}]})
        for refused in ({"value": canary("refused value"), "cas": 99}, {"value": canary("refused json"), "unknown": 1},
                        '{"value":"' + canary("broken json")):
            self.assertGreaterEqual(server.put("refused", refused).status if isinstance(refused, dict) else
                                    server.request("PUT", server.path("refused"), refused).status, 400)
        server.get(canary("missing name"))
        server.request("GET", "/v1/tenants/default/spaces/kv/secrets?prefix=" + canary("list prefix") + "&filter=tags.x=" + canary("filter"))
        server.request("GET", "/v1.0/secrets/coffer/map", token=None)
        server.request("GET", "/v1.0/secrets/coffer/" + canary("dapr name"), token=None)
        server.request("GET", "/v1.0/secrets/coffer/map", token=None, headers={"dapr-api-token": canary("wrong dapr token")})
        made = server.request("POST", "/secret/v1/secret/create", {
            "name": canary("cloudforet name"), "data": {canary("cloudforet key"): canary("cloudforet value")}, "secret_type": "CREDENTIALS",
            "schema": canary("cloudforet schema"), "tags": {canary("cloudforet tag"): [canary("cloudforet tag value")]}, "domain_id": "canaries"})
        self.assertEqual(made.status, 200, made)
        secret = {"secret_id": made.json["secret_id"], "domain_id": "canaries"}
        self.assertEqual(server.request("POST", "/secret/v1/secret/update-data", {**secret, "data": {"k": canary("cloudforet newer value")}}).status, 200)
        self.assertEqual(server.request("POST", "/secret/v1/secret/get-data", secret).status, 200)
        for op in ("regex", "nonsense"):
            server.request("POST", "/secret/v1/secret/list", {"domain_id": "canaries", "query": {"filter": [{"k": "name", "v": canary("cloudforet filter"), "o": op}]}})
        server.get("map", token=canary("wrong bearer"))
        with Admin(server) as admin:
            made = admin.create_token("default", description=canary("token description"))
            self.canaries["token"] = made.secret.encode()
            self.assertEqual(server.get("map", token=made.secret).status, 200)
            self.assertEqual(server.request("GET", "/v1.0/secrets/coffer/map", headers={"dapr-api-token": made.secret}, token=None).status, 200)
        with grpc.insecure_channel(server.grpc_address) as channel:
            api = native_services.SecretsStub(channel)
            auth = [("authorization", "Bearer " + server.token())]
            api.Put(native.PutRequest(tenant="default", space="kv", name=canary("grpc name"), value_base64=canary("grpc value").encode()), metadata=auth, timeout=20)
            service = direktiv_services.SecretsServiceStub(channel)
            name = canary("direktiv name")
            service.StoreSecret(direktiv.SecretsStoreRequest(namespace="canary", name=name, data=canary("direktiv value").encode(), stype=direktiv.SECRET), timeout=20)
            service.RetrieveSecret(direktiv.SecretsRetrieveRequest(namespace="canary", name=name), timeout=20)
            key = service.CreateBucket(direktiv.SecretsCreateBucketRequest(namespace="canary-bucket"), timeout=20).pkey
            self.canaries["bucket's private key"] = bytes(key)
            with self.assertRaises(grpc.RpcError):
                service.RetrieveSecret(direktiv.SecretsRetrieveRequest(namespace="canary", name=canary("missing direktiv name")), timeout=20)
            dapr_services.DaprStub(channel).GetBulkSecret(dapr.GetBulkSecretRequest(store_name="coffer"), timeout=20)
        for arguments, text in ((("put", canary("cli name")), canary("cli value")),):
            self.assertEqual(server.cli(*arguments, input=text).returncode, 0)
        # The log must be rewritten into tables, too: more than LevelDB's buffer goes through it.
        for n in range(40):
            server.put("bulk", {"value": self.canaries["native value"].decode() + "x" * 500_000})

    def search(self, where, content):
        for what, raw in self.canaries.items():
            for spelling in spellings(raw):
                if spelling in content:
                    self.leaks.append(f"{what} in {where} as {spelling[:24]!r}")

    def search_files(self, when):
        for path in sorted(self.server.data.rglob("*")):
            # The two files of --dev that hold a token and the key by intention.
            if path.is_file() and path.relative_to(self.server.data).parts[0] != "dev":
                self.search(f"{path.relative_to(self.server.data)} ({when})", path.read_bytes())
                self.search(f"the name of a file ({when})", str(path).encode())
        self.search(f"the log ({when})", self.server.log_path.read_bytes())

    def test_no_canary_is_found_anywhere(self):
        self.leaks = []
        self.write_everything()
        key_file = self.server.data / "dev/seal.key"
        self.canaries["seal key"] = bytes.fromhex(key_file.read_text().strip())
        self.canaries["root token"] = self.server.token().encode()
        process = Path(f"/proc/{self.server.pid}")
        self.search("/metrics", self.server.request("GET", "/metrics", token=None).body)
        for part in ("environ", "cmdline"):
            try:
                self.search(f"/proc/PID/{part}", (process / part).read_bytes())
            except PermissionError:
                pass  # not even readable: the process is undumpable
        self.search_files("running")
        limits = (process / "limits").read_text()
        self.assertRegex(limits, r"Max core file size\s+0\s+0")
        # An undumpable process belongs to root in /proc; to an unprivileged user its memory is closed.
        self.assertEqual((process / "environ").stat().st_uid, 0)
        self.server.kill()
        self.search_files("killed")
        self.server.start()
        self.assertEqual(self.server.terminate(), 0)
        self.search_files("stopped")
        self.assertEqual(self.leaks, [])

    def test_the_search_finds_what_is_there(self):
        raw = b"CNRYsomething-to-find"
        for content in (raw, raw.hex().encode(), base64.b64encode(raw), base64.b64encode(b"x" + raw), base64.b64encode(b"xy" + raw + b"z")):
            self.leaks, self.canaries = [], {"it": raw}
            self.search("content", b"before " + content + b" after")
            self.assertTrue(self.leaks, content)


if __name__ == "__main__":
    unittest.main()
