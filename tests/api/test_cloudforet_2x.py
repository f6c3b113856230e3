#!/usr/bin/env python3
"""The Cloudforet door in generation 2.x on a listener of its own, beside 1.12 on the public one: the life of Secret and
TrustedSecret, resource groups and what workspaces and projects see, reflection, health, REST on an HTTP listener, and
client certificates at listeners with TLS."""

import http.client
import json
import ssl
import tempfile
import unittest
from pathlib import Path

import grpc

from cloudforet_case import DOMAIN, CloudforetCase
from cloudforet_client import SECRET, TRUSTED, USER, Client, failure
from harness import free_port
from test_tls import make_certificates


class Newer(CloudforetCase):
    generation_name = "2.x"

    @classmethod
    def setUpClass(cls):
        cls.newer, cls.http = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        cls.config = (f'[[listener]]\naddress = "{cls.newer}"\ncloudforet.profile = "2.x"\n'
                      f'[[listener]]\naddress = "{cls.http}"\nprotocol = "http"\ncloudforet.profile = "2.x"\n')
        super().setUpClass()

    @classmethod
    def client(cls, *arguments, **claims):
        return super().client(*arguments, address=cls.newer, **claims)

    def make(self, client, name, group="DOMAIN", **more):
        return client(SECRET, "create", {"name": name, "data": {"k": name}, "resource_group": group, **more})

    def test_a_secret_lives_from_create_to_delete(self):
        admin, system = self.client(), self.client("s", None, own="SYSTEM")
        info = self.make(admin, "life", schema_id="aws_access_key", tags={"a": "b"})
        self.assertEqual((info["workspace_id"], info["project_id"], info["resource_group"], info["schema_id"], info["provider"], info["domain_id"]),
                         ("*", "*", "DOMAIN", "aws_access_key", "aws", DOMAIN))
        self.assertNotIn("state", info)
        self.assertTrue(self.make(admin, "life")["secret_id"], "names may repeat in this generation")
        key = {"secret_id": info["secret_id"]}
        self.assertEqual(admin(SECRET, "get", key), info)
        self.assertEqual(system(SECRET, "get_data", {**key, "domain_id": DOMAIN})["data"], {"k": "life"})
        self.assertEqual(admin(SECRET, "update", {**key, "name": "renamed"})["name"], "renamed")
        self.assertEqual(admin(SECRET, "update_data", {**key, "data": {"k": 2}}), {})
        self.assertEqual(admin(SECRET, "list", {"name": "renamed", "state": "DISABLED"})["total_count"], 1, "state is not looked at")
        for verb in ("enable", "disable"):
            self.assertEqual(failure(admin, SECRET, verb, key), ("INTERNAL", "ERROR_UNKNOWN: Method not implemented!"))
        self.assertEqual(admin(SECRET, "delete", key), {})
        self.assertEqual(failure(admin, SECRET, "get", key),
                         ("NOT_FOUND", "ERROR_NOT_FOUND: Resource cannot be found or access is denied. "
                          f"(('secret_id', 'domain_id') = ('{info['secret_id']}', '{DOMAIN}'))"))

    def test_groups_and_places_bound_what_tokens_do(self):
        admin = self.client()
        owner, member = self.client("o", "WORKSPACE_OWNER", wid="w1"), self.client("m", "WORKSPACE_MEMBER", wid="w1", projects=["p1"])
        self.make(admin, "g-domain")
        self.make(admin, "g-other", "WORKSPACE", workspace_id="w2")
        self.assertEqual(self.make(owner, "g-workspace", "WORKSPACE")["workspace_id"], "w1")
        mine = self.make(member, "g-project", "PROJECT", project_id="p1")
        self.assertEqual((mine["workspace_id"], mine["project_id"]), ("w1", "p1"))
        required = "ERROR_REQUIRED_PARAMETER: Required parameter. (key = {})"
        self.assertEqual(failure(self.make, member, "x", "PROJECT")[1], required.format("project_id"))
        self.assertEqual(failure(self.make, admin, "x", "WORKSPACE")[1], required.format("workspace_id"))
        self.assertEqual(failure(self.make, admin, "x", "RESOURCE_GROUP_NONE")[1], required.format("resource_group"))
        for client, group, more in ((owner, "DOMAIN", {}), (member, "WORKSPACE", {}), (member, "PROJECT", {"project_id": "p2"})):
            self.assertEqual(failure(self.make, client, "x", group, **more)[0], "PERMISSION_DENIED")
        names = lambda c: [r["name"] for r in c(SECRET, "list", {"query": {"filter": [{"k": "name", "v": "g-", "o": "contain"}]}}).get("results", [])]
        self.assertEqual(names(admin), ["g-domain", "g-other", "g-project", "g-workspace"])
        self.assertEqual(names(owner), ["g-domain", "g-project", "g-workspace"])
        self.assertEqual(names(member), ["g-domain", "g-project", "g-workspace"])
        self.assertEqual(failure(member, SECRET, "delete", {"secret_id": self.find(admin, "g-domain")})[0], "NOT_FOUND")
        self.assertEqual(failure(member, TRUSTED, "create", {"name": "t", "data": {}, "resource_group": "WORKSPACE"})[0], "PERMISSION_DENIED")

    def test_every_project_is_no_project(self):
        # Where documents say their place, * is every project; a request that says it would show a project's secret to all.
        admin, owner = self.client(), self.client("o", "WORKSPACE_OWNER", wid="w6")
        refused = ("INVALID_ARGUMENT", "ERROR_INVALID_PARAMETER: Parameter is invalid. (key = project_id, reason = * is no project's id)")
        for client in (admin, owner, self.client("s", None, own="SYSTEM")):
            self.assertEqual(failure(self.make, client, "x", "PROJECT", project_id="*"), refused)
        made = self.make(owner, "of-a-project", "PROJECT", project_id="p1")
        self.assertEqual(failure(owner, SECRET, "update", {"secret_id": made["secret_id"], "project_id": "*"}), refused)
        self.assertEqual(owner(SECRET, "get", {"secret_id": made["secret_id"]})["project_id"], "p1")
        self.assertEqual(self.make(owner, "of-all", "WORKSPACE", project_id="*")["project_id"], "*", "so it is there anyway")

    def test_a_member_of_all_projects_changes_what_is_in_projects_only(self):
        admin, everywhere = self.client(), self.client("m", "WORKSPACE_MEMBER", wid="w5", projects=["*"])
        shared = self.make(admin, "all-shared", "WORKSPACE", workspace_id="w5")["secret_id"]
        project = self.make(admin, "all-project", "PROJECT", workspace_id="w5", project_id="p9")["secret_id"]
        for verb, more in (("update", {"name": "x"}), ("update_data", {"data": {"k": "x"}}), ("delete", {})):
            self.assertEqual(failure(everywhere, SECRET, verb, {"secret_id": shared, **more})[0], "NOT_FOUND", verb)
        self.assertEqual(everywhere(SECRET, "get", {"secret_id": shared})["name"], "all-shared")
        self.assertEqual(everywhere(SECRET, "update", {"secret_id": project, "name": "all-changed"})["name"], "all-changed")
        self.assertEqual(failure(self.make, everywhere, "x", "PROJECT", project_id="*")[0], "PERMISSION_DENIED")
        self.assertEqual(everywhere(SECRET, "delete", {"secret_id": project}), {})

    def test_a_token_of_every_workspace_is_one_of_none(self):
        admin = self.client()
        domain = self.make(admin, "star-domain")["secret_id"]
        star = self.client("o", "WORKSPACE_OWNER", wid="*")
        for verb, more in (("update", {"name": "x"}), ("update_data", {"data": {"k": "x"}}), ("delete", {})):
            self.assertEqual(failure(star, SECRET, verb, {"secret_id": domain, **more})[0], "NOT_FOUND", verb)
        self.assertEqual(failure(self.make, star, "x", "WORKSPACE")[0], "PERMISSION_DENIED")

    def test_a_type_makes_no_system_of_a_user(self):
        secret = self.make(self.client(), "typed")["secret_id"]
        typed = self.client("u", "USER", typ="SYSTEM_TOKEN")
        self.assertEqual(failure(typed, SECRET, "get_data", {"secret_id": secret, "domain_id": DOMAIN})[0], "PERMISSION_DENIED")

    def find(self, client, name):
        return client(SECRET, "list", {"name": name})["results"][0]["secret_id"]

    def test_a_system_token_narrows_itself_to_a_workspace(self):
        admin, claims = self.client(), self.token("s", None, own="SYSTEM")
        for name, group, more in (("x-domain", "DOMAIN", {}), ("x-w1", "WORKSPACE", {"workspace_id": "w1"}), ("x-w2", "WORKSPACE", {"workspace_id": "w2"})):
            self.make(admin, name, group, **more)
        narrow = Client(self.generation, self.newer, claims, [("x_workspace_id", "w1")])
        self.addCleanup(narrow.close)
        query = {"query": {"filter": [{"k": "name", "v": "x-", "o": "contain"}]}}
        names = lambda c: [r["name"] for r in c(SECRET, "list", query)["results"]]
        self.assertEqual(names(narrow), ["x-domain", "x-w1"])
        self.assertEqual(self.make(narrow, "x-made", "WORKSPACE")["workspace_id"], "w1")
        for name in ("x-domain", "x-w2"):
            self.assertEqual(failure(narrow, SECRET, "update", {"secret_id": self.find(admin, name), "name": "x"})[0], "NOT_FOUND", name)
        self.assertEqual(failure(narrow, SECRET, "get", {"secret_id": self.find(admin, "x-w2")})[0], "NOT_FOUND")
        self.assertEqual(narrow(SECRET, "delete", {"secret_id": self.find(admin, "x-w1")}), {})
        # Nobody else's word for it counts.
        other = Client(self.generation, self.newer, self.token("o", "WORKSPACE_OWNER", wid="w2"), [("x_workspace_id", "w1")])
        self.addCleanup(other.close)
        self.assertEqual(names(other), ["x-domain", "x-w2"])

    def test_tokens_are_of_version_2(self):
        refused = ("UNAUTHENTICATED", "ERROR_AUTHENTICATE_FAILURE: Authenticate failure. (message = invalid token version.)")
        for version in ("1.0", None, 2.0):
            claims = dict(iss="https://dev.spaceone.identity", typ="ACCESS_TOKEN", own="USER", did=DOMAIN, aud="a", rol="DOMAIN_ADMIN",
                          **({"ver": version} if version else {}))
            older = Client(self.generation, self.newer, self.signer.token(**claims))
            self.assertEqual(failure(older, SECRET, "list", {}), refused, version)
            older.close()

    def test_a_trusted_secret_has_values_of_its_own(self):
        admin, system = self.client(), self.client("s", None, own="SYSTEM")
        trusted = admin(TRUSTED, "create", {"name": "t", "data": {"r": 1}, "resource_group": "WORKSPACE", "workspace_id": "w1", "trusted_account_id": "ta-1"})
        self.assertEqual((trusted["trusted_account_id"], trusted["workspace_id"]), ("ta-1", "w1"))
        key = {"trusted_secret_id": trusted["trusted_secret_id"]}
        self.assertEqual(system(TRUSTED, "get_data", {**key, "domain_id": DOMAIN})["data"], {"r": 1})
        one = self.make(admin, "uses", trusted_secret_id=key["trusted_secret_id"])
        self.assertEqual(failure(admin, TRUSTED, "delete", key)[1], f"ERROR_EXIST_RELATED_SECRET: Related Secret is exist. (secret_id={one['secret_id']})")

    def test_sorts_are_lists_and_unwind_makes_rows(self):
        admin = self.client()
        for name, tags in (("u-1", {"l": ["a", "b"]}), ("u-2", {"l": ["b"]})):
            self.make(admin, name, tags=tags)
        query = {"filter": [{"k": "name", "v": "u-", "o": "contain"}], "sort": [{"key": "name", "desc": True}]}
        self.assertEqual([r["name"] for r in admin(SECRET, "list", {"query": query})["results"]], ["u-2", "u-1"])
        rows = admin(SECRET, "list", {"query": {**query, "only": ["name", "tags"], "unwind": {"path": "tags.l"}}})
        self.assertEqual([(r["name"], r["tags"]["l"]) for r in rows["results"]], [("u-2", "b"), ("u-1", "a"), ("u-1", "b")])
        self.assertEqual(failure(admin, SECRET, "list", {"query": {"unwind": {"path": "tags.l"}}}),
                         ("INTERNAL", "ERROR_DB_QUERY: Database query failed. (reason = unwind option requires only option.)"))
        stat = {"filter": query["filter"], "aggregate": [{"group": {"keys": [{"k": "name", "n": "n"}]}}, {"sort": [{"key": "n", "desc": True}]}]}
        self.assertEqual(admin(SECRET, "stat", {"query": stat})["results"], [{"n": "u-2"}, {"n": "u-1"}])
        for hole in ("lookup", "add_fields"):
            self.assertEqual(failure(admin, SECRET, "list", {"query": {hole: [] if hole == "lookup" else {"x": 1}}})[0], "INVALID_ARGUMENT")

    def test_both_generations_see_the_same_secrets_by_their_own_names(self):
        from cloudforet_client import Generation
        newer = self.client()
        made = self.make(newer, "shared", "PROJECT", project_id="p1", workspace_id="w1", schema_id="aws_key")
        older = Client(Generation("1.12"), self.server.grpc_address, self.token())
        seen = older(SECRET, "get", {"secret_id": made["secret_id"], "domain_id": DOMAIN})
        self.assertEqual((seen["schema"], seen["project_id"], seen["provider"]), ("aws_key", "p1", "aws"))
        older.close()

    def test_reflection_shows_this_generation_under_its_public_names(self):
        channel = grpc.insecure_channel(self.newer)
        ask = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        services = b"".join(ask(iter([b"\x3a\x00"])))
        for name in (SECRET, TRUSTED, USER, "spaceone.api.core.v1.ServerInfo"):
            self.assertIn(name.encode(), services)
        self.assertNotIn(b"SecretGroup", services)
        answer = b"".join(ask(iter([b"\x22" + bytes([len(SECRET)]) + SECRET.encode()])))
        self.assertIn(b"RESOURCE_GROUP_NONE", answer)
        self.assertNotIn(b"release_project", answer)
        channel.close()

    def test_a_client_that_starts_from_reflection_builds_its_messages_and_calls(self):
        """What the ecosystem's clients do: they list services, ask for the file of one, and make messages of what they get."""
        from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
        channel = grpc.insecure_channel(self.newer)
        ask = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        made = self.make(self.client(), "reflected", tags={"a": "b"})
        answer = next(ask(iter([b"\x22" + bytes([len(SECRET)]) + SECRET.encode()]), timeout=10))
        pool, files = descriptor_pool.DescriptorPool(), {}
        for file in fields_of(dict(fields_of(answer))[4]):  # FileDescriptorResponse
            one = descriptor_pb2.FileDescriptorProto.FromString(file[1])
            files[one.name] = one

        def add(name):
            if name in files:
                one = files.pop(name)
                for needed in one.dependency:
                    add(needed)
                pool.Add(one)
        for name in list(files):
            add(name)
        method = pool.FindServiceByName(SECRET).methods_by_name["get"]
        factory = message_factory.MessageFactory(pool)
        into, out = factory.GetPrototype(method.input_type), factory.GetPrototype(method.output_type)
        call = channel.unary_unary(f"/{SECRET}/get", into.SerializeToString, out.FromString)
        info = call(into(secret_id=made["secret_id"]), timeout=10, metadata=[("token", self.token())])
        self.assertEqual(json_format.MessageToDict(info, preserving_proto_field_name=True), made)
        channel.close()

    def test_health_is_told_for_the_listener_and_for_each_of_its_services(self):
        channel = grpc.insecure_channel(self.newer)
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        serving = b"\x08\x01"
        self.assertEqual(check(b"", timeout=10), serving)
        for name in (SECRET, TRUSTED, USER):
            self.assertEqual(check(b"\x0a" + bytes([len(name)]) + name.encode(), timeout=10), serving, name)
        for name in ("spaceone.api.secret.v1.SecretGroup", "coffer.v1.Secrets"):  # what the other listener serves
            with self.assertRaises(grpc.RpcError) as caught:
                check(b"\x0a" + bytes([len(name)]) + name.encode(), timeout=10)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND, name)
        watch = channel.unary_stream("/grpc.health.v1.Health/Watch")(b"", timeout=10)
        self.assertEqual(next(watch), serving)
        watch.cancel()
        channel.close()
        connection = http.client.HTTPConnection(*self.http.split(":"), timeout=10)
        for path in ("/healthz", "/readyz"):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 200, path)
        connection.close()

    def test_rest_on_a_listener_of_its_own(self):
        address, self.server.http_address = self.server.http_address, self.http
        try:
            status, info = self.rest("/secret/secret/create", {"name": "rest", "data": {"a": 1}, "resource_group": "DOMAIN"})
            self.assertEqual((status, info["resource_group"]), (200, "DOMAIN"))
            status, data = self.rest("/secret/v1/secret/get-data", {"secret_id": info["secret_id"], "domain_id": DOMAIN}, self.token("s", None, own="SYSTEM"))
            self.assertEqual((status, data["data"]), (200, {"a": 1}))
        finally:
            self.server.http_address = address


