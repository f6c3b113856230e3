#!/usr/bin/env python3
"""The Cloudforet door over gRPC and over REST, in both generations: the same request gets the same answer, and the same refusal
under the code that the contract's table gives it."""

import json
import unittest

from cloudforet_case import DOMAIN, CloudforetCase
from cloudforet_client import GROUP, SECRET, TRUSTED, USER, Client, Generation
from harness import free_port

import grpc

HTTP = {"INVALID_ARGUMENT": 400, "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "NOT_FOUND": 404, "ALREADY_EXISTS": 409, "INTERNAL": 500}
PATHS = {SECRET: "secret", TRUSTED: "trusted-secret", GROUP: "secret-group", USER: "user-secret"}


def camel(value):
    """The names of fields, and not those within tags, data and values."""
    if isinstance(value, list):
        return [camel(one) for one in value]
    if not isinstance(value, dict):
        return value
    head = lambda name: name.split("_")[0] + "".join(part.title() for part in name.split("_")[1:])
    return {head(k): v if k in ("tags", "data", "v", "value") else camel(v) for k, v in value.items()}


def without_empty(value):
    """REST shows empty fields, too, and enumerations by the name of their zero."""
    if isinstance(value, dict):
        return {k: without_empty(v) for k, v in value.items() if v not in ("", 0, [], None, "NONE", "RESOURCE_GROUP_NONE", "STATE_NONE")}
    return [without_empty(one) for one in value] if isinstance(value, list) else value


class Parity(CloudforetCase):
    @classmethod
    def setUpClass(cls):
        grpc_port, http_port = free_port(), free_port()
        cls.newer = f"127.0.0.1:{grpc_port}"
        cls.config = (f'[[listener]]\naddress = "{cls.newer}"\ncloudforet.profile = "2.x"\n'
                      f'[[listener]]\naddress = "127.0.0.1:{http_port}"\nprotocol = "http"\ncloudforet.profile = "2.x"\n')
        super().setUpClass()
        cls.http = {"1.12": cls.server.http_address, "2.x": f"127.0.0.1:{http_port}"}
        cls.grpc = {"1.12": (Generation("1.12"), cls.server.grpc_address), "2.x": (Generation("2.x"), cls.newer)}
        cls.open = {}

    def over_grpc(self, generation, token, service, verb, request):
        key = (generation, token)
        if key not in self.open:
            self.open[key] = Client(*self.grpc[generation], token)
            self.clients.append(self.open[key])
        try:
            return 200, self.open[key](service, verb, request)
        except grpc.RpcError as error:
            code, _, message = error.details().partition(": ")
            return HTTP[error.code().name], {"code": code, "message": message}

    def over_rest(self, generation, token, service, verb, request, path="/secret/v1/", spelled=lambda body: body):
        address, self.server.http_address = self.server.http_address, self.http[generation]
        try:
            answer = self.server.request("POST", f"{path}{PATHS[service]}/{verb.replace('_', '-')}", json.dumps(spelled(request)),
                                         {"content-type": "application/json"}, token=token)
        finally:
            self.server.http_address = address
        return answer.status, answer.json if answer.status == 200 else answer.json["detail"]

    def alike(self, generation, token, service, verb, request):
        one = self.over_grpc(generation, token, service, verb, request)
        for path, spelled in (("/secret/v1/", dict), ("/secret/", camel)):
            status, answer = self.over_rest(generation, token, service, verb, request, path, spelled)
            self.assertEqual((status, without_empty(answer)), (one[0], without_empty(one[1])), (generation, service, verb, request))
        return one

    def test_reads_and_refusals(self):
        admin, alice, system = self.token(), self.token("alice", "USER"), self.token("s", None, own="SYSTEM")
        placed = {"1.12": {"domain_id": DOMAIN}, "2.x": {}}
        typed = {"1.12": {"secret_type": "CREDENTIALS"}, "2.x": {"resource_group": "DOMAIN"}}
        seen = set()
        for generation in ("1.12", "2.x"):
            place, kind = placed[generation], typed[generation]
            schema = "schema" if generation == "1.12" else "schema_id"
            new = {"name": f"parity {generation}", "data": {"k": ["é", 1.5, None, {}]}, "tags": {"team": {"id": "a_b"}}, schema: "aws_key", **kind, **place}
            status, made = self.over_rest(generation, admin, SECRET, "create", new)
            self.assertEqual(status, 200, made)
            key = {"secret_id": made["secret_id"], **place}
            trusted = self.over_rest(generation, admin, TRUSTED, "create", {"name": "t " + generation, "data": {"r": 1}, **place,
                                                                            **({} if generation == "1.12" else kind)})[1]
            user = self.over_rest(generation, admin, SECRET, "create", {**new, "name": "u " + generation, "trusted_secret_id": trusted["trusted_secret_id"]})[1]
            own = self.over_rest(generation, alice, USER, "create", {"name": "own", "data": {"k": "v"}})[1]
            mine = {"user_secret_id": own["user_secret_id"]}
            condition = lambda k, v, o: {**place, "query": {"filter": [{"k": k, "v": v, "o": o}]}}
            stage = lambda *stages: {**place, "query": {"aggregate": list(stages)}}
            calls = [
                (admin, SECRET, "get", key), (admin, SECRET, "list", {**place, "query": {"sort": {"key": "name"}} if generation == "1.12" else {}}),
                (admin, SECRET, "list", {**place, "query": {"minimal": True, "page": {"start": 1, "limit": 1}}}),
                (admin, SECRET, "list", {**place, "query": {"only": ["tags.team.id"], "keyword": "parity"}}),
                (admin, SECRET, "list", condition("tags.team.id", "a_b", "eq")), (admin, SECRET, "list", {**place, "query": {"count_only": True}}),
                (admin, SECRET, "stat", {**place, "query": {"distinct": "provider"}}),
                (admin, SECRET, "stat", stage({"group": {"keys": [{"key": "provider", "name": "p"}], "fields": [{"name": "n", "operator": "count"}]}})),
                (system, SECRET, "get_data", {**key, "domain_id": DOMAIN}), (system, SECRET, "get_data", {"secret_id": user["secret_id"], "domain_id": DOMAIN}),
                (system, USER, "get_data", {**mine, "domain_id": DOMAIN}), (alice, USER, "get", mine), (alice, USER, "list", {}),
                # Refusals.
                (admin, SECRET, "get", place), (admin, SECRET, "get", {**key, "secret_id": "secret-none"}), (admin, SECRET, "get_data", {**key, "domain_id": DOMAIN}),
                (admin, SECRET, "update_data", key), (admin, SECRET, "update", {**key, "name": "n" * 256}), (admin, SECRET, "create", {**new, "name": "  "}),
                (admin, SECRET, "create", {k: v for k, v in new.items() if k != "data"}), (admin, SECRET, "create", {k: v for k, v in new.items() if k not in kind}),
                (admin, SECRET, "create", {**new, "name": "x", "trusted_secret_id": "trusted-secret-none"}), (admin, SECRET, "delete", {**key, "secret_id": "none"}),
                (admin, TRUSTED, "delete", {"trusted_secret_id": trusted["trusted_secret_id"], **place}), (alice, SECRET, "list", place), (alice, SECRET, "get", key),
                (admin, USER, "get", mine), (system, USER, "list", {}), ("x", SECRET, "list", place), ("a.b.c", SECRET, "list", place),
                (self.token(did="domain-other"), SECRET, "get", key), (admin, SECRET, "list", condition("name", ["x"], "eq")),
                (admin, SECRET, "list", condition("name", "x", "in")), (admin, SECRET, "list", condition("name", "x", "exists")),
                (admin, SECRET, "list", condition("name", "x", "match")), (admin, SECRET, "list", condition("name", "x", "like")),
                (admin, SECRET, "list", condition("nofield", "x", "eq")), (admin, SECRET, "list", condition("$where", "x", "eq")),
                (admin, SECRET, "list", condition("created_at", "zzz", "datetime_gt")), (admin, SECRET, "list", condition("created_at", 1, "timediff_gt")),
                (admin, SECRET, "list", condition("name", [], "contain_in")), (admin, SECRET, "list", condition("name", "(", "regex")),
                (admin, SECRET, "list", {**place, "query": {"filter": [{"v": "x", "o": "eq"}]}}), (admin, SECRET, "stat", {**place, "query": {}}),
                (admin, SECRET, "list", {**place, "query": {"only": ["nofield"]}}), (admin, SECRET, "stat", stage({"group": {}})),
                (admin, SECRET, "stat", stage({"group": {"keys": [{"key": "provider"}]}})),
                (admin, SECRET, "stat", stage({"group": {"fields": [{"name": "n", "operator": "median", "key": "name"}]}}))]
            if generation == "1.12":
                calls += [(admin, SECRET, "create", new), (admin, SECRET, "get", {"secret_id": key["secret_id"]}), (admin, SECRET, "get", {**key, "only": ["name"]}),
                          (admin, GROUP, "get", {"secret_group_id": "none", **place})]
            else:
                calls += [(admin, SECRET, "enable", key), (admin, SECRET, "create", {**new, "resource_group": "WORKSPACE"}),
                          (admin, SECRET, "create", {**new, "resource_group": "PROJECT"}), (self.token("o", "WORKSPACE_OWNER", wid="w"), SECRET, "create", new),
                          (admin, SECRET, "list", {"query": {"unwind": {"path": "tags"}}}), (admin, SECRET, "list", {"query": {"lookup": [{"from": "x"}]}})]
            for call in calls:
                status, answer = self.alike(generation, *call)
                seen.add(answer["code"] if status != 200 else status)
        self.assertLessEqual({200, "ERROR_REQUIRED_PARAMETER", "ERROR_NOT_FOUND", "ERROR_SAVE_UNIQUE_VALUES", "ERROR_AUTHENTICATE_FAILURE", "ERROR_PERMISSION_DENIED",
                              "ERROR_DB_QUERY", "ERROR_UNKNOWN", "ERROR_EXIST_RELATED_SECRET", "ERROR_OPERATOR_VALUE_TYPE", "ERROR_OPERATOR_LIST_VALUE_TYPE",
                              "ERROR_OPERATOR_BOOLEAN_TYPE", "ERROR_OPERATOR_DICT_VALUE_TYPE"}, seen)


if __name__ == "__main__":
    unittest.main()
