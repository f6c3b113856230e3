#!/usr/bin/env python3
"""What must hold of the Cloudforet door between its two generations and the native door, and at its limits: whose a name
is, what belongs to no workspace, what is in use, system tokens and user secrets, lengths, the names of rows, reflection
and health of 1.12, its domain owners, and encrypted values of trusted secrets."""

import base64
import json
import tempfile
import unittest

import grpc

from cloudforet_case import DOMAIN, CloudforetCase
from cloudforet_client import GROUP, SECRET, TRUSTED, USER, Client, Generation, failure
from harness import free_port
from test_cloudforet import TYPE, gcm_open

NOT_UNIQUE = ("ALREADY_EXISTS", "ERROR_SAVE_UNIQUE_VALUES: Tried to save duplicate unique values. (keys = ['name', 'domain_id'])")
USER_ID = ("INVALID_ARGUMENT", "ERROR_REQUIRED_PARAMETER: Required parameter. (key = user_id)")


def too_long(resource, field):
    return ("INTERNAL", f"ERROR_DB_QUERY: Database query failed. (reason = ValidationError ({resource}:None) (String value is too long: ['{field}']))")


class Both(CloudforetCase):
    """1.12 on the public listener, 2.x on one of its own, and the native door beside them."""

    @classmethod
    def setUpClass(cls):
        cls.newer_address = f"127.0.0.1:{free_port()}"
        cls.config = f'[[listener]]\naddress = "{cls.newer_address}"\ncloudforet.profile = "2.x"\n'
        super().setUpClass()
        cls.newer_generation = Generation("2.x")

    def setUp(self):
        self.admin, self.system = self.client(), self.client("system", None, own="SYSTEM")

    def newer(self, *arguments, **claims):
        client = Client(self.newer_generation, self.newer_address, self.token(*arguments, **claims))
        self.addCleanup(client.close)
        return client

    def make(self, name, client=None, **more):
        return (client or self.admin)(SECRET, "create", {"name": name, "data": {"k": "v"}, "secret_type": TYPE, "domain_id": DOMAIN, **more})

    def make_newer(self, client, name, group="DOMAIN", **more):
        return client(SECRET, "create", {"name": name, "data": {"k": "v"}, "resource_group": group, **more})

    def native(self, method, name, verb="", space="cloudforet.secret"):
        return self.server.request(method, self.server.path(name, "shop", space) + verb, {} if method == "POST" else None)

    # ---- numbers

    def test_a_number_that_json_cannot_carry_is_refused_over_rest(self):
        info = self.make("finite", tags={"t": 1})
        key = {"secret_id": info["secret_id"], "domain_id": DOMAIN}
        for verb, field, request in (("create", "data", {"name": "inf", "data": "?", "secret_type": TYPE, "domain_id": DOMAIN}),
                                     ("create", "tags", {"name": "inf", "data": {}, "tags": "?", "secret_type": TYPE, "domain_id": DOMAIN}),
                                     ("update-data", "data", {**key, "data": "?"}), ("update", "tags", {**key, "tags": "?"})):
            for value in ('{"a":1e400}', '{"a":{"b":[0,-1e999]}}'):
                status, body = self.rest("/secret/secret/" + verb, raw=json.dumps(request).replace('"?"', value).encode())
                self.assertEqual((status, body["detail"]["code"]), (400, "ERROR_INVALID_PARAMETER"), (verb, value))
                self.assertIn(f"key = {field}", body["detail"]["message"])
        self.assertEqual(self.rest("/secret/secret/get", key)[1]["tags"], {"t": 1})
        self.assertEqual(self.rest("/secret/secret/get-data", key, self.token("s", None, own="SYSTEM"))[1]["data"], {"k": "v"})
        self.assertEqual(self.rest("/secret/secret/list", {"domain_id": DOMAIN, "query": {"filter": [{"k": "name", "v": "inf", "o": "eq"}]}})[1]["total_count"], 0)

    def test_a_number_that_json_cannot_carry_is_refused_over_grpc(self):
        method = self.generation.method(SECRET, "create")
        for field in ("data", "tags"):
            for number in (float("inf"), float("-inf"), float("nan")):
                message = self.generation.message(method.input_type)(name="inf", secret_type=1, domain_id=DOMAIN)
                message.data.fields["k"].string_value = "v"
                getattr(message, field).fields["a"].list_value.values.add().struct_value.fields["b"].number_value = number
                call = self.admin.channel.unary_unary(f"/{SECRET}/create", lambda m: m.SerializeToString())
                status, details = failure(call, message, timeout=20, metadata=self.admin.metadata)
                self.assertEqual(status, "INVALID_ARGUMENT")
                self.assertIn(f"ERROR_INVALID_PARAMETER: Parameter is invalid. (key = {field}, ", details)

    # ---- names

    def test_a_name_of_1_12_is_one_secrets_also_after_a_rename_by_2_x(self):
        newer = self.newer()
        one = self.make("before")
        renamed = newer(SECRET, "update", {"secret_id": one["secret_id"], "name": "after"})
        self.assertEqual(renamed["name"], "after")
        self.assertEqual(failure(self.make, "after"), NOT_UNIQUE)
        two = self.make("before")
        self.assertEqual(failure(newer, SECRET, "update", {"secret_id": two["secret_id"], "name": "after"}), NOT_UNIQUE)
        # Those of 2.x may repeat, whoever renames them.
        for _ in range(2):
            made = self.make_newer(newer, "repeats")
        self.assertEqual(self.admin(SECRET, "update", {"secret_id": made["secret_id"], "domain_id": DOMAIN, "name": "after"})["name"], "after")

    def test_an_update_to_a_taken_name_is_refused(self):
        self.make("taken-1")
        two = {"secret_id": self.make("taken-2")["secret_id"], "domain_id": DOMAIN}
        for name in ("taken-1", "  taken-1 "):
            self.assertEqual(failure(self.admin, SECRET, "update", {**two, "name": name, "tags": {"a": "b"}}), NOT_UNIQUE)
        self.assertEqual(self.admin(SECRET, "get", two)["tags"], {})
        self.assertEqual(self.admin(SECRET, "update", {**two, "name": "taken-2"})["name"], "taken-2")
        for service, key in ((TRUSTED, "trusted_secret_id"), (GROUP, "secret_group_id")):
            made = [self.admin(service, "create", {"name": f"taken-{i}", "domain_id": DOMAIN, **({"data": {}} if service == TRUSTED else {})})
                    for i in range(2)]
            self.assertEqual(failure(self.admin, service, "update", {key: made[0][key], "domain_id": DOMAIN, "name": "taken-1"}), NOT_UNIQUE)

    def test_the_native_door_leaves_no_name_taken_and_takes_nothing_that_is_used(self):
        one = self.make("native")
        self.assertEqual(self.native("POST", one["secret_id"], ":destroy").status, 200)
        self.assertEqual(failure(self.admin, SECRET, "delete", {"secret_id": one["secret_id"], "domain_id": DOMAIN})[0], "NOT_FOUND")
        self.assertNotEqual(self.make("native")["secret_id"], one["secret_id"])
        trusted = self.admin(TRUSTED, "create", {"name": "used", "data": {"r": 1}, "domain_id": DOMAIN})["trusted_secret_id"]
        user = self.make("user", trusted_secret_id=trusted)["secret_id"]
        for method, verb in (("DELETE", ""), ("POST", ":destroy")):
            answer = self.native(method, trusted, verb, "cloudforet.trusted_secret")
            self.assertEqual((answer.status, answer.json["error"]["message"]), (400, f"the secret is used by {user}; delete that one first"))
        self.assertEqual(self.system(SECRET, "get_data", {"secret_id": user, "domain_id": DOMAIN})["data"], {"r": 1, "k": "v"})
        self.assertEqual(self.native("POST", user, ":destroy").status, 200)
        self.assertEqual(self.admin(TRUSTED, "delete", {"trusted_secret_id": trusted, "domain_id": DOMAIN}), {})

    def test_a_provider_is_the_trusted_secrets_else_the_schemas(self):
        trusted = lambda name, **more: self.admin(TRUSTED, "create", {"name": name, "data": {}, "domain_id": DOMAIN, **more})["trusted_secret_id"]
        self.assertEqual(self.make("p-1", trusted_secret_id=trusted("p-none"), schema="google_key")["provider"], "google_cloud")
        self.assertEqual(self.make("p-2", trusted_secret_id=trusted("p-aws", schema="aws_role"), schema="google_key")["provider"], "aws")

    # ---- places

    def test_what_belongs_to_no_workspace_is_the_administrators_only(self):
        admin, system = self.newer(), self.newer("s", None, own="SYSTEM")
        owner, member = self.newer("o", "WORKSPACE_OWNER", wid="w1"), self.newer("m", "WORKSPACE_MEMBER", wid="w1", projects=["p9"])
        nowhere = [self.make_newer(admin, "n-project", "PROJECT", project_id="p9"), self.make("n-older", project_id="p9")]
        self.make_newer(admin, "n-domain")
        self.make_newer(owner, "n-mine", "PROJECT", project_id="p9")
        query = {"query": {"filter": [{"k": "name", "v": "^n-", "o": "regex"}]}}
        names = lambda client: [r["name"] for r in client(SECRET, "list", query)["results"]]
        self.assertEqual(names(admin), ["n-domain", "n-mine", "n-older", "n-project"])
        self.assertEqual(names(system), names(admin))
        for client in (owner, member):
            self.assertEqual(names(client), ["n-domain", "n-mine"])
            for one in nowhere:
                self.assertEqual(failure(client, SECRET, "get", {"secret_id": one["secret_id"]})[0], "NOT_FOUND")
                self.assertEqual(failure(client, SECRET, "update", {"secret_id": one["secret_id"], "name": "x"})[0], "NOT_FOUND")
        narrow = Client(self.newer_generation, self.newer_address, self.token("s", None, own="SYSTEM"), [("x_workspace_id", "w1")])
        self.addCleanup(narrow.close)
        self.assertEqual(names(narrow), ["n-domain", "n-mine"])

    def test_a_workspace_is_the_tokens_whatever_the_request_says(self):
        for role in ("WORKSPACE_OWNER", "WORKSPACE_MEMBER"):
            placeless = self.newer("o", role, projects=["p1"])
            for group in ("WORKSPACE", "PROJECT"):
                more = {"workspace_id": "w1", "project_id": "p1"}
                self.assertEqual(failure(self.make_newer, placeless, "x", group, **more), ("PERMISSION_DENIED", "ERROR_PERMISSION_DENIED: Permission denied."))
        owner = self.newer("o", "WORKSPACE_OWNER", wid="w1")
        self.assertEqual(self.make_newer(owner, "x", "WORKSPACE", workspace_id="w2")["workspace_id"], "w1")
        narrow = Client(self.newer_generation, self.newer_address, self.token("s", None, own="SYSTEM"), [("x_workspace_id", "w1")])
        self.addCleanup(narrow.close)
        for group in ("WORKSPACE", "PROJECT"):
            self.assertEqual(self.make_newer(narrow, "x", group, workspace_id="w2", project_id="p1")["workspace_id"], "w1")

    def test_nobody_refers_to_what_he_may_not_look_at(self):
        admin = self.newer()
        trusted = {place: admin(TRUSTED, "create", {"name": f"r-{place}", "data": {"of": place}, "resource_group": group, **more})["trusted_secret_id"]
                   for place, group, more in (("w1", "WORKSPACE", {"workspace_id": "w1"}), ("w2", "WORKSPACE", {"workspace_id": "w2"}), ("*", "DOMAIN", {}))}
        owner, member = self.newer("o", "WORKSPACE_OWNER", wid="w1"), self.newer("m", "WORKSPACE_MEMBER", wid="w1", projects=["p1"])
        missing = ("NOT_FOUND", "ERROR_NOT_FOUND: Resource cannot be found or access is denied. (trusted_secret_id = %s)")
        for client in (owner, member):
            for place in ("w1", "*"):
                made = self.make_newer(client, "r", "PROJECT", project_id="p1", trusted_secret_id=trusted[place])
                self.assertEqual(self.system(SECRET, "get_data", {"secret_id": made["secret_id"], "domain_id": DOMAIN})["data"], {"of": place, "k": "v"})
            for foreign in (trusted["w2"], "trusted-secret-none"):
                refused = failure(self.make_newer, client, "r", "PROJECT", project_id="p1", trusted_secret_id=foreign)
                self.assertEqual(refused, (missing[0], missing[1] % foreign))
        self.assertEqual(admin(TRUSTED, "delete", {"trusted_secret_id": trusted["w2"]}), {}, "nobody uses it")

    def test_a_service_account_is_enough_for_a_projects_secret(self):
        owner = self.newer("o", "WORKSPACE_OWNER", wid="w1")
        made = self.make_newer(owner, "account", "PROJECT", service_account_id="sa-1")
        self.assertEqual((made["workspace_id"], made["service_account_id"], made.get("project_id")), ("w1", "sa-1", None))
        required = ("INVALID_ARGUMENT", "ERROR_REQUIRED_PARAMETER: Required parameter. (key = project_id)")
        self.assertEqual(failure(self.make_newer, owner, "x", "PROJECT"), required)
        member = self.newer("m", "WORKSPACE_MEMBER", wid="w1", projects=["p1"])
        self.assertEqual(failure(self.make_newer, member, "x", "PROJECT", service_account_id="sa-1"), required)

    # ---- tokens

    def test_a_system_token_is_no_user_of_user_secrets(self):
        made = self.client("alice", "USER")(USER, "create", {"name": "otp", "data": {"k": "v"}})
        key = {"user_secret_id": made["user_secret_id"]}
        for system in (self.system, self.newer("s", None, own="SYSTEM")):
            for verb, request in (("list", {}), ("get", key), ("update", {**key, "name": "x"}), ("update_data", {**key, "data": {}}),
                                  ("stat", {"query": {"distinct": "user_id"}}), ("create", {"name": "x", "data": {}})):
                self.assertEqual(failure(system, USER, verb, request), USER_ID, verb)
            self.assertEqual(system(USER, "get_data", {**key, "domain_id": DOMAIN})["data"], {"k": "v"})
        self.assertEqual(self.client("alice", "USER")(USER, "get", key), made)
        self.assertEqual(self.system(USER, "delete", key), {})

    def test_a_domain_owner_of_1_12_does_everything_in_his_domain(self):
        owner = self.client("owner", None, user_type="DOMAIN_OWNER")
        key = {"secret_id": self.make("owned", owner)["secret_id"], "domain_id": DOMAIN}
        self.assertEqual(owner(SECRET, "update", {**key, "tags": {"a": "b"}})["tags"], {"a": "b"})
        self.assertEqual(owner(SECRET, "list", {"domain_id": DOMAIN, "name": "owned"})["total_count"], 1)
        self.assertEqual(failure(owner, SECRET, "get_data", key)[0], "PERMISSION_DENIED")
        self.assertEqual(owner(SECRET, "delete", key), {})
        plain = self.client("plain", None, user_type="USER")
        self.assertEqual(failure(plain, SECRET, "list", {"domain_id": DOMAIN})[0], "PERMISSION_DENIED")

    # ---- limits

    def test_fields_have_their_longest_lengths(self):
        for field in ("schema", "project_id", "service_account_id", "trusted_secret_id"):
            self.assertEqual(failure(self.make, "long", **{field: "x" * 41}), too_long("Secret", field), field)
        key = {"secret_id": self.make("long", schema="x" * 40, project_id="é" * 40)["secret_id"], "domain_id": DOMAIN}
        for verb, field, size in (("update", "name", 256), ("update", "project_id", 41), ("update_data", "schema", 41)):
            request = {**key, field: "x" * size, **({"data": {}} if verb == "update_data" else {})}
            self.assertEqual(failure(self.admin, SECRET, verb, request), too_long("Secret", field), (verb, field))
        user = lambda n: self.client("u" * n, "USER")
        self.assertEqual(user(255)(USER, "create", {"name": "n", "data": {}})["user_id"], "u" * 255)
        self.assertEqual(failure(user(256), USER, "create", {"name": "n", "data": {}}), too_long("UserSecret", "user_id"))
        self.assertEqual(failure(self.newer(did="d" * 41), SECRET, "create", {"name": "n", "data": {}, "resource_group": "DOMAIN"}),
                         too_long("Secret", "domain_id"))
        long = lambda n: failure(self.make, "n", self.client(did="d" * n), domain_id="d" * n)
        self.assertEqual(long(256), too_long("Secret", "domain_id"))
        self.assertNotEqual(long(255)[0], "INTERNAL", "such a domain may be, and is not")
        self.assertEqual(failure(self.admin, SECRET, "get", {"secret_id": "s", "domain_id": "d" * 256})[0], "NOT_FOUND")

    # ---- rows and words

    def test_rows_that_are_not_grouped_have_the_names_of_their_generation(self):
        made = self.make_newer(self.newer(), "row", "PROJECT", project_id="p1", workspace_id="w1", schema_id="aws_key", tags={"l": ["a", "b"]})
        query = {"filter": [{"k": "name", "v": "row", "o": "eq"}], "aggregate": [{"unwind": {"path": "tags.l"}}, {"limit": 1}]}
        older = self.admin(SECRET, "stat", {"domain_id": DOMAIN, "query": query})["results"]
        newer = self.newer()(SECRET, "stat", {"query": query})["results"]
        self.assertEqual([(r["secret_id"], r["schema"], r["project_id"], r["tags"]) for r in older], [(made["secret_id"], "aws_key", "p1", {"l": "a"})])
        self.assertFalse({"schema_id", "workspace_id", "resource_group"} & set(older[0]))
        self.assertEqual([(r["schema_id"], r["workspace_id"], r["resource_group"]) for r in newer], [("aws_key", "w1", "PROJECT")])
        self.assertFalse({"schema", "secret_type"} & set(newer[0]))

    def test_a_difference_of_times_that_is_none_is_shown_as_upstream_writes_it(self):
        for value, shown in ((1, "1.0"), (-2.5, "-2.5"), (True, "True"), (None, "None"), ("zzz", "zzz"), ("", "")):
            for op in ("timediff_gt", "timediff_lte"):
                query = {"filter": [{"k": "created_at", "v": value, "o": op}]}
                detail = f"ERROR_DB_QUERY: Database query failed. (reason = The value of {op} operator is invalid. (value = {shown}))"
                self.assertEqual(failure(self.admin, SECRET, "list", {"domain_id": DOMAIN, "query": query}), ("INTERNAL", detail))
                self.assertEqual(failure(self.newer(), USER, "stat", {"query": {**query, "distinct": "name"}}), ("INTERNAL", detail))
                status, answer = self.rest("/secret/v1/secret/list", {"domain_id": DOMAIN, "query": query})
                self.assertEqual((status, answer["detail"]), (500, {"code": "ERROR_DB_QUERY", "message": detail.removeprefix("ERROR_DB_QUERY: ")}))

    def test_what_is_no_member_of_a_group_is_named(self):
        group = {"secret_group_id": self.admin(GROUP, "create", {"name": "g", "domain_id": DOMAIN})["secret_group_id"], "domain_id": DOMAIN}
        self.assertEqual(failure(self.admin, GROUP, "remove_secret", {**group, "secret_id": "secret-none"}),
                         ("NOT_FOUND", "ERROR_NOT_FOUND: Value not found. (secret_id = secret-none)"))
        missing = {**group, "secret_group_id": "secret-grp-none"}
        self.assertEqual(failure(self.admin, GROUP, "remove_secret", {**missing, "secret_id": "secret-none"}),
                         ("NOT_FOUND", f"ERROR_NOT_FOUND: Value not found. (('secret_group_id', 'domain_id') = ('secret-grp-none', '{DOMAIN}'))"))

    # ---- what clients start from

    def test_reflection_and_health_know_the_services_of_1_12(self):
        channel = grpc.insecure_channel(self.server.grpc_address)
        self.addCleanup(channel.close)
        ask = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        listed = b"".join(ask(iter([b"\x3a\x00"]), timeout=10))
        for name in (SECRET, TRUSTED, GROUP, USER, "spaceone.api.core.v1.ServerInfo"):
            self.assertIn(name.encode(), listed)
            self.assertEqual(check(b"\x0a" + bytes([len(name)]) + name.encode(), timeout=10), b"\x08\x01", name)
        file_of = lambda name: b"".join(ask(iter([b"\x22" + bytes([len(name)]) + name.encode()]), timeout=10))
        for word in (b"release_project", b"secret_type", b"/secret/v1/secret/get-data"):
            self.assertIn(word, file_of(SECRET))
        self.assertNotIn(b"RESOURCE_GROUP_NONE", file_of(SECRET))
        self.assertIn(b"add_secret", file_of(GROUP))


