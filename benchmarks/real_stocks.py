"""Compare the engine with plain Backtrader on all real stocks without gaps, late listings included.

Run by ``make evidence`` with BT_RUN_SHARED_DATA naming the folder of prices; it takes some minutes,
nearly all of them plain Backtrader's.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path

import numpy as np

from bt_run.data.schedule import scheduled

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # shared with the suite


def main() -> None:
    if not os.environ.get("BT_RUN_SHARED_DATA"):
        print(
            "real stocks: BT_RUN_SHARED_DATA names no folder of prices; nothing was compared"
        )
        return
    spec = importlib.util.spec_from_file_location(
        "proof", ROOT / "tests" / "acceptance" / "test_proof.py"
    )
    assert spec is not None
    assert spec.loader is not None
    proof = importlib.util.module_from_spec(spec)
    sys.modules["proof"] = proof  # Backtrader looks its strategies up by their module
    spec.loader.exec_module(proof)
    rows = proof.read_real_rows()
    bars = proof.real_bars(rows, "total_return")
    first, last = (
        np.argmax(bars.tradable, axis=0),
        len(bars) - np.argmax(bars.tradable[::-1], axis=0),
    )
    whole = bars.counts[-1] == last - first
    kept = {
        name: rows[name] for name, keep in zip(bars.assets, whole, strict=True) if keep
    }
    bars = proof.real_bars(kept, "total_return")
    due = scheduled(bars, "month")
    weights = (
        0.9 * bars.tradable / np.maximum(1, bars.tradable.sum(axis=1, keepdims=True))
    )
    begun = time.perf_counter()
    nav = proof.engine(bars, weights, due, proof.Rules(cash=1e7, fee=0.0001)).nav
    middle = time.perf_counter()
    plain = proof.plain_backtrader(bars, weights, due, 1e7, 0.0001)
    end = time.perf_counter()
    print(
        f"real stocks: {len(bars.assets)} of {len(rows)} without gaps, {len(bars)} sessions, "
        f"{int(due.sum())} decisions"
    )
    print(
        f"  largest difference of NAV: {np.abs(nav - plain).max():.6f} on {nav[-1]:,.2f}"
    )
    print(f"  engine {middle - begun:.2f} s, plain Backtrader {end - middle:.2f} s")


if __name__ == "__main__":
    main()
