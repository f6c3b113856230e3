#!/usr/bin/env python3
"""SIGTERM: calls in flight are answered, readiness ends, the process exits with 0, and what was acknowledged is there."""

import threading
import time
import unittest

import grpc

import stubs
from harness import Server

pb, services = stubs.native()


class Drain(unittest.TestCase):
    def test_no_call_that_was_taken_is_lost(self):
        server = Server().start()
        server.put("warm", "x")
        token = server.token()
        acknowledged, odd, stop = [], [], threading.Event()

        def write(number):
            with grpc.insecure_channel(server.grpc_address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
                api = services.SecretsStub(channel)
                step = 0
                while not stop.is_set():
                    step += 1
                    name = f"{number}/{step}"
                    try:
                        api.Put(pb.PutRequest(tenant="default", space="drain", name=name, value=name),
                                metadata=[("authorization", "Bearer " + token)], timeout=10)
                        acknowledged.append(name)
                    except grpc.RpcError as error:
                        # Nobody listens any more. CANCELLED would be a call that crossed the server's GOAWAY.
                        if error.code() != grpc.StatusCode.UNAVAILABLE:
                            odd.append((error.code(), error.details()))
                        return

        threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
        try:
            for t in threads:
                t.start()
            end = time.monotonic() + 20
            while len(acknowledged) < 100 and time.monotonic() < end:
                time.sleep(0.01)
            self.assertEqual(server.terminate(), 0, server.log()[-2000:])
            stop.set()
            for t in threads:
                t.join(20)
            self.assertEqual(odd, [])
            server.start()
            for name in acknowledged:
                self.assertEqual(server.get(name, space="drain").status, 200, f"{name} was acknowledged and is not there")
        finally:
            stop.set()
            server.close()

    def test_a_request_half_sent_is_answered_before_the_end(self):
        server = Server().start()
        try:
            server.put("warm", "x")
            body = b'{"value":"late"}'
            connection = server.connect()
            connection.putrequest("PUT", server.path("half"))
            connection.putheader("authorization", "Bearer " + server.token())
            connection.putheader("content-length", str(len(body)))
            connection.endheaders()
            connection.send(body[:5])
            ended = []
            waiter = threading.Thread(target=lambda: ended.append(server.terminate()))
            time.sleep(0.2)
            waiter.start()
            time.sleep(0.3)
            connection.send(body[5:])
            answer = connection.getresponse()
            self.assertIn(answer.status, (200, 503))
            answer.read()
            waiter.join(60)
            self.assertEqual(ended, [0], server.log()[-2000:])
            server.start()
            self.assertEqual(server.get("half").status, 200 if answer.status == 200 else 404)
        finally:
            server.close()

    def test_idle_connections_do_not_hold_the_process(self):
        server = Server().start()
        try:
            connections = [server.connect() for _ in range(5)]
            for c in connections:
                c.request("GET", "/healthz")
                c.getresponse().read()
            begun = time.monotonic()
            self.assertEqual(server.terminate(), 0, server.log()[-2000:])
            self.assertLess(time.monotonic() - begun, 30)
            for c in connections:
                c.close()
        finally:
            server.close()

    def test_a_second_start_works_after_every_way_to_stop(self):
        server = Server().start()
        try:
            server.put("kept", "x")
            for stop in (server.terminate, server.kill, server.terminate):
                stop()
                server.start()
                self.assertEqual(server.get("kept").json["value"], "x")
        finally:
            server.close()


if __name__ == "__main__":
    unittest.main()
