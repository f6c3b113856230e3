#!/usr/bin/env python3
"""The house rules that no compiler checks, run by ctest as tidy_<check>.

    tidy.py [--root DIR] CHECK...

Each check is a function from the tree to a list of "file:line: what is wrong" and has a planted violation in
selftest.py. Exit status: 0 clean, 1 findings, 77 the check cannot run on this machine.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import rooms

SKIPPED = {"build", ".git", "node_modules", "__pycache__", "coffer-data", ".cache", "golden"}
SOURCE = {".cpp", ".hpp", ".c", ".h", ".proto", ".py", ".sh", ".js", ".mjs"}
LINES_MAX = 500


def files(root, suffixes=None, vendored=False):
    """Files of the tree below root, sorted; without the vendored wire contracts unless asked for."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in SKIPPED and not f.startswith("coffer-data"))
        for name in sorted(names):
            path = Path(folder) / name
            relative = path.relative_to(root).as_posix()
            if not vendored and relative.startswith("proto/public/"):
                continue
            if suffixes is None or path.suffix in suffixes:
                yield path, relative


def lines(path):
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


def room_of(relative):
    first = relative.split("/", 1)[0]
    return first if first in rooms.RUNG else None


def includes(root):
    """(relative path, line number, room, '<' or '"', what is included) of every include of a room."""
    for path, relative in files(root, {".cpp", ".hpp", ".h", ".c"}):
        room = room_of(relative)
        if room is None:
            continue
        for number, line in enumerate(lines(path), 1):
            match = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
            if match:
                yield relative, number, room, match[1], match[2]


def check_ladder(root):
    """Rooms include their own headers and those of lower rungs only; net sees one header of actors."""
    found = []
    for relative, number, room, _, target in includes(root):
        other = rooms.room_of_include(target)
        if other is None or other == room:
            continue
        if rooms.RUNG[other] >= rooms.RUNG[room] or (other == "proto" and room in rooms.WITHOUT_PROTO):
            found.append(f"{relative}:{number}: {room} must not include {target} of {other}")
        elif room == "net" and other == "actors" and target != "actors/gateway.hpp":
            found.append(f"{relative}:{number}: net sees only actors/gateway.hpp, not {target}")
    return found


def check_libraries(root):
    """Each third-party library stands in its own room; raft.h in exactly one header."""
    found, raft_headers = [], set()
    for relative, number, room, bracket, target in includes(root):
        if rooms.room_of_include(target) is not None:
            continue
        if target == "raft.h":
            raft_headers.add(relative)
        verdict = rooms.library_verdict(room, bracket, target)
        if verdict:
            found.append(f"{relative}:{number}: {verdict}")
    if len(raft_headers) > 1:
        found.append(f"{sorted(raft_headers)[1]}:1: raft.h is included by {', '.join(sorted(raft_headers))}; one header may")
    return found


def check_length(root):
    return [f"{relative}:{len(text)}: {len(text)} lines; a file over {LINES_MAX} is two rooms in one"
            for path, relative in files(root, SOURCE) for text in [lines(path)] if len(text) > LINES_MAX]


UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
EXCUSE = re.compile(r"(?i)(//|^\s*(#|\*)).*\b(stub|(?<!take )for now|not implemented|not yet implemented)\b")


def check_words(root):
    """No file says of itself that it is unfinished."""
    found = []
    for path, relative in files(root, SOURCE | {"", ".txt", ".cmake"}):
        if relative.startswith("tests/tidy/"):
            continue
        for number, line in enumerate(lines(path), 1):
            if UNFINISHED.search(line) or EXCUSE.search(line):
                found.append(f"{relative}:{number}: unfinished by its own words: {line.strip()[:80]}")
    return found


# Written so that the patterns do not match themselves.
PLACES = [re.compile(p) for p in (
    r"(?<![\w.])/(work|root|farm)/", r"/tmp/bash[_]jobs", r"(?<![\w.])/home/[a-z]+/",
    r"\b(deb|security|ftp\.\w+)[.]debian[.]org\b", r"\bregistry[.](npmjs|yarnpkg)[.]\w+", r"\bproxy[.]golang[.]org",
    r"\b(files[.]pythonhosted|pypi)[.]org\b")]


def check_places(root):
    """No path of one machine and no registry's host is in the tree."""
    found = []
    for path, relative in files(root, vendored=True):
        if path.stat().st_size > 1 << 20 or b"\0" in path.read_bytes()[:4096]:
            continue
        for number, line in enumerate(lines(path), 1):
            if any(p.search(line) for p in PLACES):
                found.append(f"{relative}:{number}: names a place that other machines do not have: {line.strip()[:80]}")
    return found


# Comparisons that stop at the first difference, where one side is a secret or stands for one. A name tells: so what is secret
# must be called so. Compared with a literal, an enumerator or an iterator's end nothing is given away.
COMPARERS = re.compile(r"\b(memcmp|bcmp|strn?(?:case)?cmp|CRYPTO_memcmp|sodium_memcmp|timingsafe_\w+)\s*\(")
SECRET = (r"(?:\w+(?:\(\))?(?:\.|->))*(?:\w*(?:[Mm]ac|[Ss]ecret|[Tt]oken|id_hash|token_hash|secret_hash|[Dd]igests?|[Pp]assphrase"
          r"|[Pp]assword|[Pp]in|seal_key|root_key|api_key)s?_?(?!\w)(?:\([^()]*\))?|(?:expose|bytes)\(\))(?:\.substr\([^()]*\))?")
