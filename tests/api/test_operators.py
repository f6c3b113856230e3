#!/usr/bin/env python3
"""Operators with capabilities: each call of the admin API has its own, is refused without it and is in the audit trail
under the operator's name; each is in the command line. The examples of docs/operators.md are these."""

import re
import time
import unittest

import grpc

import stubs
from audit_trail import records, wait_for
from harness import ROOT, ServerCase

# Who makes these proves himself by what he gives.
FREE = {"seal.status", "seal.unseal", "seal.regenerate-token"}
# What an empty request may be answered: never that something went wrong inside, or is not there.
SAID = {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.ABORTED}
# Would end what the other tests need.
ENDS = {"seal.seal"}


def words(name):
    return re.sub(r"(?<!^)([A-Z])", r"-\1", name).lower()


class Operators(ServerCase):
    config = '[audit]\nsync_interval = "10ms"\n'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.channel = grpc.insecure_channel(cls.server.admin_address)
        cls.calls = {f"{words(service)}.{words(method)}": (service, method, request, reply)
                     for service, method, request, reply in stubs.admin_calls()}

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        super().tearDownClass()

    def call(self, capability, token=None, **fields):
        service, method, request, reply = self.calls[capability]
        stub = self.channel.unary_unary(f"/coffer.admin.v1.{service}/{method}", request_serializer=request.SerializeToString,
                                        response_deserializer=reply.FromString)
        return stub(request(**fields), metadata=[("authorization", "Bearer " + (token or self.server.token()))], timeout=20)

    def make(self, name, *capabilities):
        made = self.call("operators.create", name=name, capabilities=capabilities)
        return made.operator.id, made.token

    def revoke(self, operator_id):
        self.call("operators.revoke", id=operator_id)

    def code(self, capability, token):
        """What an empty request answers, and in which words."""
        try:
            self.call(capability, token)
            return grpc.StatusCode.OK, ""
        except grpc.RpcError as error:
            return error.code(), error.details()

    def test_each_call_needs_its_own_capability_and_each_refusal_is_recorded(self):
        listed = self.server.cli("admin", "operators", "capabilities").stdout.decode().split()
        self.assertEqual(set(listed), set(self.calls) - FREE, "the command names them all")
        self.assertGreater(len(listed), 40)
        for n, capability in enumerate(listed):
            others = [one for one in listed if one != capability]
            made, token = self.make(f"all-but-{n}", *others)
            code, details = self.code(capability, token)
            self.assertEqual(code, grpc.StatusCode.PERMISSION_DENIED, (capability, details))
            self.assertIn(f"lacks the capability {capability};", details)
            self.revoke(made)
            if capability in ENDS:
                continue
            made, token = self.make(f"only-{n}", capability)
            code, details = self.code(capability, token)
            self.assertNotIn("lacks the capability", details, capability)
            self.assertIn(code, SAID, (capability, details))
            if code != grpc.StatusCode.OK:
                self.assertGreater(len(details.split()), 2, f"{capability} does not say what is wrong")
            if code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.ABORTED):
                self.assertRegex(details, "[;:] .", f"{capability} does not say what to do")
            self.revoke(made)
        allowed = {f"operator:only-{n}" for n, one in enumerate(listed) if one not in ENDS}
        wanted = {(f"{self.calls[one][0]}/{self.calls[one][1]}", f"operator:all-but-{n}") for n, one in enumerate(listed)}
        end = time.monotonic() + 20
        while time.monotonic() < end:
            seen = {(r.get("action"), r.get("principal")) for r in records(self.server) if r.get("outcome") == "PERMISSION_DENIED"}
            done = {r.get("principal") for r in records(self.server) if r.get("outcome") != "PERMISSION_DENIED"}
            if wanted <= seen and allowed <= done:
                return
            time.sleep(0.05)
        self.fail(f"not in the trail: {sorted(wanted - seen)} {sorted(allowed - done)}")

    def test_a_services_name_is_all_of_its_calls_and_no_other(self):
        token = self.server.data / "tenants.token"
        done = self.server.cli("admin", "operators", "create", "tenant-maker", "--capability", "tenants", "--out", token)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(token.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.server.cli("admin", "tenants", "create", "by-maker", token_file=token).returncode, 0)
        self.assertEqual(self.server.cli("admin", "tenants", "list", token_file=token).returncode, 0)
        refused = self.server.cli("admin", "tokens", "list", "--tenant", "by-maker", token_file=token)
        self.assertEqual(refused.returncode, 5)
        self.assertIn(b"lacks the capability tokens.list", refused.stderr)
        self.assertIn(b"coffer admin operators create", refused.stderr)
        made = wait_for(self.server, lambda r: r.get("action") == "create-tenant" and r.get("details") == "tenant=by-maker")
        self.assertEqual(made["principal"], "operator:tenant-maker")

    def test_nobody_gives_more_than_he_has(self):
        token = self.server.data / "giver.token"
        self.server.cli("admin", "operators", "create", "giver", "--capability", "operators", "--capability", "audit", "--out", token)
        done = self.server.cli("admin", "operators", "create", "auditor", "--capability", "audit.query", token_file=token)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout.decode(), r"^cfo_\S+\n$")
        for more in (["--everything"], ["--capability", "tokens"]):
            done = self.server.cli("admin", "operators", "create", "more", *more, token_file=token)
            self.assertEqual(done.returncode, 5, done.stderr)
            self.assertIn(b"which you do not have yourself", done.stderr)
        done = self.server.cli("admin", "operators", "create", "typo", "--capability", "tenants.fly")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"operators capabilities", done.stderr)

    def test_nobody_gives_more_time_than_he_has(self):
        token = self.server.data / "until.token"
        self.server.cli("admin", "operators", "create", "until", "--capability", "operators", "--expires", "1h", "--out", token)
        for more in ([], ["--expires", "2h"]):
            done = self.server.cli("admin", "operators", "create", "longer", "--capability", "operators", *more, token_file=token)
            self.assertEqual(done.returncode, 5, done.stderr)
            self.assertIn(b"more time than you have, which is until 2", done.stderr)
        done = self.server.cli("admin", "operators", "create", "shorter", "--capability", "operators", "--expires", "5m", token_file=token)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_revoked_and_an_expired_token_are_refused(self):
        made, token = self.make("leaves", "server")
        path = self.server.data / "leaves.token"
        path.write_text(token + "\n")
        path.chmod(0o600)
        self.assertEqual(self.server.cli("admin", "status", token_file=path).returncode, 0)
        self.assertIn("leaves", [o["name"] for o in self.server.admin("operators", "list")["operators"]])
        self.server.admin("operators", "revoke", made)
        self.assertEqual(self.server.cli("admin", "status", token_file=path).returncode, 5)
        self.assertEqual(self.server.cli("admin", "operators", "revoke", made).returncode, 3)
        brief = self.server.admin("operators", "create", "brief", "--capability", "server", "--expires", "1s")
        path.write_text(brief["token"] + "\n")
        end = time.monotonic() + 20
        while self.server.cli("admin", "status", token_file=path).returncode != 5:
            self.assertLess(time.monotonic(), end, "it never expires")

    def test_the_last_who_may_do_everything_stays(self):
        everybody = self.server.admin("operators", "list")["operators"]
        root = next(o for o in everybody if o["name"] == "dev-root")
        self.assertEqual(root["capabilities"], ["*"])
        done = self.server.cli("admin", "operators", "revoke", root["id"])
        self.assertEqual(done.returncode, 5)
        self.assertIn(b"last operator who may do everything", done.stderr)

    def test_what_the_keeper_of_keys_does_is_recorded(self):
        token = self.server.data / "keys.token"
        self.server.cli("admin", "operators", "create", "key-keeper", "--capability", "keys", "--capability", "seal", "--capability", "backup", "--out", token)
        self.assertEqual(self.server.cli("admin", "keys", "status", token_file=token).returncode, 0)
        self.assertEqual(self.server.cli("admin", "backup", "create", token_file=token).returncode, 0)
        self.assertNotEqual(self.server.cli("admin", "seal", "remove", "nobody", "--yes", token_file=token).returncode, 0)
        wanted = {("get_keys", "OK"), ("start_backup", "OK"), ("read_backup", "OK")}
        end = time.monotonic() + 20
        while True:
            seen = {(r["action"], r["outcome"]) for r in records(self.server) if r.get("principal") == "operator:key-keeper"}
            if wanted <= seen and any(a == "remove_seal" and o != "OK" for a, o in seen):
                return
            self.assertLess(time.monotonic(), end, seen)
            time.sleep(0.05)


class CommandLine(unittest.TestCase):
    def test_every_call_of_the_admin_api_is_in_the_command_line(self):
        sources = {path: path.read_text() for path in (ROOT / "app/cli").glob("*.cpp")}
        for service, method, _, _ in stubs.admin_calls():
            uses = [path for path, text in sources.items()
                    if f"{service}::NewStub" in text and re.search(rf"(->|\.|::Stub::){method}\b", text)]
            self.assertTrue(uses, f"no command calls {service}.{method}")


if __name__ == "__main__":
    unittest.main()
