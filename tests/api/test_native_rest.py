#!/usr/bin/env python3
"""The native API over REST: each row of its table (put, get, describe, update, delete, undelete, destroy, history,
list, batchGet, transact) with what it promises and what it refuses."""

import base64
import re
import unittest

from harness import ServerCase, quote

RFC3339 = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


class PutAndGet(ServerCase):
    def test_put_answers_metadata_and_get_the_value_as_it_was_put(self):
        answer = self.assertStatus(self.server.put("pg/a", {"value": "hello", "tags": {"env": "prod"}, "description": "d"}), 200)
        self.assertEqual(answer.json["version"], 1)
        self.assertEqual(answer.json["name"], "pg/a")
        self.assertEqual(answer.json["space"], "kv")
        self.assertEqual(answer.json["state"], "active")
        self.assertNotIn("value", answer.json)
        got = self.assertStatus(self.server.get("pg/a"), 200).json
        self.assertEqual((got["value"], got["tags"], got["description"], got["version"]), ("hello", {"env": "prod"}, "d", 1))
        self.assertRegex(got["created_at"], RFC3339)
        self.assertRegex(got["updated_at"], RFC3339)
        self.assertTrue(got["created_by"])
        self.assertNotIn("data", got)
        self.assertNotIn("value_base64", got)

    def test_the_three_kinds_of_payload_come_back_in_their_own_field(self):
        binary = base64.b64encode(bytes(range(256))).decode()
        for name, body in (("k/text", {"value": "ü€😀\n\t\"\\"}), ("k/map", {"data": {"user": "u", "päss": "p/w+"}}),
                           ("k/bytes", {"value_base64": binary}), ("k/empty", {"value": ""})):
            self.assertStatus(self.server.put(name, body), 200)
            got = self.server.get(name).json
            for field, value in body.items():
                self.assertEqual(got.get(field), value, name)

    def test_versions_count_up_and_an_old_one_can_be_read(self):
        for number in (1, 2, 3):
            self.assertEqual(self.server.put("versions", f"v{number}").json["version"], number)
        self.assertEqual(self.server.get("versions").json["value"], "v3")
        self.assertEqual(self.server.get("versions", query="?version=1").json["value"], "v1")
        self.assertStatus(self.server.get("versions", query="?version=9"), 404, "NOT_FOUND")
        self.assertStatus(self.server.get("versions", query="?version=x"), 400, "INVALID_ARGUMENT")

    def test_names_with_any_character_are_one_segment_when_encoded(self):
        names = ["a/b/c", "a:b", "x:undelete", "100%", "%2F", "a+b", "a b", "grüße/世界/😀", "..", ".", "a//b", "?q=1#f", "~-._", "a&b=c"]
        for name in names:
            self.assertStatus(self.server.put(name, "of " + name, space="odd"), 200)
        for name in names:
            got = self.assertStatus(self.server.get(name, space="odd"), 200).json
            self.assertEqual((got["name"], got["value"]), (name, "of " + name))
        listed = self.server.request("GET", "/v1/tenants/default/spaces/odd/secrets?page_size=1000").json["secrets"]
        self.assertEqual(sorted(s["name"] for s in listed), sorted(names))

    def test_a_plus_in_a_path_is_a_plus(self):
        self.server.put("p+q", "plus")
        answer = self.server.request("GET", "/v1/tenants/default/spaces/kv/secrets/p+q")
        self.assertEqual(self.assertStatus(answer, 200).json["value"], "plus")

    def test_a_slash_that_is_not_encoded_is_part_of_the_name_or_refused_but_never_another_secret(self):
        self.server.put("raw/slash", "v")
        answer = self.server.request("GET", "/v1/tenants/default/spaces/kv/secrets/raw/slash")
        self.assertIn(answer.status, (200, 404), answer)

    def test_cas_decides_on_the_current_version(self):
        self.assertStatus(self.server.put("cas", {"value": "1", "cas": 0}), 200)
        conflict = self.assertStatus(self.server.put("cas", {"value": "2", "cas": 0}), 409, "ABORTED")
        self.assertIn("1", conflict.error["message"])
        self.assertStatus(self.server.put("cas", {"value": "2", "cas": 1}), 200)
        self.assertStatus(self.server.put("cas", {"value": "3", "cas": 1}), 409, "ABORTED")
        self.assertEqual(self.server.get("cas").json["value"], "2")

    def test_cas_zero_succeeds_again_after_a_delete_and_numbers_continue(self):
        self.server.put("recreate", {"value": "1", "cas": 0})
        self.assertStatus(self.server.request("DELETE", self.server.path("recreate")), 200)
        self.assertEqual(self.assertStatus(self.server.put("recreate", {"value": "2", "cas": 0}), 200).json["version"], 2)

    def test_etag_answers_304_until_the_secret_changes(self):
        self.server.put("etag", "1")
        first = self.server.get("etag")
        tag = first.headers["etag"]
        same = self.server.get("etag", headers={"if-none-match": tag})
        self.assertEqual((same.status, same.body), (304, b""))
        self.server.put("etag", "2")
        changed = self.assertStatus(self.server.get("etag", headers={"if-none-match": tag}), 200)
        self.assertNotEqual(changed.headers["etag"], tag)

    def test_etag_changes_with_every_change_of_metadata_also_within_a_millisecond(self):
        path = self.server.path("etag-quick")
        self.server.put("etag-quick", "1")
        tags = [self.server.get("etag-quick").headers["etag"]]
        for i in range(200):
            self.assertStatus(self.server.request("PATCH", path, {"description": str(i)}), 200)
            tags.append(self.server.get("etag-quick").headers["etag"])
        self.assertEqual(len(set(tags)), len(tags))

    def test_an_expired_secret_is_not_found(self):
        self.assertStatus(self.server.put("expired", {"value": "x", "expires_at": "2001-01-01T00:00:00Z"}), 400, "INVALID_ARGUMENT") \
            if self.server.put("expired", {"value": "x", "expires_at": "2001-01-01T00:00:00Z"}).status == 400 \
            else self.assertStatus(self.server.get("expired"), 404, "NOT_FOUND")
        self.assertStatus(self.server.put("later", {"value": "x", "expires_at": "2099-01-02T03:04:05Z"}), 200)
        self.assertEqual(self.server.get("later").json["expires_at"], "2099-01-02T03:04:05Z")

    def test_a_request_id_makes_a_retry_harmless(self):
        body = {"value": "once", "request_id": "req-1"}
        first = self.assertStatus(self.server.put("retry", body), 200).json
        second = self.assertStatus(self.server.put("retry", body), 200).json
        self.assertEqual(first, second)
        self.assertEqual(self.server.get("retry").json["version"], 1)
        other = self.server.put("retry", {"value": "other", "request_id": "req-1"})
        self.assertIn(other.status, (400, 409), other)
        self.assertEqual(self.server.get("retry").json["value"], "once")

    def test_describe_shows_metadata_only(self):
        self.server.put("described", {"data": {"a": "b"}})
        got = self.assertStatus(self.server.get("described", query="?view=metadata"), 200).json
        self.assertEqual(got["version"], 1)
        self.assertFalse({"data", "value", "value_base64"} & set(got))
        self.assertStatus(self.server.get("described", query="?view=all"), 400, "INVALID_ARGUMENT")

    def test_what_is_missing_is_not_found(self):
        self.assertStatus(self.server.get("nothing-here"), 404, "NOT_FOUND")
        self.assertStatus(self.server.request("DELETE", self.server.path("nothing-here")), 404, "NOT_FOUND")
        self.assertStatus(self.server.request("GET", self.server.path("nothing-here") + ":history"), 404, "NOT_FOUND")

    def test_errors_name_the_request(self):
        error = self.server.get("nothing-here").error
        self.assertEqual(set(error), {"code", "message", "request_id"})
        self.assertTrue(error["request_id"])


