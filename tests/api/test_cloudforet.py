#!/usr/bin/env python3
"""The Cloudforet door in generation 1.12 with UserSecret: the whole life of every resource over gRPC by a Python client
and over REST, the words of its errors, tokens and roles, the query language end to end, and values for clients that
decrypt themselves."""

import base64
import json
import subprocess
import unittest
from pathlib import Path

from admin_client import Admin
from cloudforet_case import DOMAIN, CloudforetCase
from cloudforet_client import GROUP, SECRET, TRUSTED, USER, Client, failure
from harness import ServerCase

TYPE = "CREDENTIALS"


class Life(CloudforetCase):
    def setUp(self):
        self.admin = self.client()
        self.system = self.client("system", None, own="SYSTEM")

    def make(self, name, client=None, **more):
        return (client or self.admin)(SECRET, "create", {"name": name, "data": {"k": "v"}, "secret_type": TYPE, "domain_id": DOMAIN, **more})

    def test_a_secret_lives_from_create_to_delete(self):
        info = self.make("  life  ", tags={" team ": {" id ": [" x ", 7, True, None]}}, schema="aws_access_key", project_id="project-1")
        self.assertRegex(info["secret_id"], r"^secret-[0-9a-f]{12}$")
        self.assertRegex(info["created_at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual({k: info[k] for k in ("name", "tags", "schema", "provider", "project_id", "secret_type", "domain_id")},
                         {"name": "life", "tags": {"team": {"id": ["x", 7, True, None]}}, "schema": "aws_access_key", "provider": "aws",
                          "project_id": "project-1", "secret_type": TYPE, "domain_id": DOMAIN})
        key = {"secret_id": info["secret_id"], "domain_id": DOMAIN}
        self.assertEqual(self.admin(SECRET, "get", key), info)
        self.assertEqual(self.system(SECRET, "get_data", key), {"data": {"k": "v"}, "encrypt_options": {}})
        changed = self.admin(SECRET, "update", {**key, "name": "life2", "tags": {"a": "b"}, "release_project": True, "project_id": "project-9"})
        self.assertEqual((changed["name"], changed["tags"], changed.get("project_id")), ("life2", {"a": "b"}, None))
        self.assertEqual(self.admin(SECRET, "update_data", {**key, "data": {" kept ": " as it is "}, "schema": "google_api_key"}), {})
        self.assertEqual(self.system(SECRET, "get_data", key)["data"], {" kept ": " as it is "})
        self.assertEqual(self.admin(SECRET, "get", key)["schema"], "google_api_key")
        only = self.admin(SECRET, "get", {**key, "only": ["name"]})
        self.assertEqual(only, {"name": "life2", "tags": {}})
        self.assertEqual(self.admin(SECRET, "update", {**key, "tags": {}})["tags"], {})
        self.assertEqual(self.admin(SECRET, "delete", key), {})
        gone = ("NOT_FOUND", f"ERROR_NOT_FOUND: Value not found. (('secret_id', 'domain_id') = ('{info['secret_id']}', '{DOMAIN}'))")
        for verb in ("get", "delete", "update"):
            self.assertEqual(failure(self.admin, SECRET, verb, key), gone, verb)
        self.assertEqual(failure(self.system, SECRET, "get_data", key)[0], "NOT_FOUND")

    def test_a_trusted_secret_lends_its_data_and_cannot_go_while_it_is_used(self):
        trusted = self.admin(TRUSTED, "create", {"name": "trusted", "data": {"role": "arn", "k": "theirs"}, "schema": "aws_assume_role",
                                                 "domain_id": DOMAIN})
        self.assertRegex(trusted["trusted_secret_id"], r"^trusted-secret-[0-9a-f]{12}$")
        one = self.make("with-trusted", trusted_secret_id=trusted["trusted_secret_id"])
        self.assertEqual((one["trusted_secret_id"], one["provider"]), (trusted["trusted_secret_id"], "aws"))
        data = self.system(SECRET, "get_data", {"secret_id": one["secret_id"], "domain_id": DOMAIN})
        self.assertEqual(data["data"], {"role": "arn", "k": "v"}, "the secret's own members win")
        key = {"trusted_secret_id": trusted["trusted_secret_id"], "domain_id": DOMAIN}
        self.assertEqual(failure(self.admin, TRUSTED, "delete", key),
                         ("INTERNAL", f"ERROR_EXIST_RELATED_SECRET: Related Secret is exist. (secret_id={one['secret_id']})"))
        self.admin(TRUSTED, "update_data", {**key, "data": {"role": "arn2"}})
        self.assertEqual(self.admin(TRUSTED, "update", {**key, "name": "trusted2"})["name"], "trusted2")
        self.assertEqual(self.admin(TRUSTED, "list", {"domain_id": DOMAIN, "name": "trusted2"})["total_count"], 1)
        self.admin(SECRET, "delete", {"secret_id": one["secret_id"], "domain_id": DOMAIN})
        self.admin(TRUSTED, "delete", key)
        self.assertEqual(failure(self.make, "x", trusted_secret_id="trusted-secret-none"),
                         ("NOT_FOUND", "ERROR_NOT_FOUND: Value not found. (trusted_secret_id = trusted-secret-none)"))

    def test_a_group_holds_secrets(self):
        secret = self.make("in-group")["secret_id"]
        group = self.admin(GROUP, "create", {"name": "group", "tags": {"a": "1"}, "domain_id": DOMAIN})
        self.assertRegex(group["secret_group_id"], r"^secret-grp-[0-9a-f]{12}$")
        key = {"secret_group_id": group["secret_group_id"], "domain_id": DOMAIN}
        added = self.admin(GROUP, "add_secret", {**key, "secret_id": secret})
        self.assertEqual((added["secret_group_info"]["name"], added["secret_info"]["secret_id"]), ("group", secret))
        self.assertEqual(failure(self.admin, GROUP, "add_secret", {**key, "secret_id": secret})[1].split(":")[0], "ERROR_ALREADY_EXIST_SECRET_IN_SECRET_GROUP")
        self.assertEqual(failure(self.admin, GROUP, "add_secret", {**key, "secret_id": "secret-none"})[0], "NOT_FOUND")
        found = self.admin(GROUP, "list", {"domain_id": DOMAIN, "secret_id": secret})
        self.assertEqual([g["name"] for g in found["results"]], ["group"])
        self.admin(GROUP, "remove_secret", {**key, "secret_id": secret})
        self.assertEqual(self.admin(GROUP, "list", {"domain_id": DOMAIN, "secret_id": secret}), {})
        self.assertEqual(self.admin(GROUP, "update", {**key, "name": "group2"})["name"], "group2")
        self.assertEqual(self.admin(GROUP, "get", key)["name"], "group2")
        self.assertEqual(self.admin(GROUP, "stat", {"domain_id": DOMAIN, "query": {"distinct": "name"}})["results"], ["group2"])
        self.admin(GROUP, "delete", key)
        self.assertEqual(failure(self.admin, GROUP, "get", key)[0], "NOT_FOUND")

    def test_a_user_secret_is_its_users_own(self):
        alice, bob = self.client("alice@x", "USER"), self.client("bob@x", "DOMAIN_ADMIN")
        info = alice(USER, "create", {"name": "otp", "data": {"otp_secret_key": "JBSWY3DP"}, "schema_id": "otp", "tags": {"a": "b"}})
        self.assertRegex(info["user_secret_id"], r"^user-secret-[0-9a-f]{12}$")
        self.assertEqual((info["user_id"], info["domain_id"], "provider" in info), ("alice@x", DOMAIN, False))
        self.assertEqual(alice(USER, "create", {"name": "otp", "data": {}})["name"], "otp")   # names may repeat
        key = {"user_secret_id": info["user_secret_id"]}
        self.assertEqual(alice(USER, "get", key), info)
        self.assertEqual(failure(bob, USER, "get", key),
                         ("NOT_FOUND", "ERROR_NOT_FOUND: Resource cannot be found or access is denied. (('user_secret_id', 'domain_id', 'user_id') = "
                          f"('{info['user_secret_id']}', '{DOMAIN}', 'bob@x'))"))
        self.assertEqual(bob(USER, "list", {}), {})
        self.assertEqual(alice(USER, "list", {"query": {"filter": [{"k": "schema_id", "v": "otp", "o": "eq"}]}})["total_count"], 1)
        self.assertEqual(alice(USER, "update", {**key, "name": "otp2"})["name"], "otp2")
        self.assertEqual(alice(USER, "update_data", {**key, "data": {"otp_secret_key": "X"}}), {})
        data = {**key, "domain_id": DOMAIN}
        self.assertEqual(failure(alice, USER, "get_data", data), ("PERMISSION_DENIED", "ERROR_PERMISSION_DENIED: Permission denied."))
        self.assertEqual(self.system(USER, "get_data", data), {"encrypt_options": {}, "data": {"otp_secret_key": "X"}})
        self.assertEqual(failure(self.system, USER, "create", {"name": "n", "data": {}})[1],
                         "ERROR_REQUIRED_PARAMETER: Required parameter. (key = user_id)")
        app = self.client("app-1", None, own="APP")
        self.assertEqual(failure(app, USER, "list", {})[0], "PERMISSION_DENIED")
        self.assertEqual(self.system(USER, "delete", key), {})    # what identity does when a user goes
        self.assertEqual(failure(alice, USER, "get", key)[0], "NOT_FOUND")

    # ---- who may

    def test_get_data_is_for_the_system_coffers_tokens_and_nobody_else(self):
        key = {"secret_id": self.make("who")["secret_id"], "domain_id": DOMAIN}
        self.assertEqual(failure(self.admin, SECRET, "get_data", key)[0], "PERMISSION_DENIED")
        nobody = Client(self.generation, self.server.grpc_address)
        self.assertEqual(failure(nobody, SECRET, "get_data", key),
                         ("UNAUTHENTICATED", "ERROR_AUTHENTICATE_FAILURE: Authenticate failure. (message = Empty token provided.)"))
        for resource, word in ((SECRET, "Empty"), (TRUSTED, "Empty"), (GROUP, "Empty"), (USER, "empty")):
            for domain in (DOMAIN, "nobody"):
                self.assertEqual(failure(nobody, resource, "stat", {"domain_id": domain, "query": {"distinct": "name"}}),
                                 ("UNAUTHENTICATED", f"ERROR_AUTHENTICATE_FAILURE: Authenticate failure. (message = {word} token provided.)"))
        nobody.close()
        with Admin(self.server) as admin:
            made = admin.create_token("shop", ("read-value",), ("cloudforet.*",))
        service = Client(self.generation, self.server.grpc_address, made.secret)
        self.assertEqual(service(SECRET, "get_data", key)["data"], {"k": "v"})
        self.assertEqual(failure(service, SECRET, "list", {"domain_id": DOMAIN})[0], "PERMISSION_DENIED")
        service.close()

    def test_tokens_of_other_domains_and_forged_ones_are_refused(self):
        other = self.client("admin", did="domain-of-nobody")
        self.assertEqual(failure(other, SECRET, "list", {"domain_id": DOMAIN})[0], "PERMISSION_DENIED")
        bad = Client(self.generation, self.server.grpc_address, self.token()[:-4] + "AAAA")
        self.assertEqual(failure(bad, SECRET, "list", {"domain_id": DOMAIN}),
                         ("UNAUTHENTICATED", "ERROR_AUTHENTICATE_FAILURE: Authenticate failure. (message = Token is invalid or expired.)"))
        bad.close()
        garbled = Client(self.generation, self.server.grpc_address, "nonsense")
        undecoded = ("UNAUTHENTICATED", "ERROR_AUTHENTICATE_FAILURE: Authenticate failure. (message = failed to decode token.)")
        self.assertEqual(failure(garbled, SECRET, "list", {"domain_id": DOMAIN}), undecoded)
        self.assertEqual(failure(garbled, SECRET, "list", {"domain_id": DOMAIN}, token="a.b.c"), undecoded)
        self.assertEqual(failure(garbled, SECRET, "list", {"domain_id": DOMAIN}, token="cft_x")[1].split("= ")[1], "Token is invalid or expired.)")
        garbled.close()
        self.assertEqual(self.rest("/secret/secret/list", {"domain_id": DOMAIN}, "nonsense"),
                         (401, {"detail": {"code": "ERROR_AUTHENTICATE_FAILURE", "message": "Authenticate failure. (message = failed to decode token.)"}}))
        self.assertEqual(failure(self.client("u", "USER"), SECRET, "list", {"domain_id": DOMAIN})[0], "PERMISSION_DENIED")

    # ---- the words of errors

    def test_errors_have_upstreams_words(self):
        required = "ERROR_REQUIRED_PARAMETER: Required parameter. (key = {})"
        good = {"name": "n", "data": {}, "secret_type": TYPE, "domain_id": DOMAIN}
        for key in good:
            request = {k: v for k, v in good.items() if k != key}
            self.assertEqual(failure(self.admin, SECRET, "create", request), ("INVALID_ARGUMENT", required.format(key)), key)
        self.assertEqual(failure(self.admin, SECRET, "get", {"domain_id": DOMAIN}), ("INVALID_ARGUMENT", required.format("secret_id")))
        self.make("taken")
        self.assertEqual(failure(self.make, "taken"),
                         ("ALREADY_EXISTS", "ERROR_SAVE_UNIQUE_VALUES: Tried to save duplicate unique values. (keys = ['name', 'domain_id'])"))
        code, text = failure(self.make, "x" * 256)
        self.assertEqual(code, "INTERNAL")
        self.assertRegex(text, r"^ERROR_DB_QUERY: Database query failed\. \(reason = ValidationError .*String value is too long: \['name'\]")
        self.assertTrue(self.make("é" * 255)["secret_id"])
        self.assertEqual(failure(self.admin, SECRET, "stat", {"domain_id": DOMAIN, "query": {}}), ("INVALID_ARGUMENT", required.format("aggregate")))

    def query_error(self, *filters, **query):
        return failure(self.admin, SECRET, "list", {"domain_id": DOMAIN, "query": {"filter": list(filters), **query}})

    def test_query_errors_have_upstreams_words(self):
        db = "ERROR_DB_QUERY: Database query failed. (reason = {})"
        self.assertEqual(self.query_error({"k": "nofield", "v": 1, "o": "eq"}), ("INTERNAL", db.format('Cannot resolve field "nofield"')))
        self.assertEqual(self.query_error({"v": 1, "o": "eq"}), ("INTERNAL", db.format("Filter condition should have key, value and operator.")))
        names = ("lt lte gt gte eq not exists contain not_contain in not_in contain_in not_contain_in match regex regex_in datetime_gt "
                 "datetime_lt datetime_gte datetime_lte timediff_gt timediff_lt timediff_gte timediff_lte").split()
        self.assertEqual(self.query_error({"k": "name", "v": 1, "o": "like"}),
                         ("INTERNAL", db.format(f"Filter operator is not supported. (operator = dict_keys({names}))")))
        self.assertEqual(self.query_error({"k": "name", "v": ["a"], "o": "eq"}),
                         ("INVALID_ARGUMENT", "ERROR_OPERATOR_VALUE_TYPE: The value of 'eq operator' does not support list type. "
                          "({'k': 'name', 'v': ['a'], 'o': 'eq'})"))
        self.assertEqual(self.query_error({"key": "name", "value": "a", "operator": "in"}),
                         ("INVALID_ARGUMENT", "ERROR_OPERATOR_LIST_VALUE_TYPE: The value of 'in operator' must be a list type. "
                          "({'key': 'name', 'value': 'a', 'operator': 'in'})"))
        self.assertEqual(self.query_error({"k": "name", "v": 1, "o": "exists"})[1].split(":")[0], "ERROR_OPERATOR_BOOLEAN_TYPE")
        self.assertEqual(self.query_error({"k": "tags", "v": 1, "o": "match"})[1].split(":")[0], "ERROR_OPERATOR_DICT_VALUE_TYPE")
        self.assertEqual(self.query_error({"k": "created_at", "v": "x", "o": "datetime_gt"}),
                         ("INTERNAL", db.format("The value of datetime_gt operator is required ISO 8601 format.")))
        self.assertEqual(self.query_error({"k": "created_at", "v": "zzz", "o": "timediff_gt"}),
                         ("INTERNAL", db.format("The value of timediff_gt operator is invalid. (value = zzz)")))
        self.assertEqual(self.query_error({"k": "name", "v": [], "o": "contain_in"}),
                         ("INTERNAL", "ERROR_UNKNOWN: reduce() of empty iterable with no initial value"))
        self.assertEqual(self.query_error(only=["nofield"]), ("INTERNAL", db.format('Cannot resolve field "nofield"')))
        self.assertEqual(self.query_error({"k": "$where", "v": "1", "o": "regex"})[0], "INTERNAL")
        self.assertEqual(self.query_error(*[{"k": "name", "v": "a", "o": "eq"}] * 300),
                         ("INVALID_ARGUMENT", "ERROR_INVALID_PARAMETER: Parameter is invalid. (key = request, reason = filter[256]: more than 256 conditions in one query)"))
        stat = lambda aggregate: failure(self.admin, SECRET, "stat", {"domain_id": DOMAIN, "query": {"aggregate": [aggregate]}})
        self.assertEqual(stat({"group": {}}), ("INTERNAL", db.format("Required parameter. (key = aggregate.group.keys || aggregate.group.fields)")))
        self.assertEqual(stat({"group": {"fields": [{"n": "x", "o": "median", "k": "name"}]}}),
                         ("INTERNAL", db.format("Database query failed. (reason = 'aggregate.group.fields' condition's median operator is not supported. "
                                                "(supported_operator = ['count', 'sum', 'average', 'max', 'min', 'first', 'last', 'push', 'add_to_set', "
                                                "'merge_objects']))")))
        project = lambda op: stat({"project": {"fields": [{"k": "name", "n": "n", "o": op}]}})[1]
        self.assertIn("'aggregate.project.fields' condition's modulo operator is not supported. (supported_operator = ['size', 'sum', ", project("modulo"))
        self.assertEqual(project("add"), db.format("Required parameter. (key = aggregate.project.fields.fields)"))
        for stage in ({"limit": 0}, {"limit": -1}):
            self.assertEqual(stat(stage), ("INTERNAL", db.format("the limit must be positive")))
        self.assertEqual(stat({"skip": -1})[0], "INTERNAL")
        names = [{"group": {"fields": [{"n": "x", "o": "push", "k": "name"}]}}]
        tenfold = {"group": {"fields": [{"n": "x", "o": "push", "fields": [{"k": "x", "n": f"a{i}"} for i in range(10)]}]}}
        grouped = {"group": {"keys": [{"k": "x", "n": "y"}], "fields": [{"n": "c", "o": "count"}]}}
        multiplied = failure(self.admin, SECRET, "stat", {"domain_id": DOMAIN, "query": {"aggregate": [*names, *[tenfold] * 8, grouped]}})
        self.assertIn("134217728 bytes", multiplied[1])
        for hole in ({"lookup": []}, {"add_fields": {}}):  # 1.12 has no such fields
            self.assertEqual(self.rest("/secret/secret/list", {"domain_id": DOMAIN, "query": hole})[0], 400)
        for page in ({"start": -1, "limit": 1}, {"start": "x", "limit": 1}, {"start": 1.5, "limit": 1}, {"limit": 4294967296}):
            status, body = self.rest("/secret/secret/list", {"domain_id": DOMAIN, "query": {"page": page}})
            self.assertEqual((status, body["detail"]["code"]), (400, "ERROR_INVALID_PARAMETER"), page)

    # ---- REST

    def test_both_families_of_paths_serve_every_verb(self):
        status, info = self.rest("/secret/v1/secret/create", {"name": "rest", "data": {"a": [1, "é", None]}, "secretType": TYPE, "domain_id": DOMAIN})
        self.assertEqual((status, info["secret_type"], info["name"]), (200, TYPE, "rest"))
        key = {"secret_id": info["secret_id"], "domain_id": DOMAIN}
        for prefix in ("/secret/v1/", "/secret/"):
            self.assertEqual(self.rest(prefix + "secret/get", key), (200, info))
            self.assertEqual(self.rest(prefix + "secret/update", {"secretId": key["secret_id"], "domainId": DOMAIN, "tags": {"p": prefix}})[1]["tags"], {"p": prefix})
            info["tags"] = {"p": prefix}
            self.assertEqual(self.rest(prefix + "secret/update-data", {**key, "data": {"a": [1, "é", None]}}), (200, {}))
            status, data = self.rest(prefix + "secret/get-data", key, self.token("s", None, own="SYSTEM"))
            self.assertEqual((status, data), (200, {"data": {"a": [1, "é", None]}, "encrypted": False, "encrypt_options": {}}))
            status, found = self.rest(prefix + "secret/list", {"domain_id": DOMAIN, "query": {"filter": [{"k": "name", "v": "rest", "o": "eq"}]}})
            self.assertEqual((status, found["total_count"], found["results"][0]["secret_id"]), (200, 1, key["secret_id"]))
            status, stat = self.rest(prefix + "secret/stat", {"domain_id": DOMAIN, "query": {"distinct": "secret_type"}})
            self.assertEqual((status, stat), (200, {"results": [TYPE]}))
        status, mine = self.rest("/secret/user-secret/create", {"name": "n", "data": {"x": "y"}}, self.token("alice", "USER"))
        self.assertEqual((status, mine["user_id"]), (200, "alice"))
        status, data = self.rest("/secret/v1/user-secret/get-data", {"user_secret_id": mine["user_secret_id"], "domain_id": DOMAIN},
                                 self.token("s", None, own="SYSTEM"))
        self.assertEqual((status, data["data"]), (200, {"x": "y"}))
        self.assertEqual(self.rest("/secret/secret/delete", key), (200, {}))

    def test_rest_errors_have_code_and_message(self):
        self.assertEqual(self.rest("/secret/secret/create", {"data": {}, "secret_type": TYPE, "domain_id": DOMAIN}),
                         (400, {"detail": {"code": "ERROR_REQUIRED_PARAMETER", "message": "Required parameter. (key = name)"}}))
        self.assertEqual(self.rest("/secret/secret/get", {"secret_id": "secret-x", "domain_id": DOMAIN}),
                         (404, {"detail": {"code": "ERROR_NOT_FOUND",
                                           "message": f"Value not found. (('secret_id', 'domain_id') = ('secret-x', '{DOMAIN}'))"}}))
        self.assertEqual(self.rest("/secret/secret/get", raw=b"{nonsense"),
                         (500, {"detail": {"code": "ERROR_UNKNOWN", "message": "JSON Parsing Error: Request body requires JSON format."}}))
        self.assertEqual(self.rest("/secret/secret/nothing")[0], 500)
        self.assertEqual(self.rest("/secret/secret/nothing")[1]["detail"]["code"], "ERROR_UNSUPPORTED_API")
        status, body = self.rest("/secret/secret/get", {"secret": "x"})
        self.assertEqual((status, body["detail"]["code"]), (400, "ERROR_INVALID_PARAMETER"))
        status, body = self.rest("/secret/secret/create", {"name": "n", "data": "text", "secret_type": TYPE, "domain_id": DOMAIN})
        self.assertEqual((status, body["detail"]["code"]), (400, "ERROR_INVALID_PARAMETER"))
        answer = self.server.request("POST", "/secret/secret/list", {"domain_id": DOMAIN}, token=None)
        self.assertEqual((answer.status, answer.json["detail"]["code"]), (401, "ERROR_AUTHENTICATE_FAILURE"))
        deep = "{\"name\":\"n\",\"data\":" + "{\"a\":" * 100 + "1" + "}" * 100 + "}"
        self.assertEqual(self.rest("/secret/secret/create", raw=deep.encode())[0], 400)

    def test_the_server_tells_what_it_is(self):
        self.assertRegex(self.admin("spaceone.api.core.v1.ServerInfo", "get_version")["version"], r"^\d+\.\d+\.\d+")


class Queries(CloudforetCase):
    """One domain of known secrets, and what every part of a query makes of them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.admin = cls.client()
        cls.tags = [{"team": {"id": 1}, "l": ["x", "y"]}, {"team": {"id": 2}, "l": ["y"]}, {"team": {"id": 10}}, {"team": "none"}, {}]
        for i, tags in enumerate(cls.tags):
            cls.admin(SECRET, "create", {"name": f"n-{i}", "data": {"hidden": f"value-{i}"}, "secret_type": TYPE, "domain_id": DOMAIN, "tags": tags,
                                         "schema": "aws_key" if i % 2 == 0 else "google_key"})

    def names(self, **query):
        found = self.admin(SECRET, "list", {"domain_id": DOMAIN, "query": query})
        return [r.get("name") for r in found.get("results", [])]

    def where(self, key, op, value=None):
        return "".join(n[-1] for n in self.names(filter=[{"k": key, "v": value, "o": op}]))

    def test_operators(self):
        for key, op, value, expected in [
                ("name", "eq", "n-1", "1"), ("name", "not", "n-1", "0234"), ("name", "in", ["n-1", "n-3"], "13"), ("name", "in", [], ""),
                ("name", "not_in", ["n-1"], "0234"), ("name", "contain", "N-", "01234"), ("name", "not_contain", "1", "0234"),
                ("name", "contain_in", ["1", "2"], "12"), ("name", "not_contain_in", ["1", "2"], "01234"), ("name", "regex", "^N-[12]$", "12"),
                ("name", "regex_in", ["0", "4$"], "04"), ("tags.team.id", "gte", 2, "12"), ("tags.team.id", "lt", 2, "0"),
                ("tags.team.id", "gt", "1", ""), ("tags.l", "eq", "y", "01"), ("tags.l", "exists", True, "01"), ("tags.team", "eq", None, "4"),
                ("provider", "eq", "aws", "024"), ("schema", "contain", "google", "13"), ("project_id", "eq", None, "01234"),
                ("created_at", "timediff_gt", "now - 1h", "01234"), ("created_at", "datetime_lt", "2020-01-01", ""),
                ("tags.team.id", "in", [1, 10], "02"), ("secret_type", "eq", TYPE, "01234")]:
            self.assertEqual(self.where(key, op, value), expected, (key, op, value))

    def test_filters_sort_pages_and_projection(self):
        both = self.names(filter=[{"k": "provider", "v": "aws", "o": "eq"}], filter_or=[{"k": "name", "v": "n-0", "o": "eq"}, {"k": "name", "v": "n-1", "o": "eq"}])
        self.assertEqual(both, ["n-0"])
        self.assertEqual(self.names(sort={"key": "name", "desc": True}, page={"start": 2, "limit": 2}), ["n-3", "n-2"])
        self.assertEqual(self.names(sort={"keys": [{"key": "provider"}, {"key": "name", "desc": True}]}), ["n-4", "n-2", "n-0", "n-3", "n-1"])
        self.assertEqual(self.names(sort={"key": "tags.team.id", "desc": True}, page={"limit": 3}), ["n-2", "n-1", "n-0"])
        self.assertEqual(self.names(page={"start": 3}), [f"n-{i}" for i in range(5)], "a start without a limit is no page")
        self.assertEqual(self.names(keyword="  google N-4 "), ["n-1", "n-3", "n-4"])
        self.assertEqual(self.names(keyword="   "), [f"n-{i}" for i in range(5)])
        counted = self.admin(SECRET, "list", {"domain_id": DOMAIN, "query": {"count_only": True}})
        self.assertEqual(counted, {"total_count": 5})
        paged = self.admin(SECRET, "list", {"domain_id": DOMAIN, "query": {"page": {"limit": 1}}})
        self.assertEqual((len(paged["results"]), paged["total_count"]), (1, 5))
        one = self.admin(SECRET, "list", {"domain_id": DOMAIN, "name": "n-0", "query": {"only": ["provider", "tags.team"]}})["results"][0]
        self.assertEqual(one, {"name": "n-0", "provider": "aws", "tags": {"team": {"id": 1}}})
        minimal = self.admin(SECRET, "list", {"domain_id": DOMAIN, "name": "n-0", "query": {"minimal": True}})["results"][0]
        self.assertEqual(set(minimal), {"secret_id", "name", "secret_type", "tags"})

    def stat(self, *aggregate, **query):
        return self.admin(SECRET, "stat", {"domain_id": DOMAIN, "query": {"aggregate": list(aggregate), **query}})

    def test_statistics(self):
        group = {"group": {"keys": [{"k": "provider", "n": "p"}], "fields": [{"n": "count", "o": "count"}, {"k": "tags.team.id", "n": "sum", "o": "sum"}]}}
        self.assertEqual(self.stat(group, {"sort": {"key": "count", "desc": True}}), {"results": [{"p": "aws", "count": 3, "sum": 11}, {"p": "google_cloud", "count": 2, "sum": 2}]})
        self.assertEqual(self.stat(group, {"sort": {"key": "p"}}, page={"limit": 1}), {"results": [{"p": "aws", "count": 3, "sum": 11}], "total_count": 2})
        self.assertEqual(self.stat({"count": {"name": "n"}}, filter=[{"k": "name", "v": "n-1", "o": "eq"}]), {"results": [{"n": 1}]})
        self.assertEqual(self.stat({"count": {"name": "n"}}, filter=[{"k": "name", "v": "none", "o": "eq"}]), {"results": []})
        self.assertEqual(self.stat({"unwind": {"path": "tags.l"}}, {"group": {"keys": [{"k": "tags.l", "n": "l"}], "fields": [{"n": "c", "o": "count"}]}},
                                   {"sort": {"key": "l"}}), {"results": [{"l": "x", "c": 1}, {"l": "y", "c": 2}]})
        self.assertEqual(self.stat(distinct="provider"), {"results": ["aws", "google_cloud"]})
        self.assertEqual(self.stat(distinct="nofield"), {"results": []})
        year = self.stat({"group": {"keys": [{"k": "created_at", "n": "d", "date_format": "%Y-%m-%dT"}], "fields": [{"n": "c", "o": "count"}]}})
        self.assertRegex(year["results"][0]["d"], r"^20\d\d-\d\d-\d\dT$")

    def test_the_command_lists_counts_and_writes_values_to_files(self):
        cli = lambda *arguments: self.server.cli("cloudforet", *arguments, environment={"COFFER_DOMAIN": DOMAIN})
        done = cli("list", "secret", "--filter", "provider eq aws", "--filter", "tags.team.id gte 2", "--sort", "-name", "--output", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        found = json.loads(done.stdout)
        self.assertEqual([r["name"] for r in found["results"]], ["n-2"])
        table = cli("list", "secret", "--page-size", "2").stdout.decode().splitlines()
        self.assertEqual((len(table), table[0].split()[:2]), (3, ["ID", "NAME"]))
        one = found["results"][0]["secret_id"]
        self.assertIn(b"n-2", cli("get", "secret", one).stdout)
        out = Path(self.folder) / "value.json"
        done = cli("get-data", "secret", one, "--out", str(out))
        self.assertEqual((done.returncode, done.stdout), (0, b""), done.stderr)
        self.assertEqual((json.loads(out.read_text()), out.stat().st_mode & 0o777), ({"hidden": "value-2"}, 0o600))
        self.assertEqual(cli("stat", "secret", "--group", "provider").stdout.decode().split()[-4:], ["aws", "3", "google_cloud", "2"])
        self.assertEqual(cli("get", "secret", "secret-none").returncode, 3)
        self.assertEqual(cli("list", "things").returncode, 2)
        self.assertEqual(cli("list", "secret", "--filter", "name").returncode, 2)

    def test_no_query_sees_a_value(self):
        for query in ({"filter": [{"k": "data.hidden", "v": "value-1", "o": "eq"}]}, {"only": ["data"]}):
            self.assertEqual(failure(self.admin, SECRET, "list", {"domain_id": DOMAIN, "query": query})[1],
                             'ERROR_DB_QUERY: Database query failed. (reason = Cannot resolve field "data")')
        self.assertEqual(self.names(keyword="value-1"), [])


class Encrypted(CloudforetCase):
    """get_data for clients that decrypt themselves, and a client that does (AES-GCM by the openssl library's command is
    not to be had, so it is written out below)."""

    scheme = "AES"
    key = bytes(range(32))

    @classmethod
    def setUpClass(cls):
        import tempfile
        cls.key_file = tempfile.NamedTemporaryFile("w", suffix=".key")
        cls.key_file.write(base64.b64encode(cls.key).decode() + "\n")
        cls.key_file.flush()
        cls.config = f'[cloudforet]\nencrypt = "{cls.scheme}"\nkey_file = "{cls.key_file.name}"\n'
        super().setUpClass()

    def open(self, key, nonce, sealed):
        plain = gcm_open(key, base64.b64decode(nonce), base64.b64decode(sealed))
        return json.loads(base64.b64decode(plain))

    def value_key(self, options, prefix=""):
        self.assertEqual(options["encrypt_algorithm"], "AES")
        return self.key

    def test_a_client_with_the_key_reads_values_of_every_resource(self):
        admin, system, alice = self.client(), self.client("s", None, own="SYSTEM"), self.client("alice", "USER")
        trusted = admin(TRUSTED, "create", {"name": "t", "data": {"role": "é"}, "domain_id": DOMAIN})["trusted_secret_id"]
        secret = admin(SECRET, "create", {"name": "s", "data": {"k": "v"}, "secret_type": TYPE, "domain_id": DOMAIN, "trusted_secret_id": trusted})
        admin(SECRET, "update_data", {"secret_id": secret["secret_id"], "domain_id": DOMAIN, "data": {"k": "the second value"}})
        got = system(SECRET, "get_data", {"secret_id": secret["secret_id"], "domain_id": DOMAIN})
        options = got["encrypt_options"]
        self.assertTrue(got["encrypted"])
        self.assertEqual(self.open(self.value_key(options), options["nonce"], got["data"]["encrypted_data"]), {"k": "the second value"})
        self.assertEqual(self.open(self.value_key(options, "trusted_"), options["trusted_nonce"], got["data"]["trusted_encrypted_data"]), {"role": "é"})
        self.assertNotIn("second", json.dumps(got))
        mine = alice(USER, "create", {"name": "u", "data": {"otp": "1"}})["user_secret_id"]
        got = system(USER, "get_data", {"user_secret_id": mine, "domain_id": DOMAIN})
        self.assertEqual(self.open(self.value_key(got["encrypt_options"]), got["encrypt_options"]["nonce"], got["data"]["encrypted_data"]), {"otp": "1"})


class Enveloped(Encrypted):
    scheme = "envelope"

    def value_key(self, options, prefix=""):
        self.assertEqual(options["encrypt_algorithm"], "COFFER_ENVELOPE")
        box = base64.b64decode(options[prefix + "encrypted_data_key"])
        return gcm_open(self.key, box[:12], box[12:])


class Open(CloudforetCase):
    config = '[cloudforet]\nget_data = "open"\n'

    def test_the_switch_gives_values_by_id_without_a_token_and_nothing_else(self):
        mine = self.client("alice", "USER")(USER, "create", {"name": "u", "data": {"otp": "1"}})["user_secret_id"]
        nobody = Client(self.generation, self.server.grpc_address)
        self.assertEqual(nobody(USER, "get_data", {"user_secret_id": mine, "domain_id": DOMAIN})["data"], {"otp": "1"})
        self.assertEqual(failure(nobody, USER, "get_data", {"user_secret_id": "user-secret-x", "domain_id": DOMAIN})[0], "NOT_FOUND")
        self.assertEqual(failure(nobody, USER, "list", {})[0], "UNAUTHENTICATED")
        bad = Client(self.generation, self.server.grpc_address, "nonsense")
        self.assertEqual(failure(bad, USER, "get_data", {"user_secret_id": mine, "domain_id": DOMAIN})[0], "UNAUTHENTICATED")
        nobody.close()
        bad.close()


class Large(CloudforetCase):
    def test_a_list_of_everything_comes_whole_over_both_transports(self):
        """It is larger than any page, so it is encoded aside."""
        admin, count = self.client(), 1100
        for i in range(count):
            admin(SECRET, "create", {"name": f"n-{i:04}", "data": {}, "secret_type": TYPE, "domain_id": DOMAIN, "tags": {"i": i}})
        names = [f"n-{i:04}" for i in reversed(range(count))]
        query = {"domain_id": DOMAIN, "query": {"sort": {"key": "tags.i", "desc": True}}}
        for _ in range(3):
            found = admin(SECRET, "list", query)
            self.assertEqual([r["name"] for r in found["results"]], names)
            status, found = self.rest("/secret/secret/list", query)
            self.assertEqual((status, found["total_count"], [r["name"] for r in found["results"]]), (200, count, names))
        grouped = {"aggregate": [{"group": {"keys": [{"k": "name", "n": "n"}], "fields": [{"k": "tags", "n": "all", "o": "push"}]}}, {"sort": {"key": "n"}}]}
        self.assertEqual([r["n"] for r in admin(SECRET, "stat", {"domain_id": DOMAIN, "query": grouped})["results"]], names[::-1])


class Dev(ServerCase):
    def test_a_dev_token_is_all_that_a_newcomer_needs(self):
        done = self.server.cli("dev-token", "--data", self.server.data, "--door", "cloudforet", "--tenant", "domain-dev", "--user", "alice")
        token = done.stdout.decode().strip()
        made = self.server.request("POST", "/secret/v1/user-secret/create", {"name": "n", "data": {"a": "b"}}, token=token)
        self.assertEqual((made.status, made.json["user_id"]), (200, "alice"))
        listed = self.server.request("POST", "/secret/v1/user-secret/list", {}, token=token)
        self.assertEqual(listed.json["total_count"], 1)
        done = self.server.cli("dev-token", "--data", self.server.data, "--door", "cloudforet", "--tenant", "domain-dev", "--user", "identity", "--system")
        key = {"user_secret_id": made.json["user_secret_id"], "domain_id": "domain-dev"}
        value = lambda token: self.server.request("POST", "/secret/v1/user-secret/get-data", key, token=token)
        self.assertEqual(value(token).status, 403)
        self.assertEqual(value(done.stdout.decode().strip()).json["data"], {"a": "b"})


# ---- AES-GCM (NIST SP 800-38D) over the openssl command's AES-ECB, for a client of these tests only

def aes_block(key, blocks):
    done = subprocess.run(["openssl", "enc", f"-aes-{len(key) * 8}-ecb", "-nopad", "-K", key.hex()], input=blocks, capture_output=True, check=True)
    return done.stdout


def gcm_open(key, nonce, sealed):
    """The plaintext; fails when the tag is not right."""
    ciphertext, tag = sealed[:-16], sealed[-16:]
    count = (len(ciphertext) + 15) // 16
    blocks = b"".join(nonce + i.to_bytes(4, "big") for i in range(1, count + 2))
    stream = aes_block(key, bytes(16) + blocks)
    h, first, rest = int.from_bytes(stream[:16], "big"), stream[16:32], stream[32:]

    def times(x, y):
        z = 0
        for i in range(127, -1, -1):
            z ^= x if (y >> i) & 1 else 0
            x = (x >> 1) ^ (0xE1 << 120 if x & 1 else 0)
        return z
    state = 0
    padded = ciphertext + bytes(-len(ciphertext) % 16) + bytes(8) + (len(ciphertext) * 8).to_bytes(8, "big")
    for i in range(0, len(padded), 16):
        state = times(state ^ int.from_bytes(padded[i:i + 16], "big"), h)
    assert (state ^ int.from_bytes(first, "big")).to_bytes(16, "big") == tag, "the tag does not fit"
    return bytes(a ^ b for a, b in zip(ciphertext, rest))


if __name__ == "__main__":
    unittest.main()
