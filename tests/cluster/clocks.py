"""Wrong clocks for a process: an environment that makes a server take another time for now. skewed_clock.cpp does it, compiled
when it is first asked for."""

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("skewed_clock.cpp")


@functools.cache
def library():
    """The library; None without a compiler."""
    compiler = shutil.which("g++")
    if not compiler:
        return None
    folder = tempfile.mkdtemp(prefix="coffer-clock-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    out = Path(folder) / "skewed_clock.so"
    subprocess.run([compiler, "-std=c++20", "-O2", "-shared", "-fPIC", "-o", out, SOURCE], check=True)
    return out


def skewed(seconds=0, rate=1.0):
    """An environment whose calendar is so many seconds off, and whose clocks are so much faster than true ones."""
    return {"LD_PRELOAD": str(library()), "SKEW_SECONDS": str(seconds), "SKEW_RATE": str(rate)}
