"""Put spoilt files to the command line: YAML, prices, tables, rates, results, a store.

python benchmarks/fuzz.py                     5,000 cases, some five minutes
python benchmarks/fuzz.py --seed 7 --cases 200
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # the suite puts fewer of the same cases

from kit.fuzzing import Ending, clean_folder, endings  # noqa: E402

LONGEST, LARGEST = 10.0, 500.0  # seconds of a case, and megabytes more than before it


def main() -> int:
    """Print every case that ends in a bug, a traceback, the blame of a plugin, late, or in much
    memory.
    """
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--cases", type=int, default=5000)
    told = words.parse_args()
    began, found = time.perf_counter(), 0
    with tempfile.TemporaryDirectory() as folder:
        clean, work = Path(folder) / "clean", Path(folder) / "work"
        clean.mkdir()
        for complaint in _complaints(
            endings(clean_folder(clean), work, told.seed, told.cases)
        ):
            found += 1
            print(complaint, end="\n\n")
    took = time.perf_counter() - began
    print(
        f"{told.cases} spoilt files, seed {told.seed}: {found} complaints, {took:.0f} s"
    )
    return 1 if found else 0


def _complaints(cases: Iterator[Ending]) -> Iterator[str]:
    """Yield what is wrong with the cases, one by one."""
    before, began = _megabytes(), time.perf_counter()
    for ending in cases:
        took, more = time.perf_counter() - began, _megabytes() - before
        if not ending.fair or took > LONGEST or more > LARGEST:
            yield f"{took:.1f} s, {more:.0f} MB: {ending}"
        before, began = _megabytes(), time.perf_counter()


def _megabytes() -> float:
    """Return the most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
