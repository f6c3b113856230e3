#!/usr/bin/env python3
"""Every header of the rooms compiles alone, without a precompiled header and without warnings; run by ctest.

    headers.py --root DIR --compiler g++ --generated BUILD/proto [--work DIR] [--jobs N]
"""

import argparse
import concurrent.futures
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import rooms


def compile_one(root, compiler, generated, work, header):
    """(header, error or ""). Through ccache when it is there, so that only what changed costs anything."""
    source = Path(work) / (header.replace("/", "_") + ".cpp")
    text = f'#include "{header}"\n'
    if not source.exists() or source.read_text() != text:
        source.write_text(text)
    command = [compiler, "-std=c++20", "-O0", "-Wall", "-Wextra", "-Werror", f"-I{root}", "-isystem", str(generated),
               "-c", str(source), "-o", f"{source}.o"]
    if shutil.which("ccache"):
        command.insert(0, "ccache")
    run = subprocess.run(command, capture_output=True, text=True)
    return header, "" if run.returncode == 0 else run.stderr


def compile_all(root, compiler, generated, jobs, work=None):
    """[(header, error or "")] in order of the names; `work` is a folder for what the compiler writes."""
    headers = sorted(p.relative_to(root).as_posix() for room in rooms.RUNG for p in (Path(root) / room).rglob("*.hpp"))
    with tempfile.TemporaryDirectory() as temporary, concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        folder = Path(work or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return list(pool.map(lambda h: compile_one(root, compiler, generated, folder, h), headers))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--generated", type=Path, required=True)
    parser.add_argument("--work", type=Path, help="a folder that lasts, for ccache; default: a temporary one")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    results = compile_all(arguments.root, arguments.compiler, arguments.generated, arguments.jobs, arguments.work)
    for header, error in results:
        if error:
            print(f"{header} does not compile alone:\n{error}")
    failed = sum(1 for _, error in results if error)
    print(f"{len(results)} headers, {failed} do not compile alone")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
