"""Measure sweeps: where 240 cells are played, what a cell costs, and peers over the same cells.

``make bench`` prints the table; ``--evidence`` plays 1,000 cells in one worker and prints its
memory; ``--quick`` takes a tenth of the cells. Times are this machine's; the ratios are what
carries over, on a machine that does nothing else: the load is printed beside them.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".cache" / "peers" / "bin" / "python"
OVER = {
    "strategy.fast": [10, 20, 30, 40, 50, 60],
    "strategy.slow": {"from": 100, "to": 275, "step": 25},
    "overlays.0.annual": [0.06, 0.08, 0.10, 0.12, 0.14],
}
QUICK = OVER | {"strategy.fast": [20, 50], "strategy.slow": [100, 200]}
MANY = OVER | {
    "strategy.fast": {"from": 5, "to": 64, "step": 1},
    "strategy.slow": [100, 150, 200, 250],
}
TABLES = ("cells", "returns", "best_so_far", "folds", "chained")


@dataclass(frozen=True)
class Spent:
    """Wall and CPU seconds, children that ended included."""

    wall: float
    cpu: float


@contextmanager
def measured(out: list[Spent]) -> Iterator[None]:
    """Append what the block took to ``out``."""
    wall, cpu = time.perf_counter(), cpu_seconds()
    yield
    out.append(Spent(time.perf_counter() - wall, cpu_seconds() - cpu))


def cpu_seconds() -> float:
    """Return the CPU seconds of this process and of its children that ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    used = [resource.getrusage(kind) for kind in kinds]
    return sum(one.ru_utime + one.ru_stime for one in used)


def sweep_file(folder: Path, over: dict[str, Any], more: str = "") -> Path:
    """Write a sweep of the flagship into ``folder`` and return its file."""
    shutil.copy(ROOT / "examples" / "spy_qqq.yaml", folder)
    file = folder / "sweep.yaml"
    keys = {"over": over}
    file.write_text(
        f"extends: spy_qqq.yaml\nreports: []\nsweep: {json.dumps(keys)}\n{more}"
    )
    return file


def command(file: Path, out: Path, *words: str) -> Spent:
    """Run the command of a sweep in a process of its own."""
    text = "import sys; from bt_run.cli.entry import main; sys.exit(main(sys.argv[1:]))"
    spent: list[Spent] = []
    with measured(spent):
        subprocess.run(
            [sys.executable, "-c", text, "sweep", file, "--out", out, *words],
            check=True,
            cwd=file.parent,
            stdout=subprocess.DEVNULL,
        )
    return spent[0]


def digest(out: Path) -> str:
    """Return the hash of a sweep's tables."""
    (page,) = out.glob("*/sweeps/*/sweep.html")
    content = [page.with_name(f"{name}.parquet").read_bytes() for name in TABLES]
    return hashlib.sha256(b"".join(content)).hexdigest()


def executors(folder: Path, over: dict[str, Any]) -> None:
    """Print what the cells take on each executor, and whether their tables are the same bytes."""
    file = sweep_file(folder, over)
    wanted = {
        "serial": ("--executor", "serial"),
        "local, 2 workers": ("--executor", "local", "--workers", "2"),
        "dask, 2 workers": ("--executor", "dask", "--workers", "2"),
    }
    rows, digests, count = [], set(), cells_of(over)
    for number, (name, words) in enumerate(wanted.items()):
        load = os.getloadavg()[0]
        spent = command(file, folder / str(number), *words)
        digests.add(digest(folder / str(number)))
        rows.append((name, spent, load))
    serial = rows[0][1].wall
    print(f"\n{count} cells of the flagship, the whole command with its page\n")
    print("| executor | wall s | times serial | CPU s | cells / CPU s | load before |")
    print("|---|---|---|---|---|---|")
    for name, spent, load in rows:
        print(
            f"| {name} | {spent.wall:.1f} | {serial / spent.wall:.2f} | {spent.cpu:.1f} "
            f"| {count / spent.cpu:.2f} | {load:.1f} |"
        )
    told = "the same bytes" if len(digests) == 1 else f"{len(digests)} DIFFERENT tables"
    print(f"\ntables: {told}")


def cells_of(over: dict[str, Any]) -> int:
    """Return how many cells there are."""
    counts = [
        len(axis)
        if isinstance(axis, list)
        else (axis["to"] - axis["from"]) // axis["step"] + 1
        for axis in over.values()
    ]
    return int(np.prod(counts))


# -- one cell --------------------------------------------------------------------------------------


def warm_cells(play: Callable[[Any], Any], values: list[Any]) -> float:
    """Return the CPU seconds of a cell when all is loaded: the median of several."""
    play(values[0])
    seconds = []
    for value in values[1:]:
        begun = time.process_time()
        play(value)
        seconds.append(time.process_time() - begun)
    return float(np.median(seconds))


def flagship_cell() -> float:
    """Return the CPU seconds of a warm cell of the flagship."""
    from bt_run import load_config, prepare
    from bt_run.studies.measuring import measured as measured_run

    prepared = prepare(load_config(ROOT / "examples" / "spy_qqq.yaml"))
    return warm_cells(
        lambda fast: measured_run(prepared.changed({"strategy.fast": fast})),
        [20, 30, 40, 50, 60, 70],
    )


