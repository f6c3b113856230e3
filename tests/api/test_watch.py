#!/usr/bin/env python3
"""Watch: changes of a tenant as a gRPC stream and as server-sent events, resumed without loss or repetition, and what ends
one: a revoked token, a position that is not kept, the server's stop."""

import json
import os
import socket
import subprocess
import threading
import time
import unittest
from pathlib import Path

import grpc

import stubs
from admin_client import Admin
from harness import BINARY, Server, ServerCase

pb, services = stubs.native()
WAIT = 60


class Events:
    """A connection that reads server-sent events, as the HTML standard's event source does."""

    def __init__(self, server, path, token=None, last=None, receive=None):
        """`receive`: so many bytes may wait to be read, so that the server notices sooner who does not read."""
        host, port = server.http_address.rsplit(":", 1)
        self.socket = socket.socket()
        self.socket.settimeout(WAIT)
        if receive:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        self.socket.connect((host, int(port)))
        head = f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token or server.token()}\r\n"
        if last is not None:
            head += f"last-event-id: {last}\r\n"
        self.socket.sendall((head + "\r\n").encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        while (line := self.file.readline().strip()):
            name, value = line.decode().split(": ", 1)
            self.headers[name] = value
        self.buffer = b""
        self.last = last

    def chunk(self):
        size = int(self.file.readline() or b"0", 16)
        data = self.file.read(size)
        self.file.readline()
        return data if size else None

    def next(self):
        """(event, data) of the next event; None at the end."""
        event, data = "message", []
        while True:
            while b"\n" not in self.buffer:
                piece = self.chunk()
                if piece is None:
                    return None
                self.buffer += piece
            line, self.buffer = self.buffer.split(b"\n", 1)
            line = line.decode()
            if not line:
                if data:
                    return event, json.loads("\n".join(data))
                event = "message"
            elif line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                data.append(line[6:])
            elif line.startswith("id: "):
                self.last = line[4:]

    def close(self):
        self.socket.close()


def trailer(end):
    """Where a stream that has ended says to go on."""
    return dict(end.trailing_metadata())["last-event-id"]


class Changes:
    """A stream without what only tells its position."""

    def __init__(self, stream):
        self.stream, self.cancel = stream, stream.cancel

    def __next__(self):
        return next(change for change in self.stream if change.type != "progress")


class Watch(ServerCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.channel = grpc.insecure_channel(cls.server.grpc_address)
        cls.api = services.SecretsStub(cls.channel)

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        super().tearDownClass()

    def stream(self, tenant, token=None, **more):
        metadata = [("authorization", "Bearer " + (token or self.server.token()))]
        return Changes(self.api.Watch(pb.WatchRequest(tenant=tenant, **more), metadata=metadata, timeout=WAIT))

    def put(self, tenant, name, space="kv"):
        self.assertStatus(self.server.put(name, "v", tenant=tenant, space=space), 200)

    def revision(self, tenant):
        return self.server.request("GET", f"/v1/tenants/{tenant}/spaces/kv/secrets").json["revision"]

    def test_a_stream_tells_what_was_and_what_comes_in_order(self):
        for name in ("a", "b"):
            self.put("order", name)
        stream = self.stream("order", from_revision=1)
        got = [next(stream) for _ in range(2)]
        self.put("order", "c")
        got.append(next(stream))
        self.assertStatus(self.server.request("DELETE", self.server.path("a", "order")), 200)
        got.append(next(stream))
        self.assertEqual([(c.type, c.space, c.name, c.version) for c in got],
                         [("put", "kv", "a", 1), ("put", "kv", "b", 1), ("put", "kv", "c", 1), ("delete", "kv", "a", 1)])
        self.assertEqual([c.revision for c in got], sorted({c.revision for c in got}))
        self.assertGreater(got[0].time.seconds, 1_500_000_000)
        stream.cancel()

    def test_events_carry_the_revision_as_id_and_a_client_that_comes_back_misses_nothing(self):
        self.put("sse", "a")
        events = Events(self.server, "/v1/tenants/sse:watch?from_revision=1")
        self.assertEqual((events.status, events.headers["content-type"]), (200, "text/event-stream"))
        name, data = events.next()
        self.assertEqual((name, data["type"], data["space"], data["name"], data["version"]), ("put", "put", "kv", "a", 1))
        self.assertEqual(str(data["revision"]), events.last)
        self.assertRegex(data["time"], r"^\d{4}-.*Z$")
        events.close()
        for number in range(20):
            self.put("sse", f"n{number}")
        again = Events(self.server, "/v1/tenants/sse:watch", last=events.last)
        self.assertEqual([again.next()[1]["name"] for _ in range(20)], [f"n{number}" for number in range(20)])
        again.close()

    def test_a_page_and_the_stream_behind_it_are_all_there_is(self):
        for name in ("a", "b"):
            self.put("both", name)
        stream = self.stream("both", from_revision=self.revision("both") + 1)
        self.put("both", "c")
        self.assertEqual(next(stream).name, "c")
        stream.cancel()

    def test_only_what_the_filter_names(self):
        self.put("filter", "x/0", "two")
        stream = self.stream("filter", from_revision=0, space="two", prefix="x/")
        stream.stream.initial_metadata()  # the stream without a revision begins where it is first answered
        for space in ("one", "two"):
            for name in ("x/1", "y/1"):
                self.put("filter", name, space)
        change = next(stream)
        self.assertEqual((change.space, change.name), ("two", "x/1"))
        stream.cancel()

    def test_a_transaction_is_told_whole_under_one_revision(self):
        operations = [{"put": {"space": "kv", "name": n, "value": "v"}} for n in ("a", "b", "c")]
        self.assertStatus(self.server.request("POST", "/v1/tenants/tx:transact", {"operations": operations}), 200)
        events = Events(self.server, "/v1/tenants/tx:watch?from_revision=1")
        got = [events.next()[1] for _ in range(3)]
        self.assertEqual(({c["revision"] for c in got}, [c["name"] for c in got]), ({got[0]["revision"]}, ["a", "b", "c"]))
        events.close()

    def test_many_watchers_all_hear_everything(self):
        self.put("many", "0")
        streams = [self.stream("many", from_revision=1) for _ in range(50)]
        heard = [[] for _ in streams]
        threads = [threading.Thread(target=lambda s=s, h=h: [h.append(next(s).name) for _ in range(30)])
                   for s, h in zip(streams, heard)]
        for thread in threads:
            thread.start()
        for number in range(1, 30):
            self.put("many", str(number))
        for thread in threads:
            thread.join(WAIT)
        for names in heard:
            self.assertEqual(names, [str(number) for number in range(30)])
        for stream in streams:
            stream.cancel()

    def test_a_revoked_token_ends_its_stream_at_once(self):
        self.put("revoked", "a")
        with Admin(self.server) as admin:
            token = admin.create_token("revoked", ("list",))
            stream = self.stream("revoked", token=token.secret, from_revision=1)
            self.assertEqual(next(stream).name, "a")
            admin.revoke("revoked", token.token.id)
        with self.assertRaises(grpc.RpcError) as caught:
            next(stream)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAUTHENTICATED)
        self.assertGreater(int(trailer(caught.exception)), 0)

    def test_without_a_credential_nothing_is_told(self):
        with self.assertRaises(grpc.RpcError) as caught:
            next(self.api.Watch(pb.WatchRequest(tenant="default"), timeout=WAIT))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAUTHENTICATED)
        events = Events(self.server, "/v1/tenants/default:watch", token="cft_wrong")
        self.assertEqual(events.status, 401)
        events.close()

    def test_bad_input_is_refused_in_the_doors_words(self):
        self.put("bad", "a")
        for query, code in (("?from_revision=x", "INVALID_ARGUMENT"), ("?space=A B", "INVALID_ARGUMENT"),
                            ("?from_revision=1152921504606846975", "INVALID_ARGUMENT"), ("?nonsense=1", "INVALID_ARGUMENT")):
            answer = self.server.request("GET", "/v1/tenants/bad:watch" + query.replace(" ", "%20"))
            self.assertStatus(answer, 400, code)
        events = Events(self.server, "/v1/tenants/bad:watch", last="seven")
        self.assertEqual(events.status, 400)
        events.close()
        self.assertStatus(self.server.request("GET", "/v1/tenants/nobody:watch"), 404, "NOT_FOUND")

    def test_from_what_is_not_kept_says_where_to_begin_anew(self):
        operations = [{"put": {"space": "kv", "name": "a", "value": "v"}}]
        for _ in range(1100):
            self.server.request("POST", "/v1/tenants/old:transact", {"operations": operations})
        answer = self.server.request("GET", "/v1/tenants/old:watch?from_revision=1")
        self.assertStatus(answer, 400, "REVISION_COMPACTED")
        self.assertIn("watch from revision " + str(self.revision("old") + 1), answer.json["error"]["message"])

    def test_the_command_tells_changes_as_lines(self):
        self.put("cli", "a")
        self.put("cli", "b")
        out = self.server.cli("watch", "--tenant", "cli", "--from", "1", "--count", "2", "--output", "json")
        self.assertEqual(out.returncode, 0, out.stderr)
        self.assertEqual([json.loads(line)["name"] for line in out.stdout.splitlines()], ["a", "b"])
        out = self.server.cli("watch", "--tenant", "cli", "--from", "1", "--count", "1")
        self.assertIn(b"put  kv/a  version 1", out.stdout)


