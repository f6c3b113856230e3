#!/usr/bin/env python3
"""kill -9 at any moment, under load through two doors at once: after each restart every acknowledged write is there and
none is half there. COFFER_CRASH_ROUNDS and COFFER_CRASH_SECONDS lengthen it."""

import os
import random
import threading
import time
import unittest

import grpc

import stubs
from harness import Server

native, native_services = stubs.native()
direktiv, direktiv_services = stubs.direktiv()
ROUNDS = int(os.environ.get("COFFER_CRASH_ROUNDS", "6"))
SECONDS = float(os.environ.get("COFFER_CRASH_SECONDS", "2"))
WRITERS = 4
PAIRS = 3


class NativeWriter(threading.Thread):
    """Puts increasing numbers under names of its own, each twice in one transaction, and notes what was acknowledged."""

    def __init__(self, server, number, known):
        super().__init__(daemon=True)
        self.server, self.number, self.known = server, number, known
        self.stop = False
        self.acknowledged = 0

    def run(self):
        auth = [("authorization", "Bearer " + self.server.token())]
        with grpc.insecure_channel(self.server.grpc_address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            api = native_services.SecretsStub(channel)
            step = 0
            while not self.stop:
                step += 1
                key = f"w{self.number}/{step % PAIRS}"
                value = self.known.setdefault(key, [0, 0])     # [acknowledged, attempted]
                value[1] += 1
                puts = [native.TransactRequest.Operation(put=native.TransactRequest.Put(space="kv", name=f"{key}/{side}", value=str(value[1])))
                        for side in ("a", "b")]
                try:
                    api.Transact(native.TransactRequest(tenant="crash", operations=puts), metadata=auth, timeout=10)
                    value[0] = value[1]
                    self.acknowledged += 1
                except grpc.RpcError:
                    if not self.stop:
                        time.sleep(0.01)


class DirektivWriter(threading.Thread):
    """Stores new names, deletes every third; knows of each whether it must, must not or may be there."""

    def __init__(self, server, number, known, round_number):
        super().__init__(daemon=True)
        self.server, self.number, self.known, self.round = server, number, known, round_number
        self.stop = False
        self.acknowledged = 0

    def run(self):
        with grpc.insecure_channel(self.server.grpc_address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            api = direktiv_services.SecretsServiceStub(channel)
            step = 0
            while not self.stop:
                step += 1
                name = f"r{self.round}-d{self.number}-{step}"
                self.known[name] = "perhaps"
                try:
                    api.StoreSecret(direktiv.SecretsStoreRequest(namespace="crash", name=name, data=name.encode() * 20, stype=direktiv.SECRET), timeout=10)
                    self.known[name] = "there"
                    self.acknowledged += 1
                    if step % 3 == 0:
                        self.known[name] = "perhaps"
                        api.DeleteSecret(direktiv.SecretsDeleteRequest(namespace="crash", name=name, stype=direktiv.SECRET), timeout=10)
                        self.known[name] = "gone"
                        self.acknowledged += 1
                except grpc.RpcError:
                    if not self.stop:
                        time.sleep(0.01)


class Crash(unittest.TestCase):
    def verify(self, server, pairs, names):
        auth = [("authorization", "Bearer " + server.token())]
        with grpc.insecure_channel(server.grpc_address, options=[("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", 64 << 20)]) as channel:
            api = native_services.SecretsStub(channel)
            for key, (acknowledged, attempted) in pairs.items():
                items = [native.BatchGetRequest.Item(space="kv", name=f"{key}/{side}") for side in ("a", "b")]
                results = api.BatchGet(native.BatchGetRequest(tenant="crash", secrets=items), metadata=auth, timeout=30).results
                a, b = (int(r.secret.value) if r.HasField("secret") else 0 for r in results)
                self.assertEqual(a, b, f"{key}: half of a transaction is there: {a}, {b}")
                self.assertGreaterEqual(a, acknowledged, f"{key}: an acknowledged write is lost")
                self.assertLessEqual(a, attempted, f"{key}: a value that nobody wrote")
                # What the crash left undecided is decided now; the next round goes on from there.
                pairs[key] = [a, attempted]
            answer = direktiv_services.SecretsServiceStub(channel).GetSecretsWithData(direktiv.GetSecretsRequest(namespace="crash"), timeout=60)
            stored = {s.name: s.data for s in answer.secrets}
        for name, state in names.items():
            if state == "there":
                self.assertIn(name, stored, "an acknowledged secret is lost")
            elif state == "gone":
                self.assertNotIn(name, stored, "an acknowledged deletion is undone")
            if name in stored:
                self.assertEqual(stored[name], name.encode() * 20)
            names[name] = "there" if name in stored else "gone"
        self.assertEqual(set(stored) - set(names), set())

    def test_acknowledged_writes_survive_kill_9(self):
        seed = int(os.environ.get("COFFER_CRASH_SEED", time.time_ns() % 1_000_000))
        print(f"COFFER_CRASH_SEED={seed}", flush=True)
        dice = random.Random(seed)
        server = Server()
        pairs, names, total = {}, {}, 0
        try:
            for round_number in range(ROUNDS):
                server.start()
                self.verify(server, pairs, names) if round_number else None
                writers = [NativeWriter(server, n, pairs) for n in range(WRITERS)]
                writers += [DirektivWriter(server, n, names, round_number) for n in range(WRITERS)]
                for w in writers:
                    w.start()
                time.sleep(SECONDS * dice.uniform(0.2, 1.0))
                for w in writers:
                    w.stop = True
                server.kill()
                for w in writers:
                    w.join(30)
                total += sum(w.acknowledged for w in writers)
                self.assertTrue(all(w.acknowledged for w in writers), server.log()[-2000:])
            server.start()
            self.verify(server, pairs, names)
            print(f"{total} acknowledged writes in {ROUNDS} rounds, none lost", flush=True)
        finally:
            server.close()


if __name__ == "__main__":
    unittest.main()