class Metadata(ServerCase):
    def patch(self, name, body):
        return self.server.request("PATCH", self.server.path(name), body)

    def test_update_changes_metadata_and_makes_no_version(self):
        self.server.put("m", {"value": "v", "tags": {"a": "1", "b": "2"}})
        answer = self.assertStatus(self.patch("m", {"set_tags": {"c": "3"}, "remove_tags": ["a"], "description": "new",
                                                    "expires_at": "2099-01-01T00:00:00Z", "max_versions": 3}), 200).json
        self.assertEqual(answer["tags"], {"b": "2", "c": "3"})
        got = self.server.get("m").json
        self.assertEqual((got["version"], got["description"], got["expires_at"], got["max_versions"], got["value"]),
                         (1, "new", "2099-01-01T00:00:00Z", 3, "v"))
        self.assertFalse(self.patch("m", {"clear_expires_at": True}).json.get("expires_at"))

    def test_only_the_newest_versions_are_kept(self):
        self.server.put("kept", "0")
        self.patch("kept", {"max_versions": 2})
        for n in range(1, 5):
            self.server.put("kept", str(n))
        versions = self.server.request("GET", self.server.path("kept") + ":history").json["versions"]
        self.assertEqual([v["version"] for v in versions], [5, 4])
        self.assertStatus(self.server.get("kept", query="?version=3"), 404, "NOT_FOUND")

    def test_update_of_a_missing_secret_or_beyond_a_limit_is_refused(self):
        self.assertStatus(self.patch("absent", {"description": "x"}), 404, "NOT_FOUND")
        self.server.put("limits", "v")
        self.assertIn(self.patch("limits", {"max_versions": 101}).status, (400, 413))
        self.assertIn(self.patch("limits", {"set_tags": {f"t{i}": "" for i in range(65)}}).status, (400, 413))
        self.assertEqual(self.server.get("limits").json.get("tags", {}), {})


