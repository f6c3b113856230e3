"""The canaries: words that occur nowhere else, which go into every field and every error path of every door, and the search for
them. test_canaries.py and class E of test_advisories.py send the same ones and look in different places."""

import base64
import json
import secrets
from pathlib import Path

import grpc

import stubs
from admin_client import Admin
from cloudforet_client import SECRET, TRUSTED, USER, Client, Generation
from harness import free_port, run
from jwt_maker import Signer

native, native_services = stubs.native()
direktiv, direktiv_services = stubs.direktiv()
dapr, dapr_services = stubs.dapr()
DOMAIN, ISS = "domain-123456789012", "https://dev.spaceone.identity"


def spellings(raw):
    """The bytes as they are, in hex (both cases) and in base64 at each of the three alignments (both alphabets)."""
    found = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    for shift in range(3):
        text = base64.b64encode(b"\0" * shift + raw)
        # The characters that depend on neighbours are cut off at both ends.
        inner = text[4 if shift else 0:-4]
        found |= {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}
    return {f for f in found if len(f) >= 8}


class Canaries:
    def __init__(self):
        self.known = {}

    def __call__(self, what):
        """A new one. A name that is used again gets a number."""
        value = "CNRY" + secrets.token_hex(12)
        self.know(what, value)
        return value

    def know(self, what, value):
        """Something that somebody else made and that is secret all the same."""
        while what in self.known:
            what += "'"
        self.known[what] = value if isinstance(value, bytes) else value.encode()
        return value

    def leaks(self, places):
        """Sentences; `places` is {name: bytes}."""
        return [f"{what} in {where} as {spelling[:24]!r}" for what, raw in self.known.items() for spelling in spellings(raw)
                for where, content in places.items() if spelling in content]


