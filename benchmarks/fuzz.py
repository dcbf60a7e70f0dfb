"""Put spoilt files to the command line: YAML, prices, tables, rates, results, a store.

python benchmarks/fuzz.py                     5,000 cases, some five minutes
python benchmarks/fuzz.py --seed 7 --cases 200
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # the suite puts fewer of the same cases

from kit.fuzzing import clean_folder, complaints  # noqa: E402


def main() -> int:
    """Print every case that ends in a bug, a traceback, or the blame of a plugin."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--cases", type=int, default=5000)
    told = words.parse_args()
    began, found = time.perf_counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        clean, work = Path(folder) / "clean", Path(folder) / "work"
        clean.mkdir()
        for complaint in complaints(clean_folder(clean), work, told.seed, told.cases):
            found += 1
            print(complaint, end="\n\n")
    took = time.perf_counter() - began
    print(
        f"{told.cases} spoilt files, seed {told.seed}: {found} complaints, {took:.0f} s"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
