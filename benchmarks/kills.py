"""Kill processes while they write runs and a store, and read what they left.

python benchmarks/kills.py                    500 kills, half of each
python benchmarks/kills.py --seed 7 --kills 100
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path

import bt_run

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # the suite kills fewer in the same way

from kit import kills  # noqa: E402
from kit.configured import folder_of_files  # noqa: E402

IN_ONE_PLACE = 25  # kills before the next folder: what lies there is read after each


def main() -> int:
    """Print what a reader found less than whole, and what stayed after the next write."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--kills", type=int, default=500)
    told = words.parse_args()
    half, found = told.kills // 2, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = folder_of_files(folder)
        result = bt_run.run(bt_run.load_config(files / "run.yaml"))
        for first in range(0, half, IN_ONE_PLACE):
            times = min(IN_ONE_PLACE, half - first)
            for complaint in _both(
                result, folder / str(first), told.seed + first, times
            ):
                found += 1
                print(complaint)
    print(f"{2 * half} kills, seed {told.seed}: {found} complaints")
    return 1 if found else 0


def _both(result, folder, seed, times):
    """Yield what is wrong after kills of writers of runs, and of a store."""
    root, store = folder / "runs", folder / "store"
    root.mkdir(parents=True)
    write = partial(kills.write_a_run, result)
    yield from kills.kill_writers(root, write, kills.check_runs, seed, times)
    yield from kills.leftovers_of_runs(result, root)
    yield from kills.kill_writers(
        store, kills.write_a_commit, kills.check_store, seed, times
    )
    yield from kills.leftovers_of_store(store)


if __name__ == "__main__":
    sys.exit(main())