def wide_cell() -> float:
    """Return the CPU seconds of a warm cell of 50 assets over 2,520 sessions, monthly."""
    import pandas as pd

    from bt_run import RunConfig, prepare
    from bt_run.studies.measuring import measured as measured_run

    days = pd.bdate_range("2005-01-03", periods=2520)
    random = np.random.default_rng(7)
    moves = random.normal(0.0003, 0.012, (2520, 50))
    close = 50.0 * np.exp(moves.cumsum(axis=0))
    frame = pd.DataFrame(close, index=days, columns=[f"A{i:02d}" for i in range(50)])
    config = RunConfig.model_validate(
        {
            "name": "wide",
            "data": {
                "source": "frames",
                "assets": list(frame.columns),
                "benchmark": "A00",
                "calendar": "24/5",
                "start": str(days[260].date()),
                "end": str(days[-1].date()),
            },
            "strategy": {"use": "trend", "fast": 50, "slow": 200},
            "sizer": "inverse_volatility",
            "schedule": "month",
            "broker": {"use": "simulated", "fill": "next_close"},
        }
    )
    prepared = prepare(config, bars=frame)
    return warm_cells(
        lambda fast: measured_run(prepared.changed({"strategy.fast": fast})),
        [20, 30, 40, 50, 60, 70],
    )


# -- peers over the same cells ---------------------------------------------------------------------


def peers(folder: Path, count: int) -> None:
    """Print CPU seconds a cell of bt-run, Backtrader's optstrategy and vectorbt: two assets that
    are held in equal parts while their faster mean is above the slower, decided monthly.
    """
    from bt_run import load_config, prepare
    from bt_run.studies.measuring import measured as measured_run

    cells = [(fast, slow) for fast in range(10, 60, 5) for slow in range(100, 300, 20)]
    cells = cells[:count]
    keys = ["overlays=[]", "sizer=equal_weight", "broker.commission.bps=0"]
    config = load_config(
        ROOT / "examples" / "spy_qqq.yaml", [*keys, "broker.slippage.bps=0"]
    )
    prepared = prepare(config)
    prices = folder / "prices.npz"
    bars = prepared.bars
    np.savez(prices, times=bars.times, close=bars.close, start=bars.start)
    (folder / "cells.json").write_text(json.dumps(cells))

    def own(cell: tuple[int, int]) -> None:
        fast, slow = cell
        change = {"strategy.fast": fast, "strategy.slow": slow}
        measured_run(prepared.changed(change))

    own(cells[0])
    begun = time.process_time()
    for cell in cells:
        own(cell)
    rows = [("bt-run, a cell of a sweep", (time.process_time() - begun) / len(cells))]
    script = ROOT / "benchmarks" / "sweep_peers.py"
    for name, python in (
        ("backtrader, cerebro.optstrategy", Path(sys.executable)),
        ("vectorbt, a loop of from_orders", PEERS),
    ):
        if not python.exists():
            print(f"{name}: not installed in .cache/peers; left out")
            continue
        found = subprocess.run(
            [python, script, name.partition(",")[0], folder],
            check=True,
            capture_output=True,
            text=True,
        )
        rows.append((name, float(found.stdout) / len(cells)))
    print(f"\n{len(cells)} cells: 2 assets x {len(bars)} sessions, monthly\n")
    print("| | CPU s a cell |")
    print("|---|---|")
    for name, seconds in rows:
        print(f"| {name} | {seconds:.3f} |")


# -- memory ----------------------------------------------------------------------------------------

WORKER = """
import json, sys
from dataclasses import replace
from pathlib import Path
from bt_run import load_config
from bt_run.studies.cells import run_cell
from bt_run.studies.sweeping import open_sweep
def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6
config = load_config(sys.argv[1])
with open_sweep(config, Path(sys.argv[2]), offline=True) as sweep:
    told = []
    for number, candidate in enumerate(sweep.search.ask()[:1000], start=1):
        outcome = run_cell(sweep.asked(candidate).cell)
        assert outcome.status == "ok", outcome.text
        if number in (50, 250, 500, 1000):
            told.append((number, resident()))
print(json.dumps(told))
"""


def memory(folder: Path) -> None:
    """Play 1,000 cells in one process and print its resident memory on the way."""
    file = sweep_file(folder, MANY)
    found = subprocess.run(
        [sys.executable, "-c", WORKER, file, folder / "place"],
        check=True,
        capture_output=True,
        text=True,
    )
    told = json.loads(found.stdout)
    print("\nresident memory of a worker\n\n| after cell | MB |\n|---|---|")
    for number, size in told:
        print(f"| {number} | {size:.0f} |")
    print(
        f"\nafter cell 1,000: {told[-1][1] / told[0][1]:.3f} times that after cell 50"
    )


def main() -> None:
    """Print everything, or what the options ask for."""
    words = sys.argv[1:]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if "--evidence" in words:
            memory(folder)
            return
        executors(folder, QUICK if "--quick" in words else OVER)
        print(
            f"\na warm cell: flagship {flagship_cell():.2f} CPU s; 50 x 2,520, monthly "
            f"{wide_cell():.2f} CPU s"
        )
        peers(folder, 10 if "--quick" in words else 100)


if __name__ == "__main__":
    main()
