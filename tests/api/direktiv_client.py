#!/usr/bin/env python3
"""A small client of Direktiv's secrets.SecretsService, generated from its proto. `./dev up` prints commands with it.

    direktiv_client.py ADDRESS store NAMESPACE NAME     the value comes from stdin
    direktiv_client.py ADDRESS retrieve NAMESPACE NAME  the value goes to stdout
    direktiv_client.py ADDRESS delete NAMESPACE NAME
    direktiv_client.py ADDRESS list NAMESPACE
"""

import sys

import grpc

import stubs


def main(arguments):
    if len(arguments) < 3:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    messages, services = stubs.direktiv()
    address, command, namespace, *rest = arguments
    with grpc.insecure_channel(address) as channel:
        service = services.SecretsServiceStub(channel)
        try:
            if command == "store":
                service.StoreSecret(messages.SecretsStoreRequest(
                    namespace=namespace, name=rest[0], data=sys.stdin.buffer.read(), stype=messages.SECRET), timeout=10)
            elif command == "retrieve":
                answer = service.RetrieveSecret(
                    messages.SecretsRetrieveRequest(namespace=namespace, name=rest[0]), timeout=10)
                sys.stdout.buffer.write(answer.data + b"\n")
            elif command == "delete":
                answer = service.DeleteSecret(messages.SecretsDeleteRequest(
                    namespace=namespace, name=rest[0], stype=messages.SECRET), timeout=10)
                print(answer.count)
            elif command == "list":
                answer = service.GetSecrets(messages.GetSecretsRequest(
                    namespace=namespace, stype=messages.SECRET), timeout=10)
                print("\n".join(s.name for s in answer.secrets))
            else:
                print(f"there is no command {command}", file=sys.stderr)
                return 2
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