OTHER = r"""(?:""|''|nullptr|std::nullopt|[\w.>-]*\bend\(\)|-?\d+|(?:\w+::)+\w+\b(?!\())"""
UNEQUAL = (re.compile(r"(?<![\w.>:])" + SECRET + r"\s*[=!]=(?!\s*" + OTHER + ")"),
           re.compile(r"(?<!operator)[=!]=\s*[*!]*" + SECRET + r"(?![\w.\[:-])"),
           re.compile(SECRET + r"\.(?:compare|starts_with|ends_with)\((?!\s*(?:\"|'|k[A-Z]))"),
           re.compile(r"std::(?:ranges::)?(?:equal|mismatch)\([^;]*" + SECRET))
COMPARES_SECRETS = "model/secret.cpp"
NOT_SECRET = {  # what is called so and is none
    "if (label != settings.token) continue;",                                                      # a PKCS#11 token's label
    "if (end.frames() != frames_ - 1 || end.rows() != rows_ || end.bytes() != bytes_) {",          # sizes of a backup
}


def check_secrets(root):
    """Secrets are compared by one function, which reads all of both whatever they hold."""
    found = []
    for path, relative in files(root, {".cpp", ".hpp"}):
        if room_of(relative) is None or relative == COMPARES_SECRETS:
            continue
        for number, line in enumerate(lines(path), 1):
            code = re.sub(r'"(?:[^"\\]|\\.)*"', '""', re.sub(r"'(?:[^'\\]|\\.)'", "''", line)).split("//")[0]
            if COMPARERS.search(code) or (any(p.search(code) for p in UNEQUAL) and line.strip() not in NOT_SECRET):
                found.append(f"{relative}:{number}: compares secrets byte by byte; use equal_constant_time: {line.strip()[:80]}")
    return found


def check_opening(root):
    """A file begins by saying what it is."""
    found = []
    for path, relative in files(root, SOURCE | {".cmake"}):
        text = [t for t in lines(path) if t.strip() and not t.startswith(("#!", "#pragma once"))]
        if not text and path.name == "__init__.py":
            continue
        if not text or not re.match(r'\s*(//|/\*|"""|#(?!\s*(include|if|define|pragma)))', text[0]):
            found.append(f"{relative}:1: does not open with what it is and who uses it")
    return found


def check_map(root):
    """The room map of ARCHITECTURE.md names every top-level folder, and each folder and link it names exists."""
    found = []
    document = Path(root) / "ARCHITECTURE.md"
    if not document.exists():
        return ["ARCHITECTURE.md:1: is missing"]
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"^\|[^|]*\|? *`(\w[\w.-]*)/`", text, re.M))
    actual = {p.name for p in Path(root).iterdir()
              if p.is_dir() and not p.name.startswith(".") and p.name not in SKIPPED and any(p.rglob("*.*"))}
    found += [f"ARCHITECTURE.md:1: the room map lacks `{f}/`" for f in sorted(actual - named)]
    found += [f"ARCHITECTURE.md:1: the room map names `{f}/`, which does not exist" for f in sorted(named - actual)]
    documents = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"]
    documents += sorted(p.relative_to(root).as_posix() for p in (Path(root) / "docs").rglob("*.md"))
    for name in documents:
        path = Path(root) / name
        if not path.exists():
            found.append(f"{name}:1: is missing")
            continue
        for number, line in enumerate(lines(path), 1):
            targets = re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", line)
            targets += re.findall(r"`((?:%s|tests|docs|cmake)/[\w./-]+\.\w+)`" % "|".join(rooms.RUNG), line)
            found += [f"{name}:{number}: names {t}, which does not exist" for t in targets
                      if not (Path(root) / t).exists() and not (path.parent / t).exists()]
    return found


def check_format(root):
    """Sources stand as .clang-format says. Its details differ between versions, so only Debian 12's judges."""
    program = shutil.which("clang-format")
    if not program or " 14." not in subprocess.run([program, "--version"], capture_output=True, text=True).stdout:
        print("clang-format 14 is not installed")
        sys.exit(77)
    paths = [str(p) for p, _ in files(root, {".cpp", ".hpp", ".c", ".h"})]
    run = subprocess.run([program, "--dry-run", "-Werror", "--style=file"] + paths, capture_output=True, text=True, cwd=root)
    return sorted({re.sub(r"^%s/" % re.escape(str(root)), "", m) + ": is not formatted (./dev lint --fix)"
                   for m in re.findall(r"^(.+?):\d+:\d+: error", run.stderr, re.M)})


CHECKS = {name[6:]: function for name, function in list(globals().items()) if name.startswith("check_")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=Path(__file__).resolve().parents[2], type=Path)
    parser.add_argument("checks", nargs="+", choices=sorted(CHECKS))
    arguments = parser.parse_args()
    found = [f for check in arguments.checks for f in CHECKS[check](arguments.root)]
    print("\n".join(found) if found else "clean")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
