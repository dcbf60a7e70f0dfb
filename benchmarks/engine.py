"""Measure the engine beside plain Backtrader and its peers: same prices, same rebalancing, one run.

``make bench`` makes the peers' environment in ``.cache/peers`` and writes ``docs/benchmarks.md``.
Times are this machine's; the ratios are what carries over. ``--quick`` leaves out what takes
minutes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".cache" / "peers" / "bin" / "python"
FEW = 252  # sessions on which a peer is measured that would take over ten minutes


@dataclass(frozen=True)
class Case:
    """Name a size, how often it rebalances, and who is measured on how many sessions (None:
    all).
    """

    title: str
    assets: int
    bars: int
    every: int
    contenders: tuple[tuple[str, int | None], ...]
    minutes: bool = False


ALL = (
    ("bt_run", None),
    ("bt_run_tables", None),
    ("bt_run_files", None),
    ("numpy", None),
    ("vectorbt", None),
    ("vectorbt_records", None),
    ("vectorbt_rust", None),
    ("vectorbt_rust_records", None),
)
OURS = ("bt_run", "bt_run_tables", "bt_run_files", "numpy", "backtrader")
CASES = (
    Case(
        "2 x 5,000, monthly",
        2,
        5000,
        21,
        (*ALL, ("bt", None), ("backtrader", None), ("empty_backtrader", None)),
    ),
    Case(
        "100 x 2,520, monthly",
        100,
        2520,
        21,
        (*ALL, ("bt", None), ("backtrader", None)),
    ),
    Case(
        "500 x 1,260, monthly",
        500,
        1260,
        21,
        (*ALL, ("bt", None), ("backtrader", None)),
    ),
    Case(
        "500 x 5,040, monthly",
        500,
        5040,
        21,
        (*ALL, ("bt", None), ("backtrader", FEW * 2)),
    ),
    Case("500 x 1,260, every session", 500, 1260, 1, ALL),
    Case("3,000 x 2,520, monthly", 3000, 2520, 21, ALL),
    Case(
        "500 x 5,040, every session",
        500,
        5040,
        1,
        (*ALL, ("bt", FEW), ("backtrader", FEW)),
    ),
    Case(
        "50 x 5,040 minutes, every 390 bars", 50, 5040, 390, (("bt_run", None),), True
    ),
    Case("50 x 98,000 minutes, every 390 bars", 50, 98_000, 390, (*ALL,), True),
)
QUICK = ("2 x 5,000, monthly", "500 x 1,260, monthly")


def prices(case: Case, bars: int) -> dict[str, np.ndarray]:
    """Make a random walk of the case's size, the same for every contender."""
    rng = np.random.default_rng(1)
    shape = (bars, case.assets)
    scale = 0.0005 if case.minutes else 0.015
    close = 50 * np.exp(np.cumsum(rng.normal(0, scale, shape), axis=0))
    first = close * np.exp(rng.normal(0, scale / 3, shape))
    if case.minutes:
        session = np.arange(bars) // 390
        minute = np.arange(bars) % 390 + 1
        day = np.busday_offset("2020-01-01", session, roll="forward").astype(
            "datetime64[m]"
        )
        times = (day + 870 + minute).astype("datetime64[ns]")
    else:
        times = np.busday_offset("1993-01-01", np.arange(bars), roll="forward").astype(
            "datetime64[ns]"
        )
    return {
        "times": times,
        "open": first,
        "high": np.maximum(first, close) * 1.001,
        "low": np.minimum(first, close) * 0.999,
        "close": close,
        "volume": np.full(shape, 1e6),
        "due": np.arange(bars) % case.every == 0,
    }


