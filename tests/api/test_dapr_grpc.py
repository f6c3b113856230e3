#!/usr/bin/env python3
"""Dapr's secrets API over gRPC with a generated client: the status table of the contract, the token, the metadata call,
and the content type that the JavaScript client sends."""

import unittest

import grpc

import stubs
from harness import Server, ServerCase
from test_dapr_http import STORES

pb, services = stubs.dapr()


class DaprGrpc(ServerCase):
    config = STORES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server.put("open", "o")
        cls.server.put("open", "o2")
        cls.server.put("map", {"data": {"a": "1", "b": "2"}})
        cls.channel = grpc.insecure_channel(cls.server.grpc_address)
        cls.api = services.DaprStub(cls.channel)

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        super().tearDownClass()

    def get(self, store, key, metadata=None, **more):
        return self.api.GetSecret(pb.GetSecretRequest(store_name=store, key=key, metadata=metadata or {}), timeout=20, **more)

    def refused(self, code, details, *arguments, **more):
        with self.assertRaises(grpc.RpcError) as caught:
            self.get(*arguments, **more)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        if details is not None:
            self.assertEqual(caught.exception.details(), details)
        return caught.exception

    def test_get(self):
        self.assertEqual(dict(self.get("single", "open").data), {"open": "o2"})
        self.assertEqual(dict(self.get("multi", "map").data), {"a": "1", "b": "2"})
        self.assertEqual(dict(self.get("single", "open", {"version_id": "1"}).data), {"open": "o"})

    def test_a_missing_secret_is_an_empty_answer(self):
        self.assertEqual(self.get("single", "missing").SerializeToString(), b"")

    def test_bulk(self):
        answer = self.api.GetBulkSecret(pb.GetBulkSecretRequest(store_name="multi"), timeout=20)
        self.assertEqual(dict(answer.data["map"].secrets), {"a": "1", "b": "2"})
        only = self.api.GetBulkSecret(pb.GetBulkSecretRequest(store_name="allow-list"), timeout=20)
        self.assertEqual(list(only.data), ["open"])

    def test_statuses(self):
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "failed finding secret store with key nope", "nope", "x")
        self.refused(grpc.StatusCode.PERMISSION_DENIED, 'access denied by policy to get "open" from "deny-all"', "deny-all", "open")

    def test_a_wrong_token_is_unauthenticated_with_error_info(self):
        with self.assertRaises(grpc.RpcError) as caught:
            self.api.GetSecret(pb.GetSecretRequest(store_name="single", key="open"), timeout=20, metadata=[("dapr-api-token", "wrong")])
        error = caught.exception
        self.assertEqual((error.code(), error.details()), (grpc.StatusCode.UNAUTHENTICATED, "Unauthorized"))
        details = dict(error.trailing_metadata()).get("grpc-status-details-bin", b"")
        for part in (b"google.rpc.ErrorInfo", b"Unauthorized", b"dapr.io"):
            self.assertIn(part, details)

    def test_metadata_names_the_stores(self):
        answer = self.api.GetMetadata(pb.GetMetadataRequest(), timeout=20)
        self.assertIn("single", [c.name for c in answer.registered_components])

    def test_other_methods_are_unimplemented(self):
        with self.assertRaises(grpc.RpcError) as caught:
            self.channel.unary_unary("/dapr.proto.runtime.v1.Dapr/GetState")(b"", timeout=10)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_a_direktiv_namespace_is_a_store_in_dev(self):
        direktiv, direktiv_services = stubs.direktiv()
        direktiv_services.SecretsServiceStub(self.channel).StoreSecret(direktiv.SecretsStoreRequest(
            namespace="ns-a", name="n", data=b"from direktiv", stype=direktiv.SECRET), timeout=20)
        self.assertEqual(dict(self.get("direktiv-ns-a", "n").data), {"n": "from direktiv"})
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, None, "direktiv-unknown", "n")


class DaprGrpcRuntime(unittest.TestCase):
    def test_a_missing_secret_is_internal(self):
        server = Server(config='[dapr]\nstatuses = "runtime"\n' + STORES).start()
        try:
            server.put("open", "o")
            with grpc.insecure_channel(server.grpc_address) as channel, self.assertRaises(grpc.RpcError) as caught:
                services.DaprStub(channel).GetSecret(pb.GetSecretRequest(store_name="single", key="missing"), timeout=20)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.INTERNAL)
            self.assertIn("failed getting secret with key missing from secret store single", caught.exception.details())
        finally:
            server.close()


if __name__ == "__main__":
    unittest.main()
