"""The admin API over gRPC for the tests: tenants and tokens made in a line. `coffer admin` has its own test."""

import time

import grpc

import stubs

pb, services = stubs.admin()

READER = ("list", "read", "read-value")


class Admin:
    """Calls as the --dev root unless another token is given. REQUIRES: a started server."""

    def __init__(self, server, token=None):
        self.channel = grpc.insecure_channel(server.admin_address, options=[("grpc.use_local_subchannel_pool", 1)])
        self.auth = [("authorization", "Bearer " + (token or server.token()))]
        self.tenants = services.TenantsStub(self.channel)
        self.tokens = services.TokensStub(self.channel)
        self.policies = services.PoliciesStub(self.channel)
        self.server = services.ServerStub(self.channel)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()

    def call(self, method, request):
        return method(request, metadata=self.auth, timeout=20)

    def create_tenant(self, name):
        return self.call(self.tenants.Create, pb.CreateTenantRequest(name=name))

    def open_door(self, tenant, door, external_id):
        return self.call(self.tenants.OpenDoor, pb.OpenDoorRequest(name=tenant, door=pb.Door(door=door, external_id=external_id)))

    def create_token(self, tenant, capabilities=READER, spaces=("*",), names=("*",), seconds=None, description="test"):
        """The answer of Tokens.Create: .secret is the token, .token.id its name."""
        request = pb.CreateTokenRequest(tenant=tenant, description=description,
                                        scopes=[pb.Scope(capabilities=capabilities, spaces=spaces, names=names)])
        if seconds is not None:
            request.expires_at.FromMilliseconds(int((time.time() + seconds) * 1000))
        return self.call(self.tokens.Create, request)

    def revoke(self, tenant, token_id):
        return self.call(self.tokens.Revoke, pb.RevokeTokenRequest(tenant=tenant, id=token_id))
