#!/usr/bin/env python3
"""A tenant's quota against a started server: limits of rates, entries and bytes through the native and Dapr doors, in each
door's words and with the time to retry; kept over a restart; counted without names. And addresses that are refused for
credentials that do not hold, on a server that is not --dev."""

import json
import shutil
import tempfile
import time
import unittest
from pathlib import Path

import grpc

import stubs
from harness import Server, ServerCase, run
from test_dapr_http import STORES

native, native_services = stubs.native()
dapr, dapr_services = stubs.dapr()
from google.rpc import error_details_pb2, status_pb2  # noqa: E402  stubs puts them there

Code = grpc.StatusCode
LIMITS = ("entries", "bytes", "reads", "read-burst", "writes", "write-burst", "lists", "list-burst", "others", "other-burst")
MANY = 200      # requests that come faster than the rates here refill


def retry_delay(error):
    """Seconds of the RetryInfo that a failed gRPC call carries; None without."""
    for key, value in error.trailing_metadata():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                info = error_details_pb2.RetryInfo()
                if detail.Unpack(info):
                    return info.retry_delay.seconds
    return None


class Case(ServerCase):
    config = STORES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.put("a", "the tenant is made at first use")

    def setUp(self):
        self.quota(*[word for limit in LIMITS for word in ("--" + limit, "default")])

    def quota(self, *words):
        return self.server.admin("quotas", "set", "default", *words)

    def until_refused(self, ask, refused):
        """Asks until it is refused; the answer that refuses."""
        for _ in range(MANY):
            answer = ask()
            if refused(answer):
                return answer
        self.fail(f"{MANY} requests in a row were not refused")

    def works_again(self, ask, works):
        """Waits as a client that was told to: until it works, with a bound."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if works(ask()):
                return
            time.sleep(0.2)
        self.fail("it does not work again")


class Rates(Case):
    def setUp(self):
        super().setUp()
        self.assertEqual(self.server.put("a", "secret").status, 200)

    def test_over_native_rest(self):
        self.quota("--reads", "1", "--read-burst", "3")
        answer = self.until_refused(lambda: self.server.get("a"), lambda a: a.status != 200)
        self.assertStatus(answer, 429, "QUOTA_EXCEEDED")
        self.assertIn("reads_per_second = 1", answer.error["message"])
        self.assertEqual(answer.headers["retry-after"], "1")
        self.assertEqual(self.server.put("a", "secret").status, 200, "writes have a rate of their own")
        self.works_again(lambda: self.server.get("a"), lambda a: a.status == 200)
        self.quota("--reads", "none")
        for _ in range(20):
            self.assertEqual(self.server.get("a").status, 200)

    def test_over_native_grpc(self):
        self.quota("--reads", "1", "--read-burst", "2")
        with grpc.insecure_channel(self.server.grpc_address) as channel:
            stub = native_services.SecretsStub(channel)

            def get():
                try:
                    stub.Get(native.GetRequest(tenant="default", space="kv", name="a"), timeout=20,
                             metadata=[("authorization", "Bearer " + self.server.token())])
                    return None
                except grpc.RpcError as error:
                    return error

            error = self.until_refused(get, lambda e: e is not None)
            self.assertEqual(error.code(), Code.RESOURCE_EXHAUSTED)
            self.assertIn("reads_per_second = 1", error.details())
            self.assertEqual(retry_delay(error), 1)
            self.works_again(get, lambda e: e is None)

    def test_over_dapr(self):
        self.quota("--reads", "1", "--read-burst", "2")
        get = lambda: self.server.request("GET", "/v1.0/secrets/single/a", token=None)
        answer = self.until_refused(get, lambda a: a.status != 200)
        self.assertEqual(answer.status, 500, answer)
        self.assertEqual(answer.json["errorCode"], "ERR_SECRET_GET")
        self.assertIn("reads_per_second = 1", answer.json["message"])
        self.assertEqual(answer.headers["retry-after"], "1")
        self.works_again(get, lambda a: a.status == 200)
        with grpc.insecure_channel(self.server.grpc_address) as channel:
            stub = dapr_services.DaprStub(channel)

            def call():
                try:
                    stub.GetSecret(dapr.GetSecretRequest(store_name="single", key="a"), timeout=20)
                    return None
                except grpc.RpcError as error:
                    return error

            self.assertEqual(retry_delay(self.until_refused(call, lambda e: e is not None)), 1)

    def test_lists_and_batches(self):
        self.quota("--lists", "1", "--reads", "1", "--read-burst", "10")
        answer = self.until_refused(lambda: self.server.request("GET", "/v1/tenants/default/spaces/kv/secrets"), lambda a: a.status != 200)
        self.assertStatus(answer, 429, "QUOTA_EXCEEDED")
        batch = {"secrets": [{"space": "kv", "name": "a"}] * 10}
        batches = lambda: self.server.request("POST", "/v1/tenants/default:batchGet", batch)
        self.works_again(batches, lambda a: a.status == 200)
        self.assertStatus(batches(), 429, "QUOTA_EXCEEDED")

    def test_the_command_ends_with_its_code(self):
        self.quota("--reads", "1")
        done = self.until_refused(lambda: self.server.cli("get", "a"), lambda d: d.returncode != 0)
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn(b"reads_per_second", done.stderr)

    def test_an_operator_is_not_counted(self):
        self.quota("--others", "1")
        for _ in range(20):
            self.server.admin("quotas", "get", "default")

    def test_metrics_count_without_names(self):
        self.quota("--reads", "1")
        self.until_refused(lambda: self.server.get("a"), lambda a: a.status == 429)
        text = self.server.request("GET", "/metrics", token=None).body.decode()
        line = next(l for l in text.splitlines() if l.startswith('coffer_quota_refused_total{limit="reads_per_second"}'))
        self.assertGreaterEqual(float(line.split()[-1]), 1)
        self.assertNotIn("default", text)


class Held(Case):
    def held(self):
        return self.server.admin("quotas", "get", "default")

    def test_entries(self):
        for name in ("a", "b"):
            self.assertEqual(self.server.put(name, "x", space="held").status, 200)
        self.quota("--entries", self.held()["held_entries"])
        answer = self.server.put("c", "x", space="held")
        self.assertStatus(answer, 429, "QUOTA_EXCEEDED")
        self.assertIn("entries = ", answer.error["message"])
        self.assertNotIn("retry-after", answer.headers, "waiting does not help")
        self.assertEqual(self.server.get("c", space="held").status, 404)
        self.assertEqual(self.server.put("a", "another version", space="held").status, 200)
        self.assertEqual(self.server.request("DELETE", self.server.path("b", space="held")).status, 200)
        self.assertEqual(self.server.put("c", "x", space="held").status, 200)

    def test_bytes_and_no_way_around_in_a_transaction(self):
        self.assertEqual(self.server.put("big", "x" * 1000, space="weight").status, 200)
        self.quota("--bytes", str(int(self.held()["held_bytes"]) + 100))
        put = lambda name, size: {"put": {"space": "weight", "name": name, "value": "x" * size}}
        transact = lambda *operations: self.server.request("POST", "/v1/tenants/default:transact", {"operations": list(operations)})
        answer = transact(put("t1", 60), put("t2", 60))
        self.assertStatus(answer, 429, "QUOTA_EXCEEDED")
        self.assertIn("bytes = ", answer.error["message"])
        self.assertEqual(self.server.get("t1", space="weight").status, 404, "nothing of it happened")
        self.assertEqual(transact(put("t1", 60)).status, 200)


class Kept(unittest.TestCase):
    def test_over_a_restart(self):
        server = Server().start()
        self.addCleanup(server.close)
        self.assertEqual(server.put("a", "x").status, 200)
        server.admin("quotas", "set", "default", "--entries", "1", "--reads", "50")
        before = server.admin("quotas", "get", "default")
        self.assertEqual(server.put("b", "x").status, 429)
        server.kill()
        server.start()
        self.assertEqual(server.admin("quotas", "get", "default"), before)
        self.assertEqual(server.put("b", "x").status, 429)
        table = server.cli("admin", "quotas", "get", "default").stdout.decode()
        self.assertIn("reads_per_second", table)

    def test_the_configuration_gives_defaults(self):
        server = Server(config="[quotas]\nentries = 1\n").start()
        self.addCleanup(server.close)
        self.assertEqual(server.put("a", "x").status, 200)
        self.assertEqual(server.put("b", "x").status, 429)
        server.admin("quotas", "set", "default", "--entries", "2")
        self.assertEqual(server.put("b", "x").status, 200)
        self.assertEqual(server.put("c", "x").status, 429)


class Strict(Server):
    """Not --dev: made by `coffer admin init`, without TLS by name."""

    def command(self):
        return [str(word) for word in super().command() if word != "--dev"] + ["--insecure"]

    def token(self):
        return (self.data / "operator.token").read_text().strip()


class Sources(unittest.TestCase):
    def test_an_address_that_guesses_is_refused_for_a_while(self):
        folder = Path(tempfile.mkdtemp(prefix="coffer-strict-"))
        config = f'[seal]\nkey_file = "{folder}/seal.key"\n[identity]\nfailures_per_second = 2\nfailure_burst = 5\n'
        server = Strict(config=config)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.addCleanup(server.close)
        done = run("admin", "init", "--config", server.config_path, "--data", server.data, "--operator-token", server.data / "operator.token")
        self.assertEqual(done.returncode, 0, done.stderr)
        server.start()
        guess = lambda: server.get("a", token="cft_" + "A" * 80)
        answers = [guess() for _ in range(MANY)]
        self.assertEqual(answers[0].status, 401, answers[0])
        refused = [a for a in answers if a.status == 429]
        self.assertTrue(refused, "it may guess as often as it likes")
        self.assertGreaterEqual(int(refused[0].headers["retry-after"]), 1)
        self.assertEqual(json.loads(refused[0].body)["error"]["code"], "QUOTA_EXCEEDED")
        self.assertEqual(server.request("GET", "/healthz", token=None).status, 200)
        self.assertRegex(server.request("GET", "/metrics", token=None).body.decode(), r"(?m)^coffer_sources_refused_total [1-9]")
        status = lambda: server.cli("admin", "status", token_file=server.data / "operator.token").returncode
        end = time.monotonic() + 30
        while status() != 0:
            self.assertLess(time.monotonic(), end, "it is never let in again")
            time.sleep(0.2)

    def test_dev_spares_loopback(self):
        server = Server(config="[identity]\nfailures_per_second = 1\nfailure_burst = 1\n").start()
        self.addCleanup(server.close)
        for _ in range(20):
            self.assertEqual(server.get("a", token="cft_" + "A" * 80).status, 401)


if __name__ == "__main__":
    unittest.main()
