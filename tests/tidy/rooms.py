"""The ladder of rooms and the room of each third-party library, as data. Used by tidy.py; ARCHITECTURE.md explains it."""

import re

# A room includes rooms of lower rungs only; two rooms on one rung never see each other.
RUNG = {"app": 5, "net": 4, "actors": 3, "cluster": 2, "storage": 1, "crypto": 1, "model": 0, "proto": 0}

# model is std only. proto stands beside it, so nothing on its rung sees it.
WITHOUT_PROTO = {"model"}

# app composes the program and may use every library; every other room only those that list it.
LIBRARIES = [
    ("CAF", r"caf/", {"actors"}),
    ("libraft", r"raft\.h$", {"cluster"}),
    ("LevelDB", r"leveldb/", {"storage"}),
    ("OpenSSL", r"openssl/", {"crypto", "net"}),
    ("libsodium", r"sodium", {"crypto"}),
    ("PKCS#11", r"(p11-kit/|dlfcn\.h$)", {"crypto"}),
    ("gRPC", r"(grpc|grpcpp|grpc\+\+)/", {"net"}),
    ("Boost", r"boost/", {"net"}),
    ("prometheus-cpp", r"prometheus/", {"net"}),
    ("Abseil", r"absl/", {"net"}),
    ("RE2", r"re2/", {"actors"}),
    ("spdlog", r"(spdlog|fmt)/", set()),
    ("CLI11", r"CLI/", set()),
    ("toml++", r"toml\+\+/", set()),
    ("protobuf", r"google/protobuf/", {"proto", "crypto", "storage", "cluster", "actors", "net"}),
]

POSIX = re.compile(r"(sys|netinet|arpa|linux)/|(unistd|fcntl|signal|pthread|termios|poll|sched|dirent|netdb|malloc|time|errno)\.h$")
STANDARD = re.compile(r"[a-z0-9_]+$")


def room_of_include(target):
    """The room that owns an included header, or None. Generated messages belong to proto."""
    if re.search(r"\.pb\.h$", target) and not target.startswith("google/protobuf/"):
        return "proto"
    first = target.split("/", 1)[0]
    return first if "/" in target and first in RUNG else None


def library_verdict(room, bracket, target):
    """What is wrong with a room's include of something outside the rooms, or None."""
    if room == "app":
        return None
    for library, pattern, allowed in LIBRARIES:
        if re.match(pattern, target):
            return None if room in allowed else f"{target}: {library} is not a library of {room}"
    if STANDARD.match(target):
        return None
    if POSIX.match(target):
        return f"{target}: model is std only" if room == "model" else None
    if bracket == '"':
        return f'"{target}": write the path from the root of the tree'
    return f"{target}: no room owns this library; rooms.py lists them"
