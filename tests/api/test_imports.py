#!/usr/bin/env python3
"""kill -9 in the middle of a tenant's import: after the restart nothing of it is left on the disk, and it can be imported;
and a tenant that was purged comes back from its file."""

import importlib
import shutil
import tempfile
import time
import unittest
from concurrent import futures
from pathlib import Path

import grpc

import stubs
from harness import Server, run

stubs.generate()
api = importlib.import_module("coffer.admin.v1.backup_pb2")
services = importlib.import_module("coffer.admin.v1.backup_pb2_grpc")
ENTRIES = 200
PASSPHRASE = "correct horse battery"


def eventually(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


class FlakyNode(services.BackupServicer):
    """Takes imports, and loses the group of the first ones at their second piece."""

    def __init__(self, cut_off):
        self.left, self.taken = cut_off, []
        self.server = grpc.server(futures.ThreadPoolExecutor(2))
        services.add_BackupServicer_to_server(self, self.server)
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def stop(self):
        self.server.stop(None)

    def Import(self, request, context):
        self.taken.append(b"")
        return api.ImportStream(id=str(len(self.taken)))

    def Write(self, request, context):
        assert request.id == str(len(self.taken)), request.id
        self.taken[-1] += request.data
        if request.sequence == 1 and self.left > 0:
            self.left -= 1
            context.abort(grpc.StatusCode.ABORTED, "the import was cut off: another node leads; import the file again")
        return api.ImportStream(id=request.id)

    def FinishImport(self, request, context):
        return api.ImportedTenant(id="1", name="moved", entries=7)


class Imports(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="coffer-imports-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.passphrase = self.folder / "passphrase"
        self.passphrase.write_text(PASSPHRASE + "\n")
        self.passphrase.chmod(0o600)

    def server(self, name):
        server = Server(data=self.folder / name).start()
        self.addCleanup(server.close)
        return server

    def ok(self, server, *arguments):
        done = server.cli("admin", *arguments)
        self.assertEqual(done.returncode, 0, (arguments, done.stderr))
        return done.stdout.decode()

    def export(self, server, tenant):
        file = self.folder / f"{tenant}.export"
        self.ok(server, "tenants", "export", tenant, "--passphrase-file", self.passphrase, "--out", file)
        return file

    def take(self, server, file, *more):
        return server.cli("admin", "tenants", "import", file, "--passphrase-file", self.passphrase, *more)

    def fill(self, server, tenant):
        for n in range(ENTRIES):
            self.assertEqual(server.put(f"s{n}", f"value-{n}-" + "x" * 2000, tenant=tenant).status, 200)

    def left(self, server):
        """Tenants that wait for their purge; what an import leaves is one of those until its rows are gone."""
        listed = server.admin("tenants", "list", "--deleted")["tenants"]
        return [t for t in listed if t.get("deleted_at") and not t.get("purged_at")]

    def test_a_kill_in_the_middle_leaves_nothing_and_the_tenant_can_be_imported(self):
        source, target = self.server("from"), self.server("to")
        self.fill(source, "moved")
        file = self.export(source, "moved")
        data = file.read_bytes()
        for part in (0.3, 0.7, 1.0):
            self.cut_off(target, data[:int(len(data) * part)])
            target.kill()
            target.start()
            self.assertTrue(eventually(lambda: not self.left(target)), target.log()[-2000:])
            self.assertEqual(target.admin("tenants", "list")["tenants"], [])
        done = self.take(target, file)
        self.assertEqual(done.returncode, 0, done.stderr)
        target.kill()
        target.start()
        for n in (0, 7, ENTRIES - 1):
            self.assertTrue(target.get(f"s{n}", tenant="moved").json["value"].startswith(f"value-{n}-"))
        self.assertEqual(self.left(target), [])

    def cut_off(self, server, data):
        with grpc.insecure_channel(server.admin_address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub = services.BackupStub(channel)
            auth = [("authorization", "Bearer " + server.token())]
            stream = stub.Import(api.ImportTenantRequest(passphrase=PASSPHRASE), metadata=auth, timeout=20)
            for number, at in enumerate(range(0, len(data), 64 << 10)):
                stub.Write(api.WriteImportRequest(id=stream.id, sequence=number, data=data[at:at + (64 << 10)]), metadata=auth, timeout=20)
        self.assertEqual(len(self.left(server)), 1, "the import is known before it is finished")

    def test_the_command_begins_an_import_anew_that_was_cut_off(self):
        file = self.folder / "any.export"
        file.write_bytes(b"x" * (1 << 20))
        for cut_off, given, code in ((2, file, 0), (9, file, 4), (1, "-", 4)):
            node = FlakyNode(cut_off)
            self.addCleanup(node.stop)
            done = run("admin", "tenants", "import", given, "--passphrase-file", self.passphrase, input=file.read_bytes() if given == "-" else None,
                       environment={"COFFER_ADMIN_ADDR": node.address, "COFFER_TOKEN": "any"})
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual(len(node.taken), {2: 3, 9: 5, 1: 1}[cut_off], done.stderr)
            self.assertIn(b"import the file again", done.stderr)
            if code == 0:
                self.assertIn(b"tenant moved", done.stdout)
                self.assertEqual(node.taken[-1], file.read_bytes(), "the file from its beginning")
                self.assertEqual(done.stderr.count(b"beginning anew"), 2, done.stderr)

    def test_a_purged_tenant_comes_back_and_its_old_tokens_do_not(self):
        server = self.server("one")
        self.fill(server, "acme")
        made = server.admin("tokens", "create", "--tenant", "acme", "--scope", "read,read-value:kv:*")
        self.assertEqual(server.get("s1", tenant="acme", token=made["secret"]).status, 200)
        file = self.export(server, "acme")
        done = self.take(server, file, "--name", "other")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"in the cluster, as acme", done.stderr)
        self.ok(server, "tenants", "delete", "acme", "--purge", "--yes")
        done = self.take(server, file, "--timeout", "1s")
        self.assertEqual(done.returncode, 6, "the purge takes two seconds at least")
        self.assertIn(b"is being purged; try again in a moment", done.stderr)
        self.assertNotIn(b"undelete", done.stderr)
        self.assertNotIn(b"is not available", done.stderr, "it answers")
        done = self.take(server, file, "--timeout", "60s")      # it waits
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(server.get("s5", tenant="acme").json["value"].startswith("value-5-"))
        self.assertIn(server.get("s5", tenant="acme", token=made["secret"]).status, (401, 403))


if __name__ == "__main__":
    unittest.main()