def measure(case: Case, name: str, few: int | None) -> dict[str, float] | None:
    """Return seconds and memory of one contender on one case, scaled up from ``few`` sessions."""
    here = name in OURS or name == "empty_backtrader"
    python = sys.executable if here else str(PEERS)
    if not Path(python).exists():
        return None
    bars = few or case.bars
    repeats = 1 if name in ("backtrader", "bt") and case.assets > 2 else 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "prices.npz"
        # in a process of its own: what a parent has used, its children report as theirs
        subprocess.run(
            [sys.executable, __file__, "--prices", case.title, str(bars), str(path)],
            check=True,
        )
        command = [
            python,
            str(ROOT / "benchmarks" / "contenders.py"),
            name,
            str(path),
            str(repeats),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        print(
            f"{name} failed on {case.title}: {done.stderr.strip().splitlines()[-1]}",
            file=sys.stderr,
        )
        return None
    got: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    got["seconds"] *= case.bars / bars
    return got


def table(case: Case) -> list[str]:
    """Measure a case and return its table as markdown."""
    rows = [(name, few, measure(case, name, few)) for name, few in case.contenders]
    mine = next(got for name, _, got in rows if name == "bt_run")
    assert mine is not None
    lines = [
        f"## {case.title}",
        "",
        "| engine | seconds | asset-bars/s | memory MB | times bt-run's seconds |",
    ]
    lines.append("|---|---:|---:|---:|---:|")
    for name, few, got in rows:
        label = name.replace("_", "-") + (
            f" (measured on {few} sessions, scaled)" if few else ""
        )
        if got is None:
            lines.append(f"| {label} | not measured | | | |")
            continue
        rate = case.assets * case.bars / got["seconds"]
        ratio = got["seconds"] / mine["seconds"]
        memory = "" if few else f"{got['memory']:,.0f}"
        lines.append(
            f"| {label} | {got['seconds']:.3f} | {rate:,.0f} | {memory} | {ratio:,.2f} |"
        )
    arrays = 5 * 8 * case.assets * case.bars / 2**20
    lines += ["", f"The OHLCV arrays are {arrays:,.1f} MB.", ""]
    return lines


def write_prices(title: str, bars: int, path: Path) -> None:
    """Write the prices of a case for those that are measured."""
    case = next(case for case in CASES if case.title == title)
    np.savez(path, **prices(case, bars))


def main() -> None:
    if "--prices" in sys.argv:
        title, bars, path = sys.argv[-3:]
        write_prices(title, int(bars), Path(path))
        return
    quick = "--quick" in sys.argv
    head = [
        "# Benchmarks",
        "",
        "Written by `make bench` (`benchmarks/engine.py`). Same prices and the same equal-weight "
        "rebalancing for all, one process each, in one run on one machine: the ratios carry over, "
        "the seconds do not. A rebalancing is decided at a close; bt-run fills it at the next "
        "open, and bt, numpy and vectorbt at that same close, so their last values differ. "
        "What is kept differs too: `bt-run` goes from bars in memory to the ledger, with its "
        "pipeline and both baselines (equal weight, constant mix), three accounts in all; "
        "`bt-run-tables` adds the tables of fills, positions and decisions; `bt-run-files` goes "
        "from a folder of parquet files to a result, with every check, metric and hash, by its own "
        "schedule. `vectorbt` is bare: orders and the value of one account; `records` adds orders, "
        "positions and stats, and `rust` is its engine in Rust; all are warm (compiled before). bt "
        "and plain Backtrader keep one account. Memory is the peak of a process that has built "
        "nothing before, over what importing and the prices took. zipline-reloaded and "
        "nautilus_trader are not measured: each needs an environment of its own, and states the "
        "work otherwise.",
        "",
    ]
    lines = list(head)
    for case in CASES:
        if quick and case.title not in QUICK:
            continue
        part = table(case)
        print("\n".join(part), flush=True)
        lines += part
    if not quick:
        grown = subprocess.run(
            [sys.executable, str(ROOT / "benchmarks" / "growth.py")],
            capture_output=True,
            text=True,
            check=True,
        )
        print(grown.stdout, flush=True)
        lines += grown.stdout.splitlines()
        (ROOT / "docs" / "benchmarks.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
