#!/usr/bin/env python3
"""Domains do not meet: every RPC of both generations of the Cloudforet door, over gRPC and REST, with every kind of id taken from
domain A, presented by an administrator of domain B: the same answer, to the byte, as for an id that nobody has; nothing
changes, nothing starts. And one spelling of a domain, a user and an id leads to one thing, at every entry point.

A method or an id field that has no request here fails the test, so a new one cannot be forgotten."""

import json
import re
import shutil
import tempfile
import unicodedata
import unittest
import uuid

import grpc

from cloudforet_case import ISS
from cloudforet_client import GROUP, SECRET, TRUSTED, USER, Client, Generation, failure
from harness import ServerCase, free_port
from jwt_maker import Signer

A, B, NOBODY = "domain-aaaaaaaaaaaa", "domain-bbbbbbbbbbbb", "domain-cccccccccccc"
OLDER = (SECRET, TRUSTED, GROUP, USER)
NEWER = (SECRET, TRUSTED, USER)
NAMES = {SECRET: "secret", TRUSTED: "trusted-secret", GROUP: "secret-group", USER: "user-secret"}


class Isolation(ServerCase):
    @classmethod
    def setUpClass(cls):
        cls.newer, cls.newer_http = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
        cls.config = (f'[[listener]]\naddress = "{cls.newer}"\ncloudforet.profile = "2.x"\n'
                      f'[[listener]]\naddress = "{cls.newer_http}"\nprotocol = "http"\ncloudforet.profile = "2.x"\n')
        super().setUpClass()
        cls.folder = tempfile.mkdtemp(prefix="coffer-cf-isolation-")
        cls.signers = {}
        for tenant, domain in (("a-corp", A), ("b-corp", B)):
            cls.signers[domain] = Signer(cls.folder, tenant)
            cls.server.admin("tenants", "create", tenant)
            cls.server.admin("tenants", "open-door", tenant, "cloudforet", domain)
            cls.server.admin("issuers", "put", "identity", "--tenant", tenant, "--iss", "https://dev." + ISS, "--mapping", "cloudforet",
                             "--public-key", cls.signers[domain].public)
        cls.generations = {"1.12": Generation("1.12"), "2.x": Generation("2.x")}
        cls.clients = {name: Client(generation, cls.newer if name == "2.x" else cls.server.grpc_address)
                       for name, generation in cls.generations.items()}
        cls.ids = cls.make_of_a()

    @classmethod
    def tearDownClass(cls):
        for client in cls.clients.values():
            client.close()
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    @classmethod
    def token(cls, domain, user="admin", by=None, **claims):
        """Of an administrator; `by` is whose identity service signs it."""
        claims = {"rol": "DOMAIN_ADMIN", "own": "USER", **claims}
        return cls.signers[by or domain].token(iss="https://dev." + ISS, typ="ACCESS_TOKEN" if claims["own"] == "USER" else "SYSTEM_TOKEN", did=domain,
                                               aud=user, ver="2.0", **{k: v for k, v in claims.items() if v})

    @classmethod
    def make_of_a(cls):
        """One of each resource in A; the ids by their field."""
        older, newer, token = cls.clients["1.12"], cls.clients["2.x"], cls.token(A)
        domain = {"domain_id": A}
        trusted = older(TRUSTED, "create", {"name": "t", "data": {"k": "of a"}, **domain}, token)["trusted_secret_id"]
        ids = {"trusted_secret_id": trusted, "domain_id": A,
               "secret_id": older(SECRET, "create", {"name": "s", "data": {"k": "of a"}, "secret_type": "CREDENTIALS", "trusted_secret_id": trusted, **domain},
                                  token)["secret_id"],
               "secret_group_id": older(GROUP, "create", {"name": "g", **domain}, token)["secret_group_id"],
               "user_secret_id": newer(USER, "create", {"name": "u", "data": {"k": "of a"}}, token)["user_secret_id"]}
        older(GROUP, "add_secret", {"secret_group_id": ids["secret_group_id"], "secret_id": ids["secret_id"], **domain}, token)
        return ids

    @staticmethod
    def missing(ids):
        """Ids of the same form that nobody has."""
        return {field: NOBODY if field == "domain_id" else re.sub(r"[^-]*$", lambda m: "0" * len(m[0]), one) for field, one in ids.items()}

    def methods(self, name):
        """(service, verb) of a generation; each service's methods as its descriptor has them."""
        for service in OLDER if name == "1.12" else NEWER:
            for verb in self.generations[name].pool.FindServiceByName(service).methods_by_name:
                yield service, verb

    def request(self, name, service, verb, ids, domain):
        """The method's request with every id field that it has set to one of `ids`; what is required beside it is there."""
        method = self.generations[name].method(service, verb)
        fields = method.input_type.fields_by_name
        unknown = [f for f in fields if f.endswith("_id") and f not in (*ids, "schema_id", "service_account_id", "project_id", "workspace_id", "user_id",
                                                                         "trusted_account_id", "project_group_id")]
        self.assertEqual(unknown, [], f"{service}/{verb} names something that this matrix has no id of")
        request = {field: one for field, one in ids.items() if field in fields}
        if "domain_id" in fields:
            request["domain_id"] = domain
        for field, value in (("name", "planted-" + uuid.uuid4().hex), ("data", {"k": "planted"}), ("secret_type", "CREDENTIALS"), ("resource_group", "DOMAIN")):
            if field in fields and verb in ("create", "update", "update_data"):
                request[field] = value
        if verb == "stat":
            key = next(f for f in ids if f in self.generations[name].method(service, "get").input_type.fields_by_name and f != "domain_id")
            unwound = {"aggregate": [{"group": {"fields": [{"name": "n", "operator": "count"}]}}]} if name == "2.x" else \
                {"aggregate": [{"group": {"fields": [{"name": "n", "operator": "count"}]}}]}
            request["query"] = {"filter": [{"k": key, "v": ids[key], "o": "eq"}], **unwound}
        return request

    def blind(self, text, ids):
        """Without the ids that the caller sent, and what every creation makes anew."""
        for one in sorted((*ids.values(), A, B, NOBODY), key=len, reverse=True):
            text = text.replace(one, "_")
        return re.sub(r"planted-[0-9a-f]{32}|(secret|trusted-secret|secret-grp|user-secret)-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[0-9:.]+Z?", "_", text)

    def over_grpc(self, name, service, verb, request, ids, token):
        try:
            return self.blind(json.dumps(self.clients[name](service, verb, request, token), sort_keys=True), ids)
        except grpc.RpcError as error:
            trailers = [(k, v) for k, v in error.trailing_metadata() or () if k != "x-request-id"]
            return self.blind(f"{error.code()} {error.details()} {trailers}", ids)

    def over_rest(self, name, service, verb, request, ids, token, family="/secret/v1/"):
        address, self.server.http_address = self.server.http_address, self.newer_http if name == "2.x" else self.server.http_address
        try:
            answer = self.server.request("POST", family + NAMES[service] + "/" + verb.replace("_", "-"), request, {"content-type": "application/json"}, token=token)
        finally:
            self.server.http_address = address
        return self.blind(f"{answer.status} {answer.headers.get('content-type')} {answer.body.decode()}", ids)

    def metric(self, name):
        text = self.server.request("GET", "/metrics", token=None).body.decode()
        return float(re.search(rf"^{name} ([0-9.e+]+)$", text, re.M)[1])

    def everything_of_a(self):
        token, domain = self.token(A), {"domain_id": A}
        older, newer = self.clients["1.12"], self.clients["2.x"]
        seen = [older(service, "list", domain, token) for service in (SECRET, TRUSTED, GROUP)] + [newer(USER, "list", {}, token)]
        system = self.token(A, "s", own="SYSTEM", rol=None)
        return seen + [older(SECRET, "get_data", {"secret_id": self.ids["secret_id"], **domain}, system)]

    def check_alike(self, answer, foreign, missing, subject):
        """`answer(ids)` for A's ids and for nobody's."""
        seen = {answer(foreign), answer(missing)}
        self.assertEqual(len(seen), 1, (subject, seen))
        return seen.pop()

    def test_every_method_answers_an_administrator_of_another_domain_as_if_there_were_nothing(self):
        before, missing = self.everything_of_a(), self.missing(self.ids)
        refused = 0
        for name in self.generations:
            for service, verb in self.methods(name):
                for own in ("USER", "SYSTEM"):
                    token = self.token(B, "root", own=own, rol="DOMAIN_ADMIN" if own == "USER" else None)
                    for way in (self.over_grpc, self.over_rest):
                        with self.subTest(generation=name, service=service, verb=verb, own=own, way=way.__name__):
                            said = self.check_alike(lambda ids: way(name, service, verb, self.request(name, service, verb, ids, B), ids, token),
                                                    self.ids, missing, (service, verb))
                            self.assertNotIn("of a", said)
                            if verb in ("get", "get_data", "delete", "update", "update_data", "add_secret", "remove_secret"):
                                self.assertRegex(said, "^(StatusCode|[45])", "somebody else's secret was found")
                                refused += 1
        self.assertGreater(refused, 100)
        self.assertEqual(self.everything_of_a(), before)

    def test_a_token_of_one_domain_says_nothing_in_another_one(self):
        """B's identity service vouches for A, B's token asks for A, and both for a domain that there is not."""
        before, missing = self.everything_of_a(), self.missing(self.ids)
        for name in self.generations:
            for service, verb in self.methods(name):
                forged = {domain: self.token(domain, "root", by=B) for domain in (A, NOBODY)}
                asks = {domain: self.token(B, "root") for domain in (A, NOBODY)}
                for tokens in (forged, asks):
                    takes_domain = "domain_id" in self.generations[name].method(service, verb).input_type.fields_by_name
                    if tokens is asks and not takes_domain:
                        continue  # his own domain, above
                    for way in (self.over_grpc, self.over_rest):
                        with self.subTest(generation=name, service=service, verb=verb, forged=tokens is forged, way=way.__name__):
                            seen = {way(name, service, verb, self.request(name, service, verb, ids, domain), ids, tokens[domain])
                                    for domain in (A, NOBODY) for ids in (self.ids, missing)}
                            if verb in ("enable", "disable"):
                                continue  # not implemented, whoever asks
                            self.assertEqual(len(seen), 1, seen)
                            self.assertRegex(seen.pop(), "^(StatusCode.UNAUTHENTICATED|StatusCode.PERMISSION_DENIED|40[13])")
        self.assertEqual(self.everything_of_a(), before)

    def test_a_foreign_call_starts_no_shard(self):
        self.server.terminate()
        self.server.spawn()
        self.assertTrue(self.server.wait_ready())
        started = self.metric("coffer_shards_started_total")
        for name in self.generations:
            for service, verb in self.methods(name):
                for domain in (A, NOBODY):
                    request = self.request(name, service, verb, self.ids, domain)
                    self.over_grpc(name, service, verb, request, self.ids, self.token(domain, by=B))
                    self.over_rest(name, service, verb, request, self.ids, self.token(domain, by=B))
        self.assertEqual(self.metric("coffer_shards_started_total"), started)

    def test_one_spelling_of_a_domain_leads_to_it(self):
        key = {"secret_id": self.ids["secret_id"]}
        good = self.token(A)
        self.assertEqual(self.clients["1.12"](SECRET, "get", {**key, "domain_id": A}, good)["name"], "s")
        odd = (A.upper(), A.capitalize(), " " + A, A + " ", A + "\t", A.replace("-", "%2d"), A + "\u200b", A.replace("a", "\u0430"), A + "/", "../" + A, A + "\x00",
               unicodedata.normalize("NFKC", A.replace("a", "\uff41", 1)) + "\u0301", "*", A[:-1], A + ",")
        for domain in odd:
            with self.subTest(domain):
                for name, client in self.clients.items():
                    request = {**key, **({"domain_id": domain} if name == "1.12" else {})}
                    self.assertIn(failure(client, SECRET, "get", request, token=self.token(domain, by=A))[0], ("UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND"))
                self.assertIn(failure(self.clients["1.12"], SECRET, "get", {**key, "domain_id": domain}, token=good)[0],
                              ("UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND"))

    def test_one_spelling_of_an_id_leads_to_one_secret_at_every_entry_point(self):
        one, token = self.ids["secret_id"], self.token(A)
        names = set()
        for name, client in self.clients.items():
            request = lambda text: {"secret_id": text, **({"domain_id": A} if name == "1.12" else {})}
            names.add(client(SECRET, "get", request(one), token)["name"])
            for family in ("/secret/v1/", "/secret/"):
                said = self.over_rest(name, SECRET, "get", request(one), {}, token, family)
                self.assertTrue(said.startswith("200 "), said)
                names.add(json.loads(said[said.index("{"):])["name"])
            for odd in (one.upper(), " " + one, one + " ", one + "\x00", one + "\n", "./" + one, one + "/", one.replace("-", "%2d"), "\ufeff" + one, "*", one[:-1] + "*", ""):
                with self.subTest(generation=name, odd=odd):
                    self.assertIn(failure(client, SECRET, "get", request(odd), token=token)[0], ("NOT_FOUND", "INVALID_ARGUMENT"))
                    self.assertRegex(self.over_rest(name, SECRET, "get", request(odd), {}, token), "^(404|400) ")
        self.assertEqual(names, {"s"})
        # Paths: a verb has one spelling, too, and a path that climbs leads nowhere.
        for path in ("/secret/v1/Secret/get", "/secret/v1/secret/Get", "/secret/v1/secret/get/", "/secret/v1/secret/%67et%00", "/secret/v1/../v1/secret/get", "/secret/v1//secret/get",
                     "/secret/v1/secret%2fget"):
            answer = self.server.request("POST", path, {"secret_id": one, "domain_id": A}, token=token)
            self.assertGreaterEqual(answer.status, 400, path)

    def test_one_spelling_of_a_user_owns_his_secrets(self):
        client = self.clients["2.x"]
        mine = {"user_secret_id": client(USER, "create", {"name": "mine", "data": {"k": 1}}, self.token(A, "Zo\u00eb", rol="USER"))["user_secret_id"]}
        self.assertEqual(client(USER, "get", mine, self.token(A, "Zo\u00eb", rol="USER"))["name"], "mine")
        for other in ("zo\u00eb", "ZO\u00cb", unicodedata.normalize("NFD", "Zo\u00eb"), "Zo\u00eb ", " Zo\u00eb", "Zoe", "Zo%C3%AB", "*", "Zo\u00eb\x00"):
            with self.subTest(other):
                self.assertIn(failure(client, USER, "get", mine, token=self.token(A, other, rol="USER"))[0], ("NOT_FOUND", "UNAUTHENTICATED"))

    def test_empty_lists_and_pages_of_nothing_open_nothing(self):
        token = self.token(B)
        for query in ({"page": {"start": 0, "limit": 0}}, {"page": {"limit": 0}}, {"filter": []}, {"filter_or": []}, {"keyword": ""}, {"only": []},
                      {"filter": [{"k": "domain_id", "v": A, "o": "eq"}]}, {"filter": [{"k": "domain_id", "v": B, "o": "not"}]},
                      {"filter": [{"k": "secret_id", "v": [], "o": "not_in"}]}, {"filter": [{"k": "name", "v": ".*", "o": "regex"}]},
                      {"filter_or": [{"k": "domain_id", "v": A, "o": "eq"}, {"k": "secret_id", "v": self.ids["secret_id"], "o": "eq"}]}):
            for name, client in self.clients.items():
                with self.subTest(generation=name, query=query):
                    try:
                        found = client(SECRET, "list", {"query": query, **({"domain_id": B} if name == "1.12" else {})}, token)
                    except grpc.RpcError as error:
                        found = {"details": error.details()}
                    self.assertNotIn(self.ids["secret_id"], json.dumps(found.get("results", [])))


if __name__ == "__main__":
    unittest.main()
