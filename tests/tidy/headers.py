#!/usr/bin/env python3
"""Every header of the rooms compiles alone, without a precompiled header and without warnings; run by ctest.

    headers.py --root DIR --compiler g++ --generated BUILD/proto [--jobs N]
"""

import argparse
import concurrent.futures
import subprocess
import sys
from pathlib import Path

import rooms


def compile_one(root, compiler, generated, header):
    command = [compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{root}", "-isystem", str(generated),
               "-x", "c++", "-"]
    run = subprocess.run(command, input=f'#include "{header}"\n', capture_output=True, text=True)
    return header, "" if run.returncode == 0 else run.stderr


def compile_all(root, compiler, generated, jobs):
    """[(header, error or "")] in order of the names."""
    headers = sorted(p.relative_to(root).as_posix() for room in rooms.RUNG for p in (Path(root) / room).rglob("*.hpp"))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda h: compile_one(root, compiler, generated, h), headers))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--generated", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    results = compile_all(arguments.root, arguments.compiler, arguments.generated, arguments.jobs)
    for header, error in results:
        if error:
            print(f"{header} does not compile alone:\n{error}")
    failed = sum(1 for _, error in results if error)
    print(f"{len(results)} headers, {failed} do not compile alone")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
