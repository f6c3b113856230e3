"""JWTs and key sets for the black-box tests, made with the openssl command: RS256 keys in a folder of the test's own, and
a small server of key sets whose answer a test can change."""

import base64
import http.server
import json
import ssl
import subprocess
import threading
import time
from pathlib import Path


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*arguments, input=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=input, check=True, capture_output=True).stdout


class Signer:
    """An RSA key that signs tokens."""

    def __init__(self, folder, kid=None):
        self.kid = kid
        self.key = Path(folder) / f"{kid or 'key'}.pem"
        self.public = self.key.with_suffix(".pub")
        openssl("genrsa", "-out", self.key, "2048")
        openssl("rsa", "-in", self.key, "-pubout", "-out", self.public)

    def jwk(self):
        modulus = openssl("rsa", "-in", self.key, "-noout", "-modulus").decode().strip().split("=")[1]
        return {"kty": "RSA", "kid": self.kid, "use": "sig", "alg": "RS256", "n": b64(bytes.fromhex(modulus)), "e": "AQAB"}

    def token(self, header=None, **claims):
        claims = {"exp": int(time.time()) + 600, **claims}
        header = header or {"alg": "RS256", "typ": "JWT", **({"kid": self.kid} if self.kid else {})}
        text = b64(json.dumps(header).encode()) + "." + b64(json.dumps(claims).encode())
        return text + "." + b64(openssl("dgst", "-sha256", "-sign", self.key, input=text.encode()))


class KeyServer:
    """Serves `keys` as a JSON Web Key Set; with a certificate over TLS. `status` other than 200: it fails."""

    def __init__(self, keys, certificate=None, key=None):
        self.keys, self.status, self.requests = keys, 200, 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests += 1
                body = json.dumps({"keys": outer.keys}).encode()
                self.send_response(outer.status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.server.server_port}/jwks"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