class Doors:
    """One server and what goes in through its doors. Start it with `config` among its settings. `folder` is for keys, passphrases
    and exports: what a client keeps, and not searched but for `files`."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.newer = f"127.0.0.1:{free_port()}"
        self.config = f'[[listener]]\naddress = "{self.newer}"\ncloudforet.profile = "2.x"\n'
        self.canary, self.server, self.files = Canaries(), None, []

    def send_everything(self, server):
        self.server = server
        for send in (self.native, self.refusals, self.credentials, self.grpc, self.dapr, self.direktiv, self.plain_cloudforet,
                     self.cloudforet, self.tapis, self.command, self.admin, self.seals, self.exports):
            send()

    def ok(self, answer):
        assert answer.status == 200, answer
        return answer

    def refused(self, answer):
        assert answer.status >= 400, answer

    def fails(self, call, *arguments, **more):
        try:
            answer = call(*arguments, **more)
        except grpc.RpcError:
            return
        raise AssertionError(f"it did not fail: {answer}")

    def native(self):
        server, c = self.server, self.canary
        self.ok(server.put(c("native name"), {"value": c("native value"), "tags": {c("tag key"): c("tag value")}, "description": c("description")}))
        self.ok(server.put("map", {"data": {c("map key"): c("map value"), "n": c("second map value")}}))
        self.ok(server.put("bytes", {"value_base64": base64.b64encode(c("bytes").encode()).decode()}))
        for what in ("replaced value", "newer value"):
            self.ok(server.put("replaced", c(what)))
        self.ok(server.put("destroyed", c("destroyed value")))
        self.ok(server.request("POST", server.path("destroyed") + ":destroy", {}))
        self.ok(server.request("PATCH", server.path("map"), {"set_tags": {"t": c("patched tag")}}))
        put = {"put": {"space": "kv", "name": c("transacted name"), "value": c("transacted value")}}
        self.ok(server.request("POST", "/v1/tenants/default:transact", {"operations": [put]}))

    def refusals(self):
        """Each refuses and must not repeat what it was given."""
        server, c = self.server, self.canary
        base = "/v1/tenants/default/spaces/kv/secrets"
        for body in ({"value": c("cas"), "cas": 7}, {"value": [c("list")]}, {"value": 5, "x": c("unknown")}, {"data": {"a": {"b": c("nested")}}},
                     {"value_base64": c("base64") + "*"}, {"value": "x", "tags": {c("long tag") * 20: "v"}}, {"value": "x", "expires_at": c("time")},
                     {"value": "x", "description": c("long") * 1000}, {"value": c("both"), "data": {"a": c("both data")}}):
            self.refused(server.put(c("refused name"), body))
        for raw in ('{"value":"' + c("cut"), '{"value":"' + c("trailing") + '"} x', c("no json"), '"' + c("string") + '"'):
            self.refused(server.request("PUT", base + "/raw", raw))
        for path in ("?filter=tags." + c("filter key") + "=" + c("filter value"), "?" + c("parameter") + "=" + c("parameter value"),
                     "?page_token=" + c("page token"), "?prefix=" + c("list prefix"), "/" + c("missing name")):
            server.request("GET", base + path)
        self.refused(server.request("GET", "/" + c("path") + "/x"))
        self.refused(server.request(c("verb"), base))
        check = {"check": {"space": "kv", "name": c("checked name"), "version": 3}}
        put = {"put": {"space": "kv", "name": c("refused name"), "value": c("refused value")}}
        self.refused(server.request("POST", "/v1/tenants/default:transact", {"operations": [put, check]}))

    def credentials(self):
        server, c = self.server, self.canary
        base = "/v1/tenants/default/spaces/kv/secrets"
        self.refused(server.request("GET", base, token=c("bearer")))
        self.refused(server.request("GET", base, token="eyJhbGciOiJSUzI1NiJ9." + c("jwt") + "." + c("jwt signature")))
        for headers in ({"authorization": "Basic " + c("basic")}, {"x-coffer-token": c("coffer token")}, {"authorization": "Bearer " + "cft_" + c("cft")}):
            self.refused(server.request("GET", base, token=None, headers=headers))
        server.request("GET", base, headers={c("header name"): c("header value"), "cookie": c("cookie"), "user-agent": c("agent"), "traceparent": c("traceparent")})
        with Admin(server) as admin:
            token = self.canary.know("token", admin.create_token("default", description=c("token description")).secret)
        self.ok(server.get("map", token=token))
        self.ok(server.request("GET", "/v1.0/secrets/coffer/map", headers={"dapr-api-token": token}, token=None))

    def grpc(self):
        c = self.canary
        with grpc.insecure_channel(self.server.grpc_address) as channel:
            auth = [("authorization", "Bearer " + self.server.token()), ("x-" + c("metadata key").lower(), c("metadata value"))]
            put = native_services.SecretsStub(channel).Put
            put(native.PutRequest(tenant="default", space="kv", name=c("grpc name"), value=c("grpc value")), metadata=auth, timeout=20)
            put(native.PutRequest(tenant="default", space="kv", name="b", value_base64=c("grpc bytes").encode()), metadata=auth, timeout=20)
            for request in (native.PutRequest(tenant="default", space="kv", name=c("grpc refused"), value=c("grpc refused value"), cas=9),
                            native.PutRequest(tenant=c("grpc tenant"), space="kv", name="x", value=c("grpc no tenant"))):
                self.fails(put, request, metadata=auth, timeout=20)

    def dapr(self):
        server, c = self.server, self.canary
        self.ok(server.request("GET", "/v1.0/secrets/coffer/map", token=None))
        server.request("GET", "/v1.0/secrets/coffer/" + c("dapr name") + "?metadata.x=" + c("dapr metadata"), token=None)
        self.refused(server.request("GET", "/v1.0/secrets/" + c("store") + "/x", token=None))
        self.refused(server.request("GET", "/v1.0/secrets/coffer/map", token=None, headers={"dapr-api-token": c("wrong dapr token")}))
        with grpc.insecure_channel(server.grpc_address) as channel:
            dapr_services.DaprStub(channel).GetBulkSecret(dapr.GetBulkSecretRequest(store_name="coffer"), timeout=20)

    def direktiv(self):
        c = self.canary
        with grpc.insecure_channel(self.server.grpc_address) as channel:
            service = direktiv_services.SecretsServiceStub(channel)
            one = {"namespace": "canary", "name": c("direktiv name")}
            service.StoreSecret(direktiv.SecretsStoreRequest(**one, data=c("direktiv value").encode(), stype=direktiv.SECRET), timeout=20)
            service.RetrieveSecret(direktiv.SecretsRetrieveRequest(**one), timeout=20)
            self.canary.know("bucket's private key", bytes(service.CreateBucket(direktiv.SecretsCreateBucketRequest(namespace="canary-bucket"), timeout=20).pkey))
            self.fails(service.RetrieveSecret, direktiv.SecretsRetrieveRequest(namespace="canary", name=c("direktiv missing")), timeout=20)
            self.fails(service.StoreSecret, direktiv.SecretsStoreRequest(**one, data=c("direktiv refused value").encode(), stype=direktiv.SECRET), timeout=20)

    def plain_cloudforet(self):
        """By REST and with an operator's token."""
        server, c = self.server, self.canary
        call = lambda verb, body: server.request("POST", "/secret/v1/secret/" + verb, {"domain_id": "canaries", **body})  # noqa: E731
        made = self.ok(call("create", {"name": c("cloudforet name"), "data": {c("cloudforet key"): c("cloudforet value")}, "secret_type": "CREDENTIALS",
                                       "schema": c("cloudforet schema"), "tags": {c("cloudforet tag"): [c("cloudforet tag value")]}}))
        secret = {"secret_id": made.json["secret_id"]}
        self.ok(call("update-data", {**secret, "data": {"k": c("cloudforet newer value")}}))
        self.ok(call("get-data", secret))
        for op in ("regex", "nonsense"):
            call("list", {"query": {"filter": [{"k": "name", "v": c("cloudforet filter"), "o": op}]}})

    def cloudforet(self):
        """Both generations, with a user's, an administrator's and a system's JWT."""
        server, c = self.server, self.canary
        signer = Signer(self.folder)
        server.admin("tenants", "create", "shop")
        server.admin("tenants", "open-door", "shop", "cloudforet", DOMAIN)
        server.admin("issuers", "put", "identity", "--tenant", "shop", "--iss", ISS, "--mapping", "cloudforet", "--public-key", signer.public)

        def token(user, own, **more):
            made = signer.token(iss=ISS, own=own, did=DOMAIN, aud=user, ver="2.0", typ="SYSTEM_TOKEN" if own == "SYSTEM" else "ACCESS_TOKEN", **more)
            for part in made.split(".")[1:]:
                c.know(f"a part of {user}'s jwt", part)
            return made

        tokens = {"admin": token("admin", "USER", rol="DOMAIN_ADMIN"), "alice": token("alice", "USER", rol="USER"), "system": token("s", "SYSTEM")}
        for generation, address, more in (("1.12", server.grpc_address, {"secret_type": "CREDENTIALS", "domain_id": DOMAIN}),
                                          ("2.x", self.newer, {"resource_group": "DOMAIN"})):
            call = Client(Generation(generation), address)
            try:
                self.cloudforet_services(lambda who, *arguments: call(*arguments, token=tokens[who]), generation, more)
            finally:
                call.close()

    def cloudforet_services(self, call, generation, more):
        c = lambda what: self.canary(f"{generation} {what}")  # noqa: E731
        kinds = [(SECRET, "secret_id", "admin", more)]
        if generation == "2.x":
            kinds.append((TRUSTED, "trusted_secret_id", "admin", {**more, "trusted_account_id": c("trusted account")}))
        kinds.append((USER, "user_secret_id", "alice", {}))
        for service, key, who, fields in kinds:
            made = call(who, service, "create", {"name": c("name"), "data": {c("key"): c("value")}, "tags": {c("tag"): c("tag value")}, **fields})
            of_domain = {"domain_id": DOMAIN} if generation == "1.12" and service == SECRET else {}
            one = {key: made[key], **of_domain}
            call(who, service, "update", {**one, "name": c("newer name"), "tags": {"t": c("newer tag")}})
            call(who, service, "update_data", {**one, "data": {"k": c("newer value")}})
            answer = call("system", service, "get_data", {**one, "domain_id": DOMAIN})
            assert "CNRY" in json.dumps(answer), answer
            self.fails(call, who, service, "get_data", {**one, "domain_id": DOMAIN})
            self.fails(call, who, service, "update_data", {**one, key: c("missing id"), "data": {"k": c("refused value")}})
            for query in ({"filter": [{"k": "name", "v": c("filter"), "o": "regex"}]}, {"filter": [{"k": c("filter key"), "v": "x", "o": "eq"}]},
                          {"keyword": c("keyword")}, {"sort": {"key": c("sort")} if of_domain else [{"key": c("sort")}]}):
                try:
                    call(who, service, "list", {"query": query, **of_domain})
                except grpc.RpcError:
                    pass

    def tapis(self):
        server, c = self.server, self.canary
        made = server.cli("dev-token", "--data", server.data, "--door", "tapis", "--tenant", "dev", "--user", "alice")
        assert made.returncode == 0, made.stderr
        token = made.stdout.decode().strip()
        for part in token.split(".")[1:]:
            c.know("a part of a tapis jwt", part)

        def call(verb, path, body=None, token=token):
            return server.request(verb, "/v3/pods/secrets" + path, body, {"x-tapis-token": token}, token=None)

        name = c("tapis id")
        self.ok(call("POST", "", {"secret_id": name, "secret_value": c("tapis value"), "description": c("tapis description")}))
        self.ok(call("POST", "", {"secret_id": "of-pod", "secret_value": c("tapis pod value"), "scope": "pod", "pod_id": "web", "readable": False}))
        self.ok(call("PUT", "/" + name, {"secret_value": c("tapis newer value"), "description": c("tapis newer description")}))
        self.ok(call("GET", f"/{name}/value"))
        rendered = self.ok(call("POST", "/render", {"secret_map": {"k": "${secret:%s}" % name, c("map key"): c("literal")}, "pod_id": "web",
                                                    "environment_variables": {"E": "${pods:secrets:k}", c("variable"): c("variable's value")},
                                                    "stack_secrets": {"K": c("stack secret")}}))
        assert self.canary.known["tapis newer value"] in rendered.body, rendered
        for body in ({"secret_id": name, "secret_value": c("tapis second value")}, {"secret_id": c("tapis bad id") + "/", "secret_value": c("tapis refused value")},
                     {"secret_id": "x", "secret_value": c("tapis scope value"), "scope": c("scope")}, {"secret_id": "x", "secret_value": [c("tapis list")]}):
            self.refused(call("POST", "", body))
        self.refused(call("GET", "/" + c("tapis missing")))
        self.refused(call("GET", "", token=c("tapis token")))
        self.refused(call("GET", "", token=token[:-8] + "AAAAAAAA"))
        self.refused(call("POST", "/render", {"secret_map": {"k": "${secret:%s}" % c("tapis missing in a map")}, "mode": c("tapis mode")}))
        call("POST", "/render", {"secret_map": {"k": "${:?" + c("tapis sentence") + "}"}, "pod_id": "web"})

    def command(self):
        c = self.canary
        done = self.server.cli("put", c("cli name"), input=c("cli value"))
        assert done.returncode == 0, done.stderr

    def operator(self, *arguments, refused=False):
        done = self.server.cli("admin", *arguments)
        assert (done.returncode != 0) == refused, (arguments, done.stdout, done.stderr)
        return done.stdout.decode()

    def file_of(self, text):
        path = self.folder / f"held-{len(list(self.folder.iterdir()))}"
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def admin(self):
        """Policies, operators and what they are refused with."""
        c = self.canary
        made = json.loads(self.operator("operators", "create", "watcher", "--capability", "audit", "--output", "json"))
        self.server.cli("admin", "tenants", "list", token_file=self.file_of(c.know("operator's token", made["token"])))
        self.server.cli("admin", "tenants", "list", token_file=self.file_of("cfo_" + c("wrong operator's token")))
        self.server.cli("admin", "policy", "apply", "--tenant", "default", "-f", "-", input='{"roles": "' + c("broken policy") + '"}')
        self.operator("issuers", "put", "broken", "--tenant", "default", "--iss", "https://x.example", "--public-key",
                      self.file_of(c("no public key")), refused=True)
        self.operator("audit", "query", "--principal", "dev-root")

    def seals(self):
        c = self.canary
        passphrase = self.file_of(c("seal's passphrase"))
        self.operator("seal", "add", "night", "--kind", "passphrase", "--passphrase-file", passphrase)
        self.operator("seal", "add", "night", "--kind", "passphrase", "--passphrase-file", self.file_of(c("second passphrase")), refused=True)
        shares = self.operator("seal", "add", "holders", "--kind", "shamir", "--shares", "3", "--threshold", "2").split()
        assert len(shares) == 3, "of shares"
        files = [self.file_of(c.know("a share", share)) for share in shares]
        for file in files[:2]:
            self.operator("seal", "verify", "--share-file", file)
        wrong = self.file_of("cfs_" + c("wrong share") + "A" * 35)
        self.operator("seal", "verify", "--share-file", wrong, refused=True)
        self.operator("operator-token", "--share-file", wrong, refused=True)
        self.operator("operator-token", "--share-file", files[0])
        token = self.folder / "quorum.token"
        self.operator("operator-token", "--share-file", files[1], "--out", token)
        c.know("a quorum's token", token.read_text().strip())
        self.server.cli("admin", "unseal", "--passphrase-file", self.file_of(c("passphrase of no seal")))
        for level in ("root", "cluster"):
            self.operator("keys", "rotate", level)

    def exports(self):
        """A tenant that goes out and comes in, and a backup. What is in `files` lies around afterwards."""
        server, c = self.server, self.canary
        self.ok(server.put(c("exported name"), {"value": c("exported value"), "tags": {"t": c("exported tag")}}, tenant="sent"))
        passphrase, file, backup = self.file_of(c("export's passphrase")), self.folder / "sent.export", self.folder / "backup"
        self.operator("tenants", "export", "sent", "--passphrase-file", passphrase, "--out", file)
        wrong = self.file_of(c("wrong export's passphrase"))
        self.operator("tenants", "import", file, "--passphrase-file", wrong, "--name", "received", refused=True)
        self.operator("tenants", "delete", "sent", "--purge", "--yes")
        self.operator("tenants", "import", file, "--passphrase-file", passphrase, "--timeout", "60s")
        self.operator("backup", "create", "--out", backup)
        assert run("admin", "backup", "verify", file, "--passphrase-file", wrong).returncode != 0
        self.files = [file, backup]

    def places(self, when):
        """{where: bytes} of all that lies on the disk: data, log, exports. Not the files of --dev that hold keys by intention."""
        found = {f"the log ({when})": self.server.log_path.read_bytes()}
        for path in sorted(self.server.data.rglob("*")):
            if path.is_file() and path.relative_to(self.server.data).parts[0] != "dev":
                found[f"{path.relative_to(self.server.data)} ({when})"] = path.read_bytes()
                found[f"the name of {path.name} ({when})"] = str(path).encode()
        return {**found, **{path.name: path.read_bytes() for path in self.files}}
