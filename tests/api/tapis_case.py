"""What the suites of the Tapis door share: a server of their own, Tapis tokens, and calls that are held against the OpenAPI
document. Which statuses were seen is gathered over all classes of a module."""

import itertools

from harness import ServerCase
from tapis_client import TapisClient

SECRETS = "/pods/secrets"
NUMBERS = itertools.count()
SEEN = {}  # statuses by operation
RUN = set()  # names of the classes that ran to their end
DOCUMENTS = []  # what their servers served


class TapisCase(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client = TapisClient(cls.server)
        cls.tokens = {}

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for operation, statuses in cls.client.statuses.items():
            SEEN.setdefault(operation, set()).update(statuses)
        DOCUMENTS.append(cls.client.document)
        RUN.add(cls.__name__)

    @classmethod
    def token(cls, user="alice", tenant="dev", *more):
        key = (user, tenant, *more)
        if key not in cls.tokens:
            done = cls.server.cli("dev-token", "--data", cls.server.data, "--door", "tapis", "--tenant", tenant, "--user", user, *more)
            assert done.returncode == 0, done.stderr
            cls.tokens[key] = done.stdout.decode().strip()
        return cls.tokens[key]

    def call(self, method, path="", body=None, user="alice", tenant="dev", token=None, **more):
        return self.client.call(method, SECRETS + path, body, token=token or self.token(user, tenant), **more)

    def expect(self, status, method, path="", body=None, words=(), **more):
        """The answer's result, or its message as one text in lower case."""
        answer = self.call(method, path, body, **more)
        self.assertEqual(answer.status, status, answer)
        if status == 200:
            return answer.json["result"]
        message = answer.json["message"]
        message = (message if isinstance(message, str) else "\n".join(message)).lower()
        for word in words:
            self.assertIn(word.lower(), message)
        return message

    def create(self, user="alice", tenant="dev", **fields):
        secret = {"secret_id": f"secret-{next(NUMBERS)}", "secret_value": "the value", **fields}
        self.expect(200, "POST", "", secret, user=user, tenant=tenant)
        return secret["secret_id"]

    def tenant_of(self, external_id):
        """Coffer's name of a Tapis tenant."""
        door = {"door": "tapis", "external_id": external_id}
        return next(t["name"] for t in self.server.admin("tenants", "list")["tenants"] if door in t["doors"])

    def value(self, secret_id, **more):
        return self.expect(200, "GET", f"/{secret_id}/value", **more)["secret_value"]
