#!/usr/bin/env python3
"""What is refused costs the server about the same, whether there is such a tenant or secret or none: else the time of an answer
would tell a stranger. Counted is the processor time of the server's threads, of requests that take turns, so that a busy machine
disturbs both alike; a factor of two is the bound. (That a signature is checked in any case is counted, in unit_net.)"""

import glob
import http.client
import json
import shutil
import tempfile
import unittest

from admin_client import Admin
from harness import ServerCase, skip
from jwt_maker import Signer, b64
from test_isolation import A, B, NOBODY, STORES

ISS = "https://id.example"
TURNS, REQUESTS = 12, 60


class Cost(ServerCase):
    config = STORES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for tenant in (A, B):
            for name in ("one", "two", "own/x"):
                cls.server.put(name, f"{name} of {tenant}", tenant=tenant)
        cls.folder = tempfile.mkdtemp(prefix="coffer-cost-")
        signer = Signer(cls.folder)
        cls.server.admin("issuers", "put", "corp", "--tenant", A, "--iss", ISS, "--public-key", signer.public)
        admin = Admin(cls.server)
        cls.token = admin.create_token(B, ("list", "read", "read-value"), names=("own/*",)).secret
        admin.channel.close()

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    def cpu_ns(self):
        total = 0
        for path in glob.glob(f"/proc/{self.server.pid}/task/*/schedstat"):
            with open(path) as file:
                total += int(file.read().split()[0])
        return total

    def compare(self, there, missing):
        """Two makers of requests, (path, headers) of a number: the same answers at about the same cost."""
        spent, answers = [0, 0], [set(), set()]
        connection = http.client.HTTPConnection(self.server.http_address, timeout=60)
        for turn in range(TURNS + 1):
            for side, make in enumerate((there, missing)):
                before = self.cpu_ns()
                for i in range(REQUESTS):
                    path, headers = make(turn * REQUESTS + i)
                    connection.request("GET", path, headers=headers)
                    answer = connection.getresponse()
                    answer.read()
                    answers[side].add(answer.status)
                if turn > 0:                    # the first one warms up
                    spent[side] += self.cpu_ns() - before
        connection.close()
        self.assertEqual(answers[0], answers[1])
        self.assertNotIn(200, answers[0])
        ratio = spent[0] / spent[1]
        print(f"{self.id().rsplit('.', 1)[1]}: {spent[0] / TURNS / REQUESTS / 1000:.1f} us and {spent[1] / TURNS / REQUESTS / 1000:.1f} us, {ratio:.2f}x")
        self.assertTrue(0.5 < ratio < 2, f"{ratio:.2f} times the cost")

    def bearer(self, token):
        return {"authorization": "Bearer " + token}

    def test_anothers_tenant_and_none(self):
        self.compare(lambda i: (self.server.path("one", tenant=A), self.bearer(self.token)),
                     lambda i: (self.server.path("one", tenant=NOBODY), self.bearer(self.token)))

    def test_anothers_store_of_dapr_and_one_of_none(self):
        headers = {"dapr-api-token": self.token}
        self.compare(lambda i: ("/v1.0/secrets/store-a/one", headers), lambda i: ("/v1.0/secrets/store-nobody/one", headers))

    def test_a_forbidden_secret_and_a_missing_one(self):
        self.compare(lambda i: (self.server.path("two", tenant=B), self.bearer(self.token)),
                     lambda i: (self.server.path(f"no{i}", tenant=B), self.bearer(self.token)))

    def forged(self, number, iss=ISS):
        part = lambda value: b64(json.dumps(value).encode())
        return part({"alg": "RS256", "typ": "JWT"}) + "." + part({"iss": iss, "sub": f"u{number:06d}", "exp": 4102444800}) + "." + "A" * 342

    def test_a_forged_jwt_of_a_tenant_and_of_none(self):
        self.compare(lambda i: (self.server.path("one", tenant=A), self.bearer(self.forged(i))),
                     lambda i: (self.server.path("one", tenant=NOBODY), self.bearer(self.forged(i))))

    def test_a_forged_jwt_of_a_trusted_issuer_and_of_a_stranger(self):
        self.compare(lambda i: (self.server.path("one", tenant=A), self.bearer(self.forged(i))),
                     lambda i: (self.server.path("one", tenant=A), self.bearer(self.forged(i, "https://xx.example"))))

    def test_a_forged_token_of_a_tenant_and_of_none(self):
        token = lambda i: "cft_" + f"{i:08d}" * 11 + "AAAA"
        self.compare(lambda i: (self.server.path("one", tenant=A), self.bearer(token(i))),
                     lambda i: (self.server.path("one", tenant=NOBODY), self.bearer(token(i))))


if __name__ == "__main__":
    if not glob.glob("/proc/self/task/*/schedstat"):
        skip("this kernel does not count its threads' processor time")
    if not shutil.which("openssl"):
        skip("openssl is not installed; ./dev test installs it")
    unittest.main()
