#!/usr/bin/env python3
"""Direktiv's secrets.SecretsService with a client generated from its proto: all seven RPCs, the statuses and texts that
its callers rely on, presence of fields, bytes kept as they are."""

import unittest

import grpc

import stubs
from admin_client import Admin
from harness import Server, ServerCase

pb, services = stubs.direktiv()
SECRET, REGISTRY = pb.SECRET, pb.REGISTRY
UNKNOWN, NOT_FOUND = grpc.StatusCode.UNKNOWN, grpc.StatusCode.NOT_FOUND


class Direktiv(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.channel = grpc.insecure_channel(cls.server.grpc_address)
        cls.api = services.SecretsServiceStub(cls.channel)

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        super().tearDownClass()

    def store(self, ns, name, data, stype=SECRET, **more):
        return self.api.StoreSecret(pb.SecretsStoreRequest(namespace=ns, name=name, data=data, stype=stype), timeout=20, **more)

    def retrieve(self, ns, name):
        return self.api.RetrieveSecret(pb.SecretsRetrieveRequest(namespace=ns, name=name), timeout=20)

    def refused(self, code, text, call, request, **more):
        with self.assertRaises(grpc.RpcError) as caught:
            call(request, timeout=20, **more)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        if text is not None:
            self.assertEqual(caught.exception.details(), text)
        return caught.exception

    def test_store_and_retrieve_keep_every_byte(self):
        data = bytes(range(256)) * 16
        self.assertEqual(self.store("ns1", "bytes", data).SerializeToString(), b"")
        self.assertEqual(self.retrieve("ns1", "bytes").data, data)

    def test_what_cannot_be_stored_is_looked_for_in_vain(self):
        self.store("ns1", "there", b"1")
        for name in ("x" * 513, "a\nb", "\x7f", "x" * 100_000):
            self.refused(UNKNOWN, None, self.api.StoreSecret, pb.SecretsStoreRequest(namespace="ns1", name=name, data=b"1", stype=SECRET))
            text = f"secret '{name}' not found" if len(name) < 2048 else None
            self.refused(NOT_FOUND, text, self.api.RetrieveSecret, pb.SecretsRetrieveRequest(namespace="ns1", name=name))
            self.assertEqual(self.api.DeleteSecret(pb.SecretsDeleteRequest(namespace="ns1", name=name, stype=SECRET), timeout=20).count, 0)
            self.refused(NOT_FOUND, "secret 'n' not found", self.api.RetrieveSecret, pb.SecretsRetrieveRequest(namespace=name, name="n"))
            self.assertEqual(len(self.api.GetSecrets(pb.GetSecretsRequest(namespace=name), timeout=20).secrets), 0)

    def test_the_data_of_a_retrieve_is_field_3(self):
        self.store("ns1", "field", b"abc")
        request = pb.SecretsRetrieveRequest(namespace="ns1", name="field").SerializeToString()
        raw = self.channel.unary_unary("/secrets.SecretsService/RetrieveSecret")
        self.assertEqual(raw(request, timeout=20), b"\x1a\x03abc")

    def test_a_secret_is_never_overwritten(self):
        self.store("ns1", "once", b"1")
        for stype in (SECRET, REGISTRY):
            self.refused(UNKNOWN, "secret already exists", self.api.StoreSecret,
                         pb.SecretsStoreRequest(namespace="ns1", name="once", data=b"2", stype=stype))
        self.assertEqual(self.retrieve("ns1", "once").data, b"1")

    def test_store_wants_every_attribute_by_presence(self):
        full = {"namespace": "ns2", "name": "n", "data": b"x", "stype": SECRET}
        for missing in full:
            fields = {k: v for k, v in full.items() if k != missing}
            self.refused(UNKNOWN, "all attributes are required", self.api.StoreSecret, pb.SecretsStoreRequest(**fields))
        self.refused(UNKNOWN, "all attributes are required", self.api.StoreSecret, pb.SecretsStoreRequest(**{**full, "data": b""}))
        self.refused(NOT_FOUND, "secret 'n' not found", self.api.RetrieveSecret, pb.SecretsRetrieveRequest(namespace="ns2", name="n"))

    def test_store_refuses_more_than_65536_bytes(self):
        self.store("ns2", "largest", b"x" * 65536)
        self.assertEqual(len(self.retrieve("ns2", "largest").data), 65536)
        self.refused(UNKNOWN, None, self.api.StoreSecret,
                     pb.SecretsStoreRequest(namespace="ns2", name="larger", data=b"x" * 65537, stype=SECRET))
        self.refused(NOT_FOUND, None, self.api.RetrieveSecret, pb.SecretsRetrieveRequest(namespace="ns2", name="larger"))

    def test_retrieve_of_what_is_missing(self):
        self.refused(NOT_FOUND, "secret 'nope' not found", self.api.RetrieveSecret, pb.SecretsRetrieveRequest(namespace="ns1", name="nope"))
        self.refused(NOT_FOUND, "secret 'nope' not found", self.api.RetrieveSecret,
                     pb.SecretsRetrieveRequest(namespace="no-such-namespace", name="nope"))
        for fields in ({}, {"namespace": "ns1"}, {"name": "n"}):
            self.refused(UNKNOWN, "required attributes are missing", self.api.RetrieveSecret, pb.SecretsRetrieveRequest(**fields))

    def test_delete_counts_and_looks_at_the_type(self):
        self.store("ns3", "d", b"1")
        delete = lambda **f: self.api.DeleteSecret(pb.SecretsDeleteRequest(**f), timeout=20)
        self.assertEqual(delete(namespace="ns3", name="d", stype=REGISTRY).count, 0)
        self.assertEqual(self.retrieve("ns3", "d").data, b"1")
        answer = delete(namespace="ns3", name="d", stype=SECRET)
        self.assertEqual(answer.count, 1)
        self.assertTrue(answer.HasField("count"))
        again = delete(namespace="ns3", name="d", stype=SECRET)
        self.assertEqual(again.count, 0)
        self.refused(NOT_FOUND, "secret 'd' not found", self.api.RetrieveSecret, pb.SecretsRetrieveRequest(namespace="ns3", name="d"))
        full = {"namespace": "ns3", "name": "d", "stype": SECRET}
        for missing in full:
            self.refused(UNKNOWN, "required attributes are missing", self.api.DeleteSecret,
                         pb.SecretsDeleteRequest(**{k: v for k, v in full.items() if k != missing}))

    def test_a_deleted_name_can_be_stored_again(self):
        self.store("ns3", "again", b"1")
        self.api.DeleteSecret(pb.SecretsDeleteRequest(namespace="ns3", name="again", stype=SECRET), timeout=20)
        self.store("ns3", "again", b"2", REGISTRY)
        self.assertEqual(self.retrieve("ns3", "again").data, b"2")

    def test_lists_are_by_type_and_secret_is_the_default(self):
        self.store("ns4", "s1", b"1")
        self.store("ns4", "s2", b"2")
        self.store("ns4", "registry.example.org", b"user!token", REGISTRY)
        names = lambda **f: sorted(s.name for s in self.api.GetSecrets(pb.GetSecretsRequest(**f), timeout=20).secrets)
        self.assertEqual(names(namespace="ns4", stype=SECRET), ["s1", "s2"])
        self.assertEqual(names(namespace="ns4"), ["s1", "s2"])
        self.assertEqual(names(namespace="ns4", stype=REGISTRY), ["registry.example.org"])
        self.assertEqual(names(namespace="unknown"), [])
        self.assertEqual(names(), [])
        got = self.api.GetSecretsWithData(pb.GetSecretsRequest(namespace="ns4", stype=REGISTRY), timeout=20).secrets
        self.assertEqual([(s.name, s.data) for s in got], [("registry.example.org", b"user!token")])
        self.assertEqual({s.name: s.data for s in self.api.GetSecretsWithData(pb.GetSecretsRequest(namespace="ns4"), timeout=20).secrets},
                         {"s1": b"1", "s2": b"2"})

    def test_large_lists_come_whole(self):
        for n in range(300):
            self.store("ns5", f"n{n:03}", b"x" * 100)
        self.assertEqual(len(self.api.GetSecretsWithData(pb.GetSecretsRequest(namespace="ns5"), timeout=20).secrets), 300)

    def test_buckets(self):
        answer = self.api.CreateBucket(pb.SecretsCreateBucketRequest(namespace="bucket-1"), timeout=20)
        self.assertEqual(len(answer.pkey), 32)
        self.store("bucket-1", "a", b"1")
        with self.assertRaises(grpc.RpcError):
            self.api.CreateBucket(pb.SecretsCreateBucketRequest(namespace="bucket-1"), timeout=20)
        other = self.api.CreateBucket(pb.SecretsCreateBucketRequest(namespace="bucket-2"), timeout=20)
        self.assertNotEqual(other.pkey, answer.pkey)
        self.assertEqual(self.api.DeleteBucket(pb.SecretsDeleteBucketRequest(namespace="bucket-1"), timeout=20).SerializeToString(), b"")
        self.refused(NOT_FOUND, "secret 'a' not found", self.api.RetrieveSecret, pb.SecretsRetrieveRequest(namespace="bucket-1", name="a"))
        self.assertEqual(list(self.api.GetSecrets(pb.GetSecretsRequest(namespace="bucket-1"), timeout=20).secrets), [])
        self.assertEqual(len(self.api.GetSecrets(pb.GetSecretsRequest(namespace="bucket-2"), timeout=20).secrets), 0)
        for call, request in ((self.api.CreateBucket, pb.SecretsCreateBucketRequest()), (self.api.DeleteBucket, pb.SecretsDeleteBucketRequest())):
            with self.assertRaises(grpc.RpcError):
                call(request, timeout=20)

    def test_namespaces_and_names_that_are_no_tenant_names(self):
        for ns, name in (("UPPER Case/ns", "n"), ("ns-ü", "grüße/世界"), ("ns6", "a/b:c%d e+f"), ("x" * 300, "n"), ("ns6", "n" * 512)):
            self.store(ns, name, b"v")
            self.assertEqual(self.retrieve(ns, name).data, b"v")
        self.store("Case", "n", b"upper")
        self.store("case", "n", b"lower")
        self.assertEqual(self.retrieve("Case", "n").data, b"upper")

    def test_hostile_names_are_refused_and_store_nothing(self):
        for name in ("n" * 513, "a\nb", "\0"):
            with self.assertRaises(grpc.RpcError):
                self.store("ns7", name, b"v")
        raw = self.channel.unary_unary("/secrets.SecretsService/StoreSecret")
        with self.assertRaises(grpc.RpcError):
            raw(b"\x0a\x03ns7\x12\x02\xff\xfe\x1a\x01v\x20\x00", timeout=10)
        self.assertEqual(list(self.api.GetSecrets(pb.GetSecretsRequest(namespace="ns7"), timeout=20).secrets), [])

    def test_a_wrong_token_is_refused_also_where_none_is_needed(self):
        self.refused(grpc.StatusCode.UNAUTHENTICATED, None, self.api.GetSecrets, pb.GetSecretsRequest(namespace="ns1"),
                     metadata=[("authorization", "Bearer cft_nonsense")])

    def test_the_native_door_reads_what_direktiv_stored(self):
        tenant = "shared-tenant"
        with Admin(self.server) as admin:
            admin.create_tenant(tenant)
            admin.open_door(tenant, "direktiv", "shared-ns")
        self.store("shared-ns", "n", b"\xff\x00binary")
        got = self.server.get("n", tenant=tenant, space="direktiv")
        self.assertEqual(got.status, 200, got)
        self.assertEqual(got.json["value_base64"], "/wBiaW5hcnk=")


class Restart(unittest.TestCase):
    def test_secrets_and_deletions_survive_a_restart(self):
        server = Server().start()
        try:
            for start in range(2):
                with grpc.insecure_channel(server.grpc_address) as channel:
                    api = services.SecretsServiceStub(channel)
                    if start == 0:
                        api.StoreSecret(pb.SecretsStoreRequest(namespace="r", name="kept", data=b"1", stype=SECRET), timeout=20)
                        api.StoreSecret(pb.SecretsStoreRequest(namespace="r", name="gone", data=b"1", stype=SECRET), timeout=20)
                        api.DeleteSecret(pb.SecretsDeleteRequest(namespace="r", name="gone", stype=SECRET), timeout=20)
                    else:
                        names = [s.name for s in api.GetSecrets(pb.GetSecretsRequest(namespace="r"), timeout=20).secrets]
                        self.assertEqual(names, ["kept"])
                if start == 0:
                    self.assertEqual(server.terminate(), 0)
                    server.start()
        finally:
            server.close()


if __name__ == "__main__":
    unittest.main()
