#!/usr/bin/env python3
"""Every fuzz target has a corpus, and every corpus a target: check_corpora.py FUZZ_REPLAY CORPUS_FOLDER"""

import subprocess
import sys
from pathlib import Path

targets = set(subprocess.run([sys.argv[1], "--list"], check=True, capture_output=True, text=True).stdout.split())
corpora = {folder.name for folder in Path(sys.argv[2]).iterdir() if any(folder.iterdir())}
if targets != corpora:
    sys.exit(f"without a corpus: {sorted(targets - corpora)}; without a target: {sorted(corpora - targets)}")