class Encrypted(CloudforetCase):
    generation_name = "2.x"
    key = bytes(range(32))

    @classmethod
    def setUpClass(cls):
        cls.address = f"127.0.0.1:{free_port()}"
        cls.key_file = tempfile.NamedTemporaryFile("w", suffix=".key")
        cls.key_file.write(base64.b64encode(cls.key).decode() + "\n")
        cls.key_file.flush()
        cls.config = (f'[[listener]]\naddress = "{cls.address}"\ncloudforet.profile = "2.x"\n'
                      f'[cloudforet]\nencrypt = "AES"\nkey_file = "{cls.key_file.name}"\n')
        super().setUpClass()

    def test_a_trusted_secrets_value_is_sealed_for_a_client_with_the_key(self):
        admin, system = self.client(address=self.address), self.client("s", None, own="SYSTEM", address=self.address)
        key = {"trusted_secret_id": admin(TRUSTED, "create", {"name": "t", "data": {"role": "é"}, "resource_group": "DOMAIN"})["trusted_secret_id"]}
        admin(TRUSTED, "update_data", {**key, "data": {"role": "the second value"}})
        got = system(TRUSTED, "get_data", {**key, "domain_id": DOMAIN})
        self.assertTrue(got["encrypted"])
        self.assertEqual(got["encrypt_options"]["encrypt_algorithm"], "AES")
        plain = gcm_open(self.key, base64.b64decode(got["encrypt_options"]["nonce"]), base64.b64decode(got["data"]["encrypted_data"]))
        self.assertEqual(json.loads(base64.b64decode(plain)), {"role": "the second value"})
        self.assertNotIn("second", json.dumps(got))


if __name__ == "__main__":
    unittest.main()
