#!/usr/bin/env python3
"""Hostile and unlucky connections: slow, half-open, pipelined, garbage, too many. The listeners cut what exceeds their
limits and go on serving everybody else. The limits are lowered by configuration so that the tests need not wait."""

import socket
import threading
import time
import unittest

from harness import ServerCase

CONFIG = """
[http.limits]
header_timeout = "500ms"
idle_timeout = "1s"
header_bytes = "4KiB"
connections = 64
[grpc.limits]
header_timeout = "500ms"
"""


class Connections(ServerCase):
    config = CONFIG

    def setUp(self):
        host, port = self.server.http_address.rsplit(":", 1)
        self.address = (host, int(port))

    def tearDown(self):
        self.assertEqual(self.server.request("GET", "/healthz", token=None).status, 200)

    def wait_closed(self, connection, seconds=20):
        """True when the server ends the connection, whatever it says before."""
        connection.settimeout(seconds)
        try:
            while connection.recv(4096):
                pass
        except ConnectionResetError:
            pass
        except socket.timeout:
            return False
        return True

    def test_a_connection_that_says_nothing_is_closed(self):
        with socket.create_connection(self.address) as s:
            self.assertTrue(self.wait_closed(s))

    def test_a_header_that_never_ends_is_cut(self):
        with socket.create_connection(self.address) as s:
            s.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ")
            self.assertTrue(self.wait_closed(s))

    def test_a_body_that_never_comes_is_cut(self):
        with socket.create_connection(self.address) as s:
            s.sendall(b"PUT /v1/tenants/default/spaces/kv/secrets/slow HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")
            self.assertTrue(self.wait_closed(s))
        self.assertEqual(self.server.get("slow").status, 404)

    def test_dripping_bytes_do_not_hold_a_connection_for_ever(self):
        with socket.create_connection(self.address) as s:
            end = time.monotonic() + 20
            closed = False
            while time.monotonic() < end and not closed:
                try:
                    s.sendall(b"G")
                    time.sleep(0.1)
                except (BrokenPipeError, ConnectionResetError):
                    closed = True
            self.assertTrue(closed)

    def test_large_headers_are_refused(self):
        answer = self.server.raw(b"GET /healthz HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 20000 + b"\r\n\r\n")
        self.assertNotRegex(answer, rb"^HTTP/1.1 200")

    def test_garbage_is_answered_or_cut(self):
        for garbage in (b"\0" * 1000, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, b"GET\r\n\r\n", b"HELLO WORLD\r\n\r\n",
                        b"GET / HTTP/9.9\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            self.assertNotRegex(self.server.raw(garbage), rb"^HTTP/1.1 200", garbage)

    def test_two_lengths_or_length_and_chunks_do_not_smuggle(self):
        for header in (b"content-length: 5\r\ncontent-length: 6\r\n", b"content-length: 5\r\ntransfer-encoding: chunked\r\n",
                       b"content-length: -1\r\n", b"transfer-encoding: chunked, identity\r\n"):
            answer = self.server.raw(b"POST /v1/tenants/default:batchGet HTTP/1.1\r\nhost: x\r\n" + header +
                                     b"\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
            self.assertLess(answer.count(b"HTTP/1.1 200"), 1, (header, answer))

    def test_a_chunked_body_is_a_body(self):
        body = b'{"value":"chunked"}'
        answer = self.server.raw(b"PUT /v1/tenants/default/spaces/kv/secrets/chunked HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " +
                                 self.server.token().encode() + b"\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n" +
                                 f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
        self.assertRegex(answer, rb"^HTTP/1.1 200")
        self.assertEqual(self.server.get("chunked").json["value"], "chunked")

    def test_pipelined_requests_are_answered_in_order(self):
        request = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        last = b"GET /nothing HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        answer = self.server.raw(request * 3 + last)
        self.assertEqual(answer.count(b"HTTP/1.1 200"), 3)
        self.assertLess(answer.rfind(b"HTTP/1.1 200"), answer.find(b"HTTP/1.1 404"))

    def test_head_and_options_do_not_confuse_a_connection(self):
        answer = self.server.raw(b"HEAD /healthz HTTP/1.1\r\nhost: x\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        self.assertIn(b"HTTP/1.1 200", answer)

    def test_a_client_that_leaves_harms_nobody(self):
        for _ in range(50):
            with socket.create_connection(self.address) as s:
                s.sendall(b"GET /v1/tenants/default/spaces/kv/secrets HTTP/1.1\r\nhost: x\r\nauthorization: Bearer " +
                          self.server.token().encode() + b"\r\n\r\n")

    def test_too_many_connections_do_not_starve_those_that_are_open(self):
        first = self.server.connect()
        first.request("GET", "/healthz")
        self.assertEqual(first.getresponse().read() is not None, True)
        crowd = []
        for _ in range(120):
            try:
                crowd.append(socket.create_connection(self.address, timeout=5))
            except OSError:
                break
        first.close()
        for s in crowd:
            s.close()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                if self.server.request("GET", "/healthz", token=None, timeout=5).status == 200:
                    return
            except OSError:
                time.sleep(0.1)
        self.fail("the server does not serve after the crowd has left")

    def test_grpc_port_survives_garbage(self):
        host, port = self.server.grpc_address.rsplit(":", 1)
        for garbage in (b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"\0" * 5000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 5000):
            with socket.create_connection((host, int(port)), timeout=5) as s:
                try:
                    s.sendall(garbage)
                    self.wait_closed(s, 5)
                except (BrokenPipeError, ConnectionResetError):
                    pass

    def test_parallel_clients_get_their_own_answers(self):
        names = [f"par/{i}" for i in range(16)]
        for name in names:
            self.server.put(name, "value of " + name)
        wrong = []

        def read(name):
            connection = self.server.connect()
            for _ in range(20):
                connection.request("GET", self.server.path(name), headers={"authorization": "Bearer " + self.server.token()})
                body = connection.getresponse().read().decode()
                if '"value of ' + name + '"' not in body:
                    wrong.append((name, body))
            connection.close()

        threads = [threading.Thread(target=read, args=(n,)) for n in names]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
