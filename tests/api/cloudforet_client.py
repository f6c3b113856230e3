"""gRPC clients of both generations of Cloudforet's API, from this repository's protos: descriptors by protoc, messages by
protobuf's own factory, so that both may live in one process (generated modules would have the same names)."""

import os
import shutil
import subprocess
from pathlib import Path

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

from harness import ROOT

PROTOS = ROOT / "proto/public/cloudforet"
SECRET = "spaceone.api.secret.v1.Secret"
TRUSTED = "spaceone.api.secret.v1.TrustedSecret"
GROUP = "spaceone.api.secret.v1.SecretGroup"
USER = "spaceone.api.user_secret.v1.UserSecret"


class Generation:
    def __init__(self, name):
        build = Path(os.environ.get("COFFER_BUILD", ROOT / "build"))
        build.mkdir(parents=True, exist_ok=True)
        out = build / f"cloudforet-{name}-{os.getpid()}.pb"
        roots = [PROTOS / name, PROTOS / "common", ROOT / "proto/public/google"]
        files = [str(p.relative_to(root)) for root in roots[:2] for p in root.rglob("*.proto")]
        subprocess.run([shutil.which("protoc") or "/usr/bin/protoc", *(f"-I{r}" for r in roots), "--include_imports",
                        f"--descriptor_set_out={out}", *files], check=True)
        descriptors = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
        out.unlink()
        self.pool = descriptor_pool.DescriptorPool()
        for file in descriptors.file:
            self.pool.Add(file)
        self.factory = message_factory.MessageFactory(self.pool)

    def method(self, service, verb):
        return self.pool.FindServiceByName(service).methods_by_name[verb]

    def message(self, descriptor):
        return self.factory.GetPrototype(descriptor)


class Client:
    """Calls by name: client(SECRET, "create", {...}) answers a dict or raises grpc.RpcError."""

    def __init__(self, generation, address, token=None, metadata=()):
        self.generation = generation
        self.channel = grpc.insecure_channel(address)
        self.metadata = list(metadata) + ([("token", token)] if token else [])

    def __call__(self, service, verb, request=None, token=None):
        method = self.generation.method(service, verb)
        into = self.generation.message(method.input_type)
        out = self.generation.message(method.output_type)
        message = json_format.ParseDict(request or {}, into(), descriptor_pool=self.generation.pool)
        call = self.channel.unary_unary(f"/{service}/{verb}", lambda m: m.SerializeToString(), out.FromString)
        metadata = [("token", token)] if token else self.metadata
        answer = call(message, timeout=20, metadata=metadata)
        return json_format.MessageToDict(answer, preserving_proto_field_name=True)

    def close(self):
        self.channel.close()


def failure(call, *arguments, **more):
    """(status, details) of a call that fails."""
    try:
        answer = call(*arguments, **more)
    except grpc.RpcError as error:
        return error.code().name, error.details()
    raise AssertionError(f"it did not fail: {answer}")
