"""Solve made policies: 500 that can be kept, each also by cvxpy and by quadratic programs without
cones, and 50 that cannot, whose explanation is checked by solving again.

python benchmarks/policy_laws.py              some ten minutes
python benchmarks/policy_laws.py 50 5
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # the suite solves fewer of the same problems

from kit.policies import feasible_faults, infeasible_faults  # noqa: E402


def main() -> int:
    """Print every fault, and how many problems there were."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("feasible", type=int, nargs="?", default=500)
    words.add_argument("infeasible", type=int, nargs="?", default=50)
    told = words.parse_args()
    began, found = time.perf_counter(), 0
    for check, count in (
        (feasible_faults, told.feasible),
        (infeasible_faults, told.infeasible),
    ):
        for seed in range(count):
            for fault in check(seed):
                found += 1
                print(f"{check.__name__}: {fault}", flush=True)
    print(
        f"{told.feasible} policies that can be kept and {told.infeasible} that cannot, "
        f"{found} faults, {time.perf_counter() - began:.0f} s"
    )
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