class Certificates(CloudforetCase):
    """Both kinds of listener with TLS, which ask for a client certificate: what a platform's own services have."""

    generation_name = "2.x"

    @classmethod
    def setUpClass(cls):
        cls.keys = Path(tempfile.mkdtemp(prefix="coffer-cf-tls-"))
        make_certificates(cls.keys)
        cls.newer, cls.http = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        tls = f'tls.certificate = "{cls.keys}/server.pem"\ntls.key = "{cls.keys}/server.key"\ntls.client_ca = "{cls.keys}/ca.pem"\n'
        cls.config = (f'[[listener]]\naddress = "{cls.newer}"\ncloudforet.profile = "2.x"\n{tls}'
                      f'[[listener]]\naddress = "{cls.http}"\nprotocol = "http"\ncloudforet.profile = "2.x"\n{tls}'
                      '[[certificates]]\nname = "identity"\nsan = "dns:client.example"\ntenant = "shop"\nprincipal = "service:identity"\n')
        super().setUpClass()
        reads = {"roles": [{"name": "values", "grants": [{"capabilities": ["read-value"], "spaces": ["cloudforet.*"], "names": ["*"]}]}],
                 "bindings": [{"role": "values", "subjects": ["service:identity"]}]}
        done = cls.server.cli("admin", "policy", "apply", "-f", "-", "--tenant", "shop", input=json.dumps(reads))
        assert done.returncode == 0, done.stderr

    def channel(self, client="client"):
        read = lambda name: (self.keys / name).read_bytes()
        chain = (read(f"{client}.key"), read(f"{client}.pem")) if client else (None, None)
        made = Client(self.generation, self.newer)
        made.close()
        made.channel = grpc.secure_channel(self.newer, grpc.ssl_channel_credentials(read("ca.pem"), *chain))
        self.addCleanup(made.close)
        return made

    def post(self, path, body, client="client"):
        context = ssl.create_default_context(cafile=str(self.keys / "ca.pem"))
        if client:
            context.load_cert_chain(self.keys / f"{client}.pem", self.keys / f"{client}.key")
        connection = http.client.HTTPSConnection(*self.http.split(":"), context=context, timeout=10)
        try:
            connection.request("POST", path, json.dumps(body), {"content-type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def test_a_service_reads_values_by_its_certificate_and_nothing_else(self):
        service = self.channel()
        person = self.channel()
        person.metadata = [("token", self.token())]
        made = person(SECRET, "create", {"name": "n", "data": {"k": "v"}, "resource_group": "DOMAIN"})
        key = {"secret_id": made["secret_id"], "domain_id": DOMAIN}
        self.assertEqual(service(SECRET, "get_data", key)["data"], {"k": "v"})
        self.assertEqual(failure(person, SECRET, "get_data", key)[0], "PERMISSION_DENIED", "a token goes before a certificate")
        service.metadata = [("x_domain_id", DOMAIN)]
        self.assertEqual(failure(service, SECRET, "list", {}), ("PERMISSION_DENIED", "ERROR_PERMISSION_DENIED: Permission denied."))
        status, data = self.post("/secret/v1/secret/get-data", key)
        self.assertEqual((status, data["data"]), (200, {"k": "v"}))

    def test_who_has_no_certificate_of_the_right_authority_gets_no_value(self):
        key = {"secret_id": "secret-x", "domain_id": DOMAIN}
        self.assertEqual(failure(self.channel(None), SECRET, "get_data", key),
                         ("UNAUTHENTICATED", "ERROR_AUTHENTICATE_FAILURE: Authenticate failure. (message = empty token provided.)"))
        status, body = self.post("/secret/v1/secret/get-data", key, None)
        self.assertEqual((status, body["detail"]["code"]), (401, "ERROR_AUTHENTICATE_FAILURE"))
        self.assertEqual(failure(self.channel("stranger"), SECRET, "get_data", key)[0], "UNAVAILABLE")
        with self.assertRaises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
            self.post("/secret/v1/secret/get-data", key, "stranger")


def fields_of(message):
    """(number, bytes) of a protobuf message's length-delimited fields; others are passed over."""
    def varint(at):
        value = shift = 0
        while True:
            byte = message[at]
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if byte < 0x80:
                return value, at
    found, at = [], 0
    while at < len(message):
        tag, at = varint(at)
        if tag & 7 == 2:
            size, at = varint(at)
            found.append((tag >> 3, message[at:at + size]))
            at += size
        else:
            _, at = varint(at)
    return found


if __name__ == "__main__":
    unittest.main()