class Stop(unittest.TestCase):
    def test_streams_end_when_the_server_stops_and_resume_at_the_next_one(self):
        server = Server()
        server.start()
        try:
            server.put("a", "v", tenant="stop")
            events = Events(server, "/v1/tenants/stop:watch?from_revision=1")
            self.assertEqual(events.next()[1]["name"], "a")
            channel = grpc.insecure_channel(server.grpc_address)
            stream = services.SecretsStub(channel).Watch(
                pb.WatchRequest(tenant="stop", from_revision=1), timeout=WAIT,
                metadata=[("authorization", "Bearer " + server.token())])
            self.assertEqual(next(stream).name, "a")
            server.terminate()
            self.assertIsNone(events.next())
            with self.assertRaises(grpc.RpcError) as caught:
                next(stream)
            self.assertEqual(caught.exception.code(), grpc.StatusCode.UNAVAILABLE)
            self.assertEqual(trailer(caught.exception), events.last)
            channel.close()
            server.start()
            server.put("b", "v", tenant="stop")
            again = Events(server, "/v1/tenants/stop:watch", last=events.last)
            self.assertEqual(again.next()[1]["name"], "b")
            again.close()
        finally:
            server.close()


    def test_the_command_goes_on_when_the_server_is_back(self):
        server = Server().start()
        self.addCleanup(server.close)
        both = [{"put": {"space": "kv", "name": name, "value": "v"}} for name in ("a", "b")]
        self.assertEqual(server.request("POST", "/v1/tenants/back:transact", {"operations": both}).status, 200)
        command = [BINARY, "watch", "--tenant", "back", "--from", "1", "--count", "3", "--timeout", "60s", "--output", "json"]
        watch = subprocess.Popen(command, env={**os.environ, **server.cli_environment()}, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(watch.kill)
        told = [json.loads(watch.stdout.readline())["name"] for _ in range(2)]
        server.terminate()
        time.sleep(2)                       # longer than one try
        server.start()
        server.put("c", "v", tenant="back")
        rest, said = watch.communicate(timeout=WAIT)
        self.assertEqual(watch.returncode, 0, said)
        self.assertEqual(told + [json.loads(line)["name"] for line in rest.splitlines()], ["a", "b", "c"], "each once")
        self.assertIn(b"going on from revision", said)


class Slow(unittest.TestCase):
    """A reader who takes nothing for half a minute is cut, over both doors; what it costs the server meanwhile is bounded, and from the last
    position that was read the rest is told, each change once."""

    BATCHES, EACH, MOST_GROWTH = 240, 100, 128 << 20
    PATIENCE = 30               # seconds: net/settings.hpp, slow_reader
    READERS = 40                # to whom 8 MB each would be told: 320 MB, were it kept for them

    def setUp(self):
        self.server = Server().start()
        self.addCleanup(self.server.close)
        self.path = "/v1/tenants/slow:watch"

    def name(self, number):
        return f"{number:06d}" + "n" * 200

    def write(self, batch):
        puts = [{"put": {"space": "kv", "name": self.name(batch * self.EACH + i), "value": "v"}} for i in range(self.EACH)]
        answer = self.server.request("POST", "/v1/tenants/slow:transact", {"operations": puts})
        self.assertEqual(answer.status, 200, answer)

    def resident(self):
        return next(int(line.split()[1]) << 10 for line in Path(f"/proc/{self.server.pid}/status").read_text().splitlines() if line.startswith("RssAnon"))

    def left_connections(self, port):
        """Those of the server on which somebody watches: by its socket's other end."""
        return any(line.split()[2].endswith(f":{port:04X}") for line in Path(f"/proc/{self.server.pid}/net/tcp").read_text().splitlines()[1:]
                   if line.split()[3] == "01")

    def test_a_reader_who_takes_nothing_is_cut_and_goes_on_where_he_was(self):
        self.write(0)
        events, *others = (Events(self.server, self.path + "?from_revision=1", receive=4096) for _ in range(self.READERS))
        with grpc.insecure_channel(self.server.grpc_address) as channel:
            api, metadata = services.SecretsStub(channel), [("authorization", "Bearer " + self.server.token())]
            stream = api.Watch(pb.WatchRequest(tenant="slow", from_revision=1), metadata=metadata, timeout=150)
            heard = {"sse": [events.next()[1]], "grpc": [next(stream)]}
            before, begun = self.resident(), time.monotonic()
            for batch in range(1, self.BATCHES):
                self.write(batch)
            # A stream over gRPC has more room on its way and stands still later, after the last write at the latest. As long
            # after its cut its end is not told any more.
            cut_by = min(time.monotonic() + self.PATIENCE + 3, begun + 2 * self.PATIENCE - 5)
            growths, port, end = [], events.socket.getsockname()[1], time.monotonic() + 120
            while self.left_connections(port) or time.monotonic() < cut_by:
                growths.append(self.resident() - before)
                self.assertLess(time.monotonic(), end, "nobody cuts it")
                time.sleep(0.5)
            self.assertLess(max(growths), self.MOST_GROWTH)
            for other in others:
                other.close()
            # What was on its way still comes; then the end.
            try:
                while (event := events.next()):
                    heard["sse"].append(event[1])
            except (OSError, ValueError):
                pass
            with self.assertRaises(grpc.RpcError) as cut:
                for change in stream:
                    heard["grpc"].append(change)
            self.assertEqual(cut.exception.code(), grpc.StatusCode.UNAVAILABLE)
            total = self.BATCHES * self.EACH
            print({door: len(changes) for door, changes in heard.items()}, "of", total, "before the cut;", max(growths) >> 20, "MiB")
            for door, changes in heard.items():
                self.assertLess(len(changes), total, f"{door}: it was not cut")
            wanted = [self.name(number) for number in range(total)]
            last = int(events.last)
            again = Events(self.server, self.path, last=events.last)
            told = [c["name"] for c in heard["sse"] if c["revision"] <= last]
            while told[-1] != wanted[-1]:
                told.append(again.next()[1]["name"])
            self.assertEqual(told, wanted)
            again.close()
            # Over gRPC the end says where; what was told behind it is a part of a transaction, which is told again.
            last = int(trailer(cut.exception))
            told = [c.name for c in heard["grpc"] if c.revision <= last and c.type != "progress"]
            self.assertGreater(len(told), 0)
            self.assertEqual(told, wanted[:len(told)])
            again = Changes(api.Watch(pb.WatchRequest(tenant="slow"), metadata=[*metadata, ("last-event-id", str(last))], timeout=WAIT))
            while told[-1] != wanted[-1]:
                told.append(next(again).name)
            self.assertEqual(told, wanted)
            again.cancel()


if __name__ == "__main__":
    unittest.main()
