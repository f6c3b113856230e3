"""gRPC clients generated from the wire contracts: protoc writes them into the build folder when a contract is newer.

    secrets_pb2, secrets_grpc = stubs.native()      coffer.v1
    pb2, grpc_stubs = stubs.direktiv()              secrets.SecretsService
    pb2, grpc_stubs = stubs.dapr()                  dapr.proto.runtime.v1
"""

import importlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = ROOT / "proto/public"
ROOTS = [PUBLIC / "google", PUBLIC / "direktiv", PUBLIC / "dapr", ROOT / "proto"]
SERVICES = ["pkg/secrets/protocol.proto", "dapr/proto/runtime/v1/dapr.proto", "coffer/v1/secrets.proto",
            "coffer/admin/v1/admin.proto", "coffer/admin/v1/keys.proto", "coffer/admin/v1/backup.proto",
            "coffer/admin/v1/cluster.proto", "coffer/admin/v1/operators.proto"]
MESSAGES = SERVICES + ["pkg/secrets/secrets.proto", "google/api/http.proto", "google/api/annotations.proto"]
# google/rpc comes from here, too; error details of failed calls are read with it.
MESSAGES += ["google/rpc/status.proto", "google/rpc/error_details.proto"]


def _folder():
    build = Path(os.environ.get("COFFER_BUILD", ROOT / "build"))
    return build / "python-stubs"


def generate():
    """Returns the folder with the generated modules, first on sys.path."""
    folder = _folder()
    newest = max(p.stat().st_mtime for root in ROOTS for p in root.rglob("*.proto"))
    stamp = folder / "stamp"
    newest = max(newest, Path(__file__).stat().st_mtime)  # the lists above are here
    if not stamp.exists() or stamp.stat().st_mtime < newest:
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Several test programs may start at once: each generates beside, the last rename wins.
        fresh = Path(tempfile.mkdtemp(dir=folder.parent))
        includes = [f"-I{r}" for r in ROOTS]
        plugin = "--plugin=protoc-gen-grpc_python=" + _which("grpc_python_plugin")
        subprocess.run([_which("protoc"), *includes, f"--python_out={fresh}", *MESSAGES], check=True)
        subprocess.run([_which("protoc"), *includes, plugin, f"--grpc_python_out={fresh}", *SERVICES], check=True)
        (fresh / "stamp").touch()
        try:
            os.rename(fresh, folder)
        except OSError:
            for path in sorted(fresh.rglob("*")):
                if path.is_file():
                    target = folder / path.relative_to(fresh)
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(path, target)
            shutil.rmtree(fresh)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    # protobuf's own `google` package is a regular one; our google.api and google.rpc live beside it.
    import google
    for part in (str(folder / "google"),):
        if part not in google.__path__:
            google.__path__.append(part)
    return folder


def _which(name):
    return shutil.which(name) or f"/usr/bin/{name}"


def _pair(messages, services):
    generate()
    return importlib.import_module(messages), importlib.import_module(services)


def native():
    return _pair("coffer.v1.secrets_pb2", "coffer.v1.secrets_pb2_grpc")


def admin():
    return _pair("coffer.admin.v1.admin_pb2", "coffer.admin.v1.admin_pb2_grpc")


def admin_files():
    """The descriptors of everything that the admin listener serves: each file beside admin.proto."""
    generate()
    names = [p.stem for p in sorted((ROOT / "proto/coffer/admin/v1").glob("*.proto"))]
    return [importlib.import_module(f"coffer.admin.v1.{name}_pb2").DESCRIPTOR for name in names]


def admin_calls():
    """Every call of the admin listener: (service, method, class of its request, class of its answer)."""
    calls = []
    for file in admin_files():
        module = importlib.import_module(file.name.replace("/", ".").replace(".proto", "_pb2"))
        for service in file.services_by_name.values():
            for method in service.methods:
                calls.append((service.name, method.name, getattr(module, method.input_type.name),
                              getattr(module, method.output_type.name)))
    return calls


def direktiv():
    return _pair("pkg.secrets.secrets_pb2", "pkg.secrets.protocol_pb2_grpc")


def dapr():
    return _pair("dapr.proto.runtime.v1.dapr_pb2", "dapr.proto.runtime.v1.dapr_pb2_grpc")
