"""A server with one Cloudforet domain, whose identity service is a key of the test's own, for the suites of the door."""

import shutil
import tempfile

from cloudforet_client import Client, Generation
from harness import ServerCase
from jwt_maker import Signer

ISS = "spaceone.identity"
DOMAIN = "domain-123456789012"


class CloudforetCase(ServerCase):
    generation_name = "1.12"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.mkdtemp(prefix="coffer-cf-")
        cls.signer = Signer(cls.folder)
        cls.make_domain("shop", DOMAIN)
        cls.generation = Generation(cls.generation_name)
        cls.clients = []

    @classmethod
    def tearDownClass(cls):
        for client in cls.clients:
            client.close()
        shutil.rmtree(cls.folder)
        super().tearDownClass()

    @classmethod
    def make_domain(cls, tenant, domain):
        cls.server.admin("tenants", "create", tenant)
        cls.server.admin("tenants", "open-door", tenant, "cloudforet", domain)
        cls.server.admin("issuers", "put", "identity", "--tenant", tenant, "--iss", "https://dev." + ISS, "--mapping", "cloudforet",
                         "--public-key", cls.signer.public)

    @classmethod
    def token(cls, user="admin", rol="DOMAIN_ADMIN", own="USER", did=DOMAIN, **claims):
        claims.setdefault("typ", "SYSTEM_TOKEN" if own == "SYSTEM" else "ACCESS_TOKEN")
        return cls.signer.token(iss="https://dev." + ISS, own=own, did=did, aud=user, ver="2.0", **({"rol": rol} if rol else {}), **claims)

    @classmethod
    def client(cls, *arguments, address=None, **claims):
        client = Client(cls.generation, address or cls.server.grpc_address, cls.token(*arguments, **claims))
        cls.clients.append(client)
        return client

    def rest(self, path, body=None, token=None, raw=None):
        """POST of a JSON body with a bearer; answers (status, JSON)."""
        answer = self.server.request("POST", path, raw if raw is not None else body or {}, {"content-type": "application/json"},
                                     token=token or self.token())
        return answer.status, answer.json
