#!/usr/bin/env python3
"""The events of the Tapis Pods contract as the audit trail has them: each through a process of its own words, with every
field that the contract names. What it calls secret_id stands as the hash of the name (and as the name, when the tenant
wants that); its actor is `principal`, its tenant_id `tenant`."""

import json
import time
import unittest
import uuid

from audit_trail import CONFIG, records, trail, wait_for
from harness import Server, ServerCase
from tapis_client import TapisClient

SECRETS = "/pods/secrets"
VALUE = "tapis-audit-value"


class TapisAudit(ServerCase):
    config = CONFIG

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = TapisClient(cls.server)
        cls.tokens = {}

    def token(self, user, *more):
        key = (user, *more)
        if key not in self.tokens:
            made = self.server.cli("dev-token", "--door", "tapis", "--tenant", "tacc", "--user", user, *more, "--data", self.server.data)
            self.assertEqual(made.returncode, 0, made.stderr)
            self.tokens[key] = made.stdout.decode().strip()
        return self.tokens[key]

    def call(self, status, method, path="", body=None, user="alice", headers=None, service=False):
        """One request that can be found again in the trail: its id."""
        request_id = str(uuid.uuid4())
        headers = {"x-request-id": request_id, **(headers or {})}
        token = self.token(user, "--service") if service else self.token(user)
        answer = self.client.call(method, SECRETS + path, body, token=token, headers=headers)
        self.assertEqual(answer.status, status, answer)
        return request_id

    def create(self, **fields):
        name = "s-" + uuid.uuid4().hex[:12]
        self.call(200, "POST", body={"secret_id": name, "secret_value": VALUE, **fields})
        return name

    def record(self, request_id, kind):
        return wait_for(self.server, lambda r: r.get("request_id") == request_id and r["kind"] == kind)

    def is_event(self, record, event, level, outcome, details, reason=None, user="alice", **more):
        """Every field that does not depend on the run."""
        self.assertEqual({k: record.get(k) for k in ("event", "level", "outcome", "reason", "door", "principal")},
                         {"event": event, "level": level, "outcome": outcome, "reason": reason, "door": "tapis", "principal": f"user:{user}"})
        self.assertEqual(record.get("details", ""), details)
        self.assertRegex(record["entry"], "^[0-9a-f]{32}$")
        self.assertRegex(record["tenant"], "^[0-9a-f]{32}$")
        self.assertRegex(record["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        for field, wanted in more.items():
            self.assertEqual(record.get(field), wanted)

    def entry_of(self, name):
        """The hash by which records name a secret."""
        return self.record(self.call(200, "GET", f"/{name}"), "request")["entry"]

    def render(self, status=200, user="alice", headers=None, service=False, **body):
        """The items of a render's record."""
        record = self.record(self.call(status, "POST", "/render", body, user, headers, service), "request")
        self.assertEqual((record["door"], record["action"]), ("tapis", "render"))
        return record["items"]

    def test_secret_created(self):
        name = "s-" + uuid.uuid4().hex[:12]
        made = self.call(200, "POST", body={"secret_id": name, "secret_value": VALUE, "scope": "pod", "pod_id": "web", "readable": False})
        self.is_event(self.record(made, "change"), "SECRET_CREATED", "info", "OK", "scope=pod pod_id=web readable=false writable=true", version=1)

    def test_secret_created_again_after_its_deletion_is_a_creation(self):
        name = self.create()
        self.call(200, "DELETE", f"/{name}")
        made = self.call(200, "POST", body={"secret_id": name, "secret_value": VALUE, "writable": False})
        self.is_event(self.record(made, "change"), "SECRET_CREATED", "info", "OK", "scope=user readable=true writable=false")

    def test_secret_read(self):
        name = self.create(scope="pod", pod_id="db")
        for _ in range(2):  # by message and from memory
            read = self.record(self.call(200, "GET", f"/{name}/value"), "request")
            self.is_event(read, "SECRET_READ", "info", "OK", "scope=pod pod_id=db readable=true writable=true", version=1, action="get")
        self.assertNotIn("event", self.record(self.call(200, "GET", f"/{name}"), "request"), "its metadata is not the value")

    def test_secret_read_denied(self):
        name = self.create(readable=False)
        denied = self.record(self.call(403, "GET", f"/{name}/value"), "request")
        self.is_event(denied, "SECRET_READ_DENIED", "info", "WRITE_ONLY", "scope=user readable=false writable=true", "readable=false")
        # Whom no level lets in is denied as well, for another reason.
        other = self.record(self.call(403, "GET", f"/{self.create()}/value", user="bob"), "request")
        self.is_event(other, "SECRET_READ_DENIED", "info", "PERMISSION_DENIED", "scope=user readable=true writable=true", other["reason"], "bob")
        self.assertIn("does not permit", other["reason"])

    def test_secret_read_denied_when_a_render_shows_it(self):
        name = self.create(readable=False)
        items = self.render(secret_map={"PW": "${secret:%s}" % name}, environment_variables={"E": "${pods:secrets:PW}"}, pod_id="web")
        self.assertEqual(items, [{"entry": self.entry_of(name), "outcome": "WRITE_ONLY", "action": "get", "event": "SECRET_READ_DENIED",
                                  "level": "info", "reason": "readable=false", "details": "env_var=PW pod_id=web"}])

    def test_who_asks_for_permissions_has_read_no_value(self):
        name = self.create()
        shown = self.record(self.call(200, "GET", f"/{name}/permissions"), "request")
        self.assertEqual([item.get("event") for item in shown["items"]], [None, None])
        self.call(200, "POST", f"/{name}/permissions", {"user": "bob", "level": "READ"})
        denied = self.record(self.call(403, "GET", f"/{name}/permissions", user="bob"), "request")
        self.assertEqual([item.get("event") for item in denied["items"]], [None, "SECRET_READ_DENIED"])

    def test_secret_updated(self):
        name = self.create(readable=False)
        changed = self.record(self.call(200, "PUT", f"/{name}", {"secret_value": VALUE + "-2", "description": "both"}), "change")
        self.is_event(changed, "SECRET_UPDATED", "info", "OK", "updated_value=true scope=user readable=false writable=true", version=2)
        described = self.record(self.call(200, "PUT", f"/{name}", {"description": "only that"}), "change")
        self.assertEqual((described.get("event"), described["details"]),
                         (None, "updated_value=false scope=user readable=false writable=true"), "the contract's event is about the value")

    def test_secret_write_denied(self):
        name = self.create(writable=False)
        denied = self.record(self.call(403, "PUT", f"/{name}", {"secret_value": "x"}), "request")
        self.is_event(denied, "SECRET_WRITE_DENIED", "info", "READ_ONLY", "method=PUT scope=user readable=true writable=false", "writable=false")
        other = self.record(self.call(403, "DELETE", f"/{name}", user="bob"), "request")
        self.assertEqual((other["event"], other["details"]), ("SECRET_WRITE_DENIED", "method=DELETE scope=user readable=true writable=false"))

    def test_secret_deleted(self):
        name = self.create()
        entry = self.entry_of(name)
        gone = self.record(self.call(200, "DELETE", f"/{name}"), "change")
        self.is_event(gone, "SECRET_DELETED", "info", "OK", gone.get("details", ""), entry=entry)
        pod = "pod-" + uuid.uuid4().hex[:8]
        entries = {self.entry_of(self.create(scope="pod", pod_id=pod)) for _ in range(3)}
        gone = self.record(self.call(200, "DELETE", f"?pod_id={pod}"), "change")
        self.assertEqual((gone["action"], gone["outcome"], gone["principal"], gone["details"]), ("transact", "OK", "user:alice", "operations=3"))
        self.assertNotIn("event", gone)
        self.assertEqual(len(gone["items"]), 3)
        self.assertEqual({item["entry"] for item in gone["items"]}, entries)
        for item in gone["items"]:
            self.assertEqual({**item, "entry": "", "version": 0},
                             {"entry": "", "outcome": "OK", "action": "destroy", "event": "SECRET_DELETED", "level": "info", "version": 0})

    def test_secret_injected(self):
        locked, other = self.create(readable=False), self.create()
        policy = {"roles": [{"name": "spawner", "grants": [{"capabilities": ["inject"], "spaces": ["tapis"], "names": ["*"]}]}],
                  "bindings": [{"role": "spawner", "subjects": ["service:spawner"]}]}
        tenant = next(t["name"] for t in self.server.admin("tenants", "list")["tenants"] if "tacc" in json.dumps(t))
        done = self.server.cli("admin", "policy", "apply", "--tenant", tenant, "-f", "-", input=json.dumps(policy))
        self.assertEqual(done.returncode, 0, done.stderr)
        spawner = {"user": "spawner", "service": True, "headers": {"x-tapis-tenant": "tacc", "x-tapis-user": "alice"}}
        items = self.render(mode="inject", pod_id="web", secret_map={"A": "${secret:%s}" % locked, "B": "${secret:alice:%s}" % other,
                                                                     "C": "${secret:%s}" % locked}, **spawner)
        injected = lambda name, key: {"entry": self.entry_of(name), "outcome": "OK", "action": "inject", "event": "SECRET_INJECTED",
                                      "level": "info", "details": f"env_var={key} pod_id=web"}
        self.assertEqual(items, [injected(locked, "A"), injected(other, "B"), injected(locked, "C")])
        # Who may not inject has not: each is a failure.
        refused = self.render(403, mode="inject", secret_map={"A": "${secret:%s}" % locked})
        self.assertEqual([(i["event"], i["outcome"]) for i in refused], [("SECRET_RESOLUTION_FAILED", "PERMISSION_DENIED")])
        # The server answers what is synced; the record was read from the file before it.
        end = time.monotonic() + 20
        while True:
            found = self.server.cli("admin", "audit", "query", "--tenant", tenant, "--space", "tapis", "--name", locked, "--action", "render")
            if len(found.stdout.splitlines()) == 2:
                break
            self.assertLess(time.monotonic(), end, "a name finds the renders that used it: " + (found.stdout + found.stderr).decode())
            time.sleep(0.05)

    def test_secret_resolution_failed(self):
        of_bob = "s-" + uuid.uuid4().hex[:12]
        self.call(200, "POST", body={"secret_id": of_bob, "secret_value": VALUE}, user="bob")
        self.call(200, "POST", f"/{of_bob}/permissions", {"user": "alice", "level": "ADMIN"}, user="bob")
        items = self.render(secret_map={"GONE": "${secret:never-made}", "BOBS": "${secret:%s}" % of_bob, "NEED": "${:?a password}",
                                        "SHORT": "${pods:random:4}", "NET": "${pods:networking:none:port}"},
                            environment_variables={"E F": "${pods:secrets:NONE}"})
        failed = lambda key, outcome, action="resolve", **more: {
            "outcome": outcome, "action": action, "event": "SECRET_RESOLUTION_FAILED", "level": "warning", "details": f"env_var={key}", **more}
        self.assertEqual([{k: v for k, v in i.items() if k != "entry"} for i in items], [
            failed("GONE", "NOT_FOUND", "get", reason="not found"),
            failed("BOBS", "PERMISSION_DENIED", "get", reason="not the acting user's secret"),
            failed("NEED reason=required_placeholder", "INVALID_ARGUMENT"),
            failed("SHORT reason=random_password", "INVALID_ARGUMENT"),
            failed("NET reason=networking_reference", "INVALID_ARGUMENT"),
            failed("E?F reason=secret_map_reference", "INVALID_ARGUMENT")])
        self.assertEqual(items[1]["entry"], self.entry_of(of_bob))

    def test_secret_validation_failed(self):
        invalid = lambda details, outcome="INVALID_ARGUMENT", **more: {
            "outcome": outcome, "action": "validate", "event": "SECRET_VALIDATION_FAILED", "level": "warning", "details": details, **more}
        refused = self.render(400, secret_map={"a key": "x", "N": 3, "GOOD": "x"}, pod_id="web")
        self.assertEqual(refused, [invalid("env_var=a?key reason=bad_key pod_id=web"), invalid("env_var=N reason=not_a_string pod_id=web")])
        foreign = self.render(secret_map={"WHOLE": "${secret:bob:x}", "WITHIN": "pw=${secret:bob:x}", "OWN": "pw=${secret:alice:x}"})
        self.assertEqual([{k: v for k, v in i.items() if k != "entry"} for i in foreign],
                         [invalid("env_var=WHOLE owner=bob", "PERMISSION_DENIED", reason="not the acting user's secret"),
                          invalid("env_var=WITHIN owner=bob", "PERMISSION_DENIED", reason="not the acting user's secret")])
        self.assertIn("entry", foreign[0])

    def test_no_record_has_a_value(self):
        name = self.create()
        self.call(200, "GET", f"/{name}/value")
        self.render(secret_map={"A": "${secret:%s}" % name, "B": "literal " + VALUE, "C": "${pods:random:12}"}, environment_variables={"E": VALUE})
        self.record(self.call(200, "DELETE", f"/{name}"), "change")
        self.assertNotIn(VALUE, "".join(p.read_text() for p in trail(self.server)))

    def test_a_render_of_long_names_makes_no_record_that_the_trail_breaks_at(self):
        server = Server(config=CONFIG).start()
        self.addCleanup(server.close)
        made = server.cli("dev-token", "--door", "tapis", "--tenant", "tacc", "--user", "alice", "--data", server.data)
        client, token = TapisClient(server), made.stdout.decode().strip()
        body = {"secret_map": {f"K{n}": "${secret:" + "o" * 4000 + ":x}" for n in range(500)}, "pod_id": "web"}
        self.assertEqual(client.call("POST", SECRETS, {"secret_id": "s-1", "secret_value": VALUE}, token=token).status, 200)
        answer = client.call("POST", SECRETS + "/render", body, token=token, headers={"x-request-id": "long"})
        self.assertEqual(answer.status, 200, answer)
        record = wait_for(server, lambda r: r.get("request_id") == "long")
        self.assertLessEqual(len(json.dumps(record)), 1 << 20)
        self.assertEqual(len(record["items"]), 500)
        self.assertRegex(record["items"][499]["details"], r"^env_var=K499 pod_id=web owner=o+\.\.\.$")
        self.assertEqual(server.put("behind", "1").status, 200)
        behind = wait_for(server, lambda r: r["kind"] == "change" and r["seq"] > record["seq"])
        for restarts in range(2):
            verdict = server.cli("admin", "audit", "verify")
            self.assertEqual(verdict.returncode, 0, verdict)
            self.assertIn(behind, records(server))
            found = server.cli("admin", "audit", "query", "--from", "1h", "--action", behind["action"]).stdout.decode()
            self.assertIn(behind["hash"], found)
            if restarts == 0:
                server.terminate()
                server.start()

    def test_a_stranger_adds_nothing(self):
        answer = self.client.call("POST", SECRETS + "/render", {"secret_map": {"a b": "x"}}, token="a.b.c", headers={"x-request-id": "stranger"})
        self.assertEqual(answer.status, 401, answer)
        self.create()
        self.assertFalse([r for r in records(self.server) if r.get("request_id") == "stranger"])


if __name__ == "__main__":
    unittest.main()