class DeleteAndRestore(ServerCase):
    def post(self, name, verb, body=None):
        return self.server.request("POST", self.server.path(name) + ":" + verb, body if body is not None else {})

    def test_delete_is_soft_and_undelete_restores(self):
        self.server.put("d", "v")
        self.assertStatus(self.server.request("DELETE", self.server.path("d")), 200)
        self.assertStatus(self.server.get("d"), 404, "NOT_FOUND")
        self.assertEqual(self.server.get("d", query="?view=metadata").json["state"], "deleted")
        self.assertStatus(self.post("d", "undelete"), 200)
        self.assertEqual(self.server.get("d").json["value"], "v")

    def test_destroy_is_final(self):
        self.server.put("x", "v")
        self.assertStatus(self.post("x", "destroy"), 200)
        self.assertStatus(self.server.get("x"), 404, "NOT_FOUND")
        self.assertIn(self.post("x", "undelete").status, (400, 404, 409))
        self.assertEqual(self.server.put("x", "again").json["version"], 2)

    def test_single_versions_can_be_destroyed(self):
        self.server.put("one", "1")
        self.server.put("one", "2")
        self.assertStatus(self.post("one", "destroy", {"versions": [1]}), 200)
        self.assertEqual(self.server.get("one").json["value"], "2")
        self.assertGreaterEqual(self.server.get("one", query="?version=1").status, 400)
        states = {v["version"]: v["state"] for v in self.server.request("GET", self.server.path("one") + ":history").json["versions"]}
        self.assertEqual(states.get(2), "active")
        self.assertIn(states.get(1, "destroyed"), ("destroyed",))

    def test_each_change_of_an_old_version_answers_that_version_and_its_state(self):
        for number in "123":
            self.server.put("old", number)
        answers = [self.assertStatus(self.server.request("DELETE", self.server.path("old") + "?versions=1"), 200).json]
        for verb in ("undelete", "destroy"):
            answers.append(self.assertStatus(self.post("old", verb, {"versions": [1]}), 200).json)
        self.assertEqual([(a["version"], a["state"]) for a in answers], [(1, "deleted"), (1, "active"), (1, "destroyed")])
        several = self.assertStatus(self.server.request("DELETE", self.server.path("old") + "?versions=2&versions=3"), 200).json
        self.assertEqual((several["version"], several["state"]), (3, "deleted"))

    def test_history_is_newest_first(self):
        for n in range(3):
            self.server.put("h", str(n))
        versions = self.assertStatus(self.server.request("GET", self.server.path("h") + ":history"), 200).json["versions"]
        self.assertEqual([v["version"] for v in versions], [3, 2, 1])
        for version in versions:
            self.assertRegex(version["created_at"], RFC3339)
            self.assertEqual(version["state"], "active")
            self.assertTrue(version["created_by"])


