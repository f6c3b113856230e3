#!/usr/bin/env python3
"""The native API over gRPC with a generated client: every call, its status codes, deadlines and message bounds; health
and reflection of the public listener."""

import unittest

import grpc

import stubs
from harness import ServerCase

pb, services = stubs.native()


class Native(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.channel = grpc.insecure_channel(cls.server.grpc_address)
        cls.api = services.SecretsStub(cls.channel)
        cls.auth = [("authorization", "Bearer " + cls.server.token())]

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        super().tearDownClass()

    def call(self, method, request, auth=None, timeout=20):
        return getattr(self.api, method)(request, metadata=self.auth if auth is None else auth, timeout=timeout)

    def refused(self, code, method, request, **more):
        with self.assertRaises(grpc.RpcError) as caught:
            self.call(method, request, **more)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        self.assertTrue(caught.exception.details())
        return caught.exception

    def test_bytes_that_are_no_message_are_refused_and_write_no_log(self):
        raw = self.channel.unary_unary("/coffer.v1.Secrets/Get", request_serializer=lambda b: b)
        before = self.server.log()
        for body in (b"\x0a\x02\xff\xfe", b"\x1a\x03a\xc3(", b"\x0a\xff", b"\xff" * 20):
            with self.assertRaises(grpc.RpcError) as caught:
                raw(body, metadata=self.auth, timeout=20)
            self.assertIn(caught.exception.code(), (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL))
        self.assertEqual(self.server.log(), before, "a stranger could fill the log")

    def key(self, name, space="kv"):
        return {"tenant": "default", "space": space, "name": name}

    def put(self, name, value=b"v", **more):
        return self.call("Put", pb.PutRequest(**self.key(name), value_base64=value, **more))

    def test_put_get_describe(self):
        meta = self.put("g/a", bytes(range(256)), tags={"a": "b"}, description="d")
        self.assertEqual((meta.version, meta.name, meta.space, meta.state), (1, "g/a", "kv", "active"))
        got = self.call("Get", pb.GetRequest(**self.key("g/a")))
        self.assertEqual((got.value_base64, dict(got.tags), got.description), (bytes(range(256)), {"a": "b"}, "d"))
        self.assertGreater(got.created_at.seconds, 1_500_000_000)
        described = self.call("Describe", pb.DescribeRequest(**self.key("g/a")))
        self.assertEqual(described.version, 1)
        self.call("Put", pb.PutRequest(**self.key("g/map"), data={"k": "v"}))
        self.assertEqual(dict(self.call("Get", pb.GetRequest(**self.key("g/map"))).data), {"k": "v"})
        self.call("Put", pb.PutRequest(**self.key("g/text"), value="täxt"))
        self.assertEqual(self.call("Get", pb.GetRequest(**self.key("g/text"))).value, "täxt")

    def test_what_rest_wrote_grpc_reads_and_the_other_way(self):
        self.server.put("both", {"value": "from rest"})
        self.assertEqual(self.call("Get", pb.GetRequest(**self.key("both"))).value, "from rest")
        self.call("Put", pb.PutRequest(**self.key("both"), value="from grpc"))
        self.assertEqual(self.server.get("both").json["value"], "from grpc")

    def test_life_of_a_secret(self):
        self.put("life", b"1")
        self.put("life", b"2")
        self.assertEqual(self.call("UpdateMetadata", pb.UpdateMetadataRequest(**self.key("life"), set_tags={"x": "y"})).tags["x"], "y")
        self.assertEqual([v.version for v in self.call("History", pb.HistoryRequest(**self.key("life"))).versions], [2, 1])
        self.call("Delete", pb.DeleteRequest(**self.key("life")))
        self.refused(grpc.StatusCode.NOT_FOUND, "Get", pb.GetRequest(**self.key("life")))
        self.call("Undelete", pb.UndeleteRequest(**self.key("life")))
        self.assertEqual(self.call("Get", pb.GetRequest(**self.key("life"))).value_base64, b"2")
        self.call("Destroy", pb.DestroyRequest(**self.key("life")))
        self.refused(grpc.StatusCode.NOT_FOUND, "Get", pb.GetRequest(**self.key("life")))

    def test_list_batch_and_transact(self):
        for n in range(3):
            self.call("Put", pb.PutRequest(**self.key(f"n{n}", "glist"), value=str(n)))
        page = self.call("List", pb.ListRequest(tenant="default", space="glist", page_size=2))
        self.assertEqual([s.name for s in page.secrets], ["n0", "n1"])
        rest = self.call("List", pb.ListRequest(tenant="default", space="glist", page_size=2, page_token=page.next_page_token))
        self.assertEqual([s.name for s in rest.secrets], ["n2"])
        self.assertEqual(rest.next_page_token, "")
        items = [pb.BatchGetRequest.Item(space="glist", name=n) for n in ("n1", "none")]
        results = self.call("BatchGet", pb.BatchGetRequest(tenant="default", secrets=items)).results
        self.assertEqual(results[0].secret.value, "1")
        self.assertEqual(results[1].error.code, "NOT_FOUND")
        operation = pb.TransactRequest.Operation
        done = self.call("Transact", pb.TransactRequest(tenant="default", operations=[
            operation(put=pb.TransactRequest.Put(space="glist", name="t", value="x", cas=0))]))
        self.assertEqual(done.results[0].version, 1)
        self.refused(grpc.StatusCode.ABORTED, "Transact", pb.TransactRequest(tenant="default", operations=[
            operation(put=pb.TransactRequest.Put(space="glist", name="u", value="x")),
            operation(check=pb.TransactRequest.Check(space="glist", name="t", version=5))]))
        self.refused(grpc.StatusCode.NOT_FOUND, "Get", pb.GetRequest(**self.key("u", "glist")))

    def test_statuses(self):
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "Put", pb.PutRequest(**self.key("x")))
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "Put", pb.PutRequest(value="x"))
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "Get", pb.GetRequest(tenant="UPPER", space="kv", name="n"))
        self.put("conflict")
        self.assertIn("1", self.refused(grpc.StatusCode.ABORTED, "Put", pb.PutRequest(**self.key("conflict"), value="x", cas=5)).details())
        self.refused(grpc.StatusCode.UNAUTHENTICATED, "Get", pb.GetRequest(**self.key("conflict")), auth=[])
        self.refused(grpc.StatusCode.UNAUTHENTICATED, "Get", pb.GetRequest(**self.key("conflict")), auth=[("authorization", "Bearer nonsense")])

    def test_the_token_may_stand_in_its_own_header(self):
        self.put("own-header")
        self.assertEqual(self.call("Get", pb.GetRequest(**self.key("own-header")), auth=[("x-coffer-token", self.server.token())]).version, 1)

    def test_oversized_and_broken_messages_are_refused(self):
        self.refused(grpc.StatusCode.INVALID_ARGUMENT, "Put", pb.PutRequest(**self.key("big"), value_base64=b"x" * ((1 << 20) + 1)))
        self.refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "Put", pb.PutRequest(**self.key("big"), value_base64=b"x" * (8 << 20)))
        raw = self.channel.unary_unary("/coffer.v1.Secrets/Put")
        for garbage in (b"\xff" * 50, b"\x0a\x05ab", b"\x0a\x02\xff\xfe"):
            with self.assertRaises(grpc.RpcError) as caught:
                raw(garbage, metadata=self.auth, timeout=10)
            self.assertIn(caught.exception.code(), (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL))
        self.refused(grpc.StatusCode.NOT_FOUND, "Get", pb.GetRequest(**self.key("big")))

    def test_unknown_methods_are_unimplemented(self):
        for method in ("/coffer.v1.Secrets/Explode", "/no.such.Service/Call"):
            with self.assertRaises(grpc.RpcError) as caught:
                self.channel.unary_unary(method)(b"", metadata=self.auth, timeout=10)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_a_deadline_in_the_past_changes_nothing(self):
        with self.assertRaises(grpc.RpcError) as caught:
            self.call("Put", pb.PutRequest(**self.key("late"), value="x"), timeout=0.000001)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_request_ids_make_retries_harmless(self):
        first = self.call("Put", pb.PutRequest(**self.key("idem"), value="x", request_id="g-1"))
        again = self.call("Put", pb.PutRequest(**self.key("idem"), value="x", request_id="g-1"))
        self.assertEqual(first, again)
        self.refused(grpc.StatusCode.FAILED_PRECONDITION, "Put", pb.PutRequest(**self.key("idem"), value="y", request_id="g-1"))

    def test_health_answers_serving(self):
        # grpc.health.v1: HealthCheckRequest{service = 1}, HealthCheckResponse{status = 1 (SERVING = 1)}.
        check = self.channel.unary_unary("/grpc.health.v1.Health/Check")
        self.assertEqual(check(b"", timeout=10), b"\x08\x01")

    def test_reflection_lists_the_doors(self):
        # ServerReflectionRequest{list_services = 7}
        call = self.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
        answer = next(iter(call(iter([b"\x3a\x01*"]), timeout=10)))
        for service in (b"coffer.v1.Secrets", b"secrets.SecretsService", b"dapr.proto.runtime.v1.Dapr"):
            self.assertIn(service, answer)


if __name__ == "__main__":
    unittest.main()