class Lists(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for n in range(25):
            cls.server.put(f"app/{n:02}", {"value": "x", "tags": {"env": "prod" if n % 2 else "dev", "n": str(n)}}, space="list")
        cls.server.put("zeta", "x", space="list")

    def list(self, query=""):
        return self.server.request("GET", "/v1/tenants/default/spaces/list/secrets" + query)

    def test_lists_are_ordered_and_show_no_values(self):
        secrets = self.assertStatus(self.list("?page_size=1000"), 200).json["secrets"]
        names = [s["name"] for s in secrets]
        self.assertEqual(names, sorted(names))
        self.assertEqual(len(names), 26)
        self.assertFalse(any({"value", "data", "value_base64"} & set(s) for s in secrets))

    def test_pages_cover_everything_once_also_when_something_is_inserted_between(self):
        names, token = [], ""
        while True:
            page = self.assertStatus(self.list(f"?page_size=7&prefix=app/&page_token={quote(token)}"), 200).json
            self.assertLessEqual(len(page["secrets"]), 7)
            names += [s["name"] for s in page["secrets"]]
            token = page.get("next_page_token", "")
            if not token:
                break
            self.server.put("aaa-inserted-before", "x", space="list")
        self.assertEqual(names, [f"app/{n:02}" for n in range(25)])
        self.server.request("DELETE", self.server.path("aaa-inserted-before", space="list"))

    def test_prefix_and_tags_filter(self):
        prod = self.list("?page_size=100&filter=" + quote("tags.env=prod")).json["secrets"]
        self.assertEqual(len(prod), 12)
        both = self.list("?filter=" + quote("tags.env=prod,tags.n=3")).json["secrets"]
        self.assertEqual([s["name"] for s in both], ["app/03"])
        self.assertEqual(len(self.list("?prefix=app/1").json["secrets"]), 10)
        self.assertEqual(self.list("?prefix=none").json.get("secrets", []), [])

    def test_bad_filters_tokens_and_sizes_are_refused(self):
        for query in ("?filter=env", "?filter=" + quote("name=x"), "?page_token=!!", "?page_size=-1", "?page_size=many", "?page_size=1001"):
            self.assertStatus(self.list(query), 400, "INVALID_ARGUMENT")

    def test_an_empty_space_lists_nothing(self):
        answer = self.assertStatus(self.server.request("GET", "/v1/tenants/default/spaces/void/secrets"), 200)
        self.assertEqual(answer.json.get("secrets", []), [])

    def test_deleted_secrets_are_not_listed(self):
        self.server.put("gone", "x", space="list2")
        self.server.request("DELETE", self.server.path("gone", space="list2"))
        self.assertEqual(self.server.request("GET", "/v1/tenants/default/spaces/list2/secrets").json.get("secrets", []), [])


class Batches(ServerCase):
    def transact(self, operations, **more):
        return self.server.request("POST", "/v1/tenants/default:transact", {"operations": operations, **more})

    def test_batch_get_answers_each_name_in_order(self):
        self.server.put("b1", "one")
        self.server.put("b2", {"data": {"k": "v"}})
        items = [{"space": "kv", "name": "b2"}, {"space": "kv", "name": "missing"}, {"space": "kv", "name": "b1", "version": 1}]
        results = self.assertStatus(self.server.request("POST", "/v1/tenants/default:batchGet", {"secrets": items}), 200).json["results"]
        self.assertEqual([r["name"] for r in results], ["b2", "missing", "b1"])
        self.assertEqual(results[0]["secret"]["data"], {"k": "v"})
        self.assertEqual(results[1]["error"]["code"], "NOT_FOUND")
        self.assertEqual(results[2]["secret"]["value"], "one")

    def test_a_bad_name_of_a_batch_fails_alone(self):
        self.server.put("b3", "three")
        bad = [("kv", "x" * 513), ("kv", "a\nb"), ("kv", ""), ("No Space", "b3")]
        items = [{"space": "kv", "name": "b3"}, *({"space": s, "name": n} for s, n in bad), {"space": "kv", "name": "b3"}]
        results = self.assertStatus(self.server.request("POST", "/v1/tenants/default:batchGet", {"secrets": items}), 200).json["results"]
        self.assertEqual([r["secret"]["value"] for r in (results[0], results[-1])], ["three", "three"])
        self.assertEqual({r["error"]["code"] for r in results[1:-1]}, {"INVALID_ARGUMENT"}, results)
        self.assertRegex(results[1]["error"]["message"], r"^name: 513 bytes")
        self.assertRegex(results[4]["error"]["message"], r"^space: ")

    def test_a_render_that_multiplies_is_refused(self):
        short = {"stack_secrets": {"K": "k" * 1000}, "secret_map": {"A": "${stack:secrets:K}" * 1000}, "environment_variables": {"E": "${pods:secrets:A}" * 2300}}
        answer = self.server.request("POST", "/v1/tenants/default/spaces/kv:render", short)
        self.assertIn("4194304 bytes", self.assertStatus(answer, 400, "INVALID_ARGUMENT").error["message"])

    def test_an_empty_batch_is_refused_by_the_field_of_the_request(self):
        answer = self.server.request("POST", "/v1/tenants/default:batchGet", {"secrets": []})
        self.assertRegex(self.assertStatus(answer, 400, "INVALID_ARGUMENT").error["message"], r"^secrets ")

    def test_batch_get_takes_at_most_a_thousand(self):
        items = [{"space": "kv", "name": f"n{i}"} for i in range(1001)]
        answer = self.server.request("POST", "/v1/tenants/default:batchGet", {"secrets": items})
        self.assertIn(answer.status, (400, 413), answer)
        self.assertEqual(len(self.server.request("POST", "/v1/tenants/default:batchGet", {"secrets": items[:1000]}).json["results"]), 1000)

    def test_a_transaction_applies_all_or_nothing(self):
        self.server.put("t/old", "x")
        answer = self.assertStatus(self.transact([{"put": {"space": "kv", "name": "t/a", "value": "1"}},
                                                  {"put": {"space": "kv", "name": "t/b", "data": {"k": "v"}, "cas": 0}},
                                                  {"delete": {"space": "kv", "name": "t/old"}},
                                                  {"check": {"space": "kv", "name": "t/none", "version": 0}}]), 200).json
        self.assertEqual([r.get("version", 0) for r in answer["results"]][:2], [1, 1])
        self.assertGreater(answer["revision"], 0)
        self.assertEqual(self.server.get("t/a").json["value"], "1")
        self.assertStatus(self.server.get("t/old"), 404)

        failed = self.transact([{"put": {"space": "kv", "name": "t/a", "value": "2"}},
                                {"put": {"space": "kv", "name": "t/c", "value": "2"}},
                                {"check": {"space": "kv", "name": "t/b", "version": 7}}])
        self.assertStatus(failed, 409, "ABORTED")
        self.assertRegex(failed.error["message"], r"2|third|3")
        self.assertEqual(self.server.get("t/a").json["value"], "1")
        self.assertStatus(self.server.get("t/c"), 404)

    def test_a_transaction_with_a_request_id_is_applied_once(self):
        operations = [{"put": {"space": "kv", "name": "t/once", "value": "1"}}]
        first = self.assertStatus(self.transact(operations, request_id="tx-1"), 200).json
        self.assertEqual(self.assertStatus(self.transact(operations, request_id="tx-1"), 200).json, first)
        self.assertEqual(self.server.get("t/once").json["version"], 1)

    def test_a_transaction_stays_out_of_the_doors_spaces_and_its_bounds(self):
        self.assertStatus(self.transact([{"put": {"space": "direktiv", "name": "n", "value": "1"}}]), 400, "INVALID_ARGUMENT")
        self.assertStatus(self.transact([]), 400, "INVALID_ARGUMENT")
        self.assertStatus(self.transact([{}]), 400, "INVALID_ARGUMENT")
        many = [{"put": {"space": "kv", "name": f"m{i}", "value": "1"}} for i in range(101)]
        self.assertIn(self.transact(many).status, (400, 413))
        self.assertStatus(self.server.get("m0"), 404)


if __name__ == "__main__":
    unittest.main()
