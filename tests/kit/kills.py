"""Processes killed while they write, anywhere between two things they do to files."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from bt_run import DataError
from bt_run.results.result import BacktestResult
from bt_run.results.run_folder import intact_run, write_run
from bt_run_plugins.market_data.store.manifest import MANIFEST, Key
from bt_run_plugins.market_data.store.records import (
    Extent,
    KnownDays,
    ProcessedFacts,
    RawFacts,
)
from bt_run_plugins.market_data.store.store import Store

# what a writer does to files, counted, is where a process is killed
TOUCHES = frozenset(
    {"open", "os.rename", "os.remove", "os.mkdir", "os.listdir", "os.symlink"}
)
DATES = pd.bdate_range("2020-01-01", periods=200).to_numpy().astype("datetime64[ns]")
RAW = RawFacts(
    fetched_at="2020",
    prices=None,
    whole=True,
    covers=KnownDays(),
    series=Extent(rows=200, first=None, last=None),
)
MADE = ProcessedFacts(
    inputs=(),
    prices=None,
    notes=(),
    steps=(),
    findings={},
    failed=False,
    settings={},
    calendar="XNYS",
    alignment="none",
    profile="standard",
    versions={},
)

Write = Callable[[Path, int], None]
Check = Callable[[Path], None]


def kill_writers(
    folder: Path, write: Write, check: Check, seed: int, times: int
) -> Iterator[str]:
    """Kill ``times`` processes, each while it writes again and again, and ``check`` after each.

    ``write`` puts the numbered thing into the folder, and ``check`` raises where a reader would
    find less than whole things. What it raised is yielded in words.
    """
    rng = random.Random(seed)
    watch = _Watch()
    sys.addaudithook(watch)
    for number in range(4):
        watch.on = True
        write(folder, number)
        watch.on = False
    span = watch.count
    for number in range(times):
        after = rng.randrange(1, span)
        child = os.fork()
        if not child:
            watch.start(after)
            for later in range(4 + number, 1_000_000):
                write(folder, later)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            yield f"kill {number}: the writer ended by itself"
        try:
            check(folder)
        except (AssertionError, DataError, OSError) as error:
            yield f"kill {number}: {type(error).__name__}: {error}"


class _Watch:
    """An audit hook that counts what is done to files, and may kill its process at one of them."""

    def __init__(self) -> None:
        self.on = False
        self.count = 0
        self.last: int | None = None

    def start(self, after: int) -> None:
        """Kill this process after so many more of them."""
        self.on, self.last = True, self.count + after

    def __call__(self, event: str, args: object) -> None:
        if not self.on or event not in TOUCHES:
            return
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)


# -- runs ------------------------------------------------------------------------------------------


def write_a_run(result: BacktestResult, root: Path, number: int) -> None:
    """Write one of three runs by turns, each time with another note."""
    run_id = "abc"[number % 3] * 12
    manifest = result.manifest | {"run_id": run_id, "notes": [f"write {number}"]}
    write_run(replace(result, run_id=run_id, manifest=manifest), root)


def check_runs(root: Path) -> None:
    """Refuse a run that is not whole, and a ``latest`` that shows none."""
    (folder,) = root.iterdir()
    there = {path.name for path in folder.iterdir()}
    for run_id in ("a" * 12, "b" * 12, "c" * 12):
        if there & {run_id, f".{run_id}.old"}:
            assert intact_run(folder / run_id)["manifest"]["run_id"] == run_id
    shown = (folder / "latest").readlink().name
    # between two renames a run lies under the name where readers look for it next
    assert there & {shown, f".{shown}.old"}, f"latest shows {shown}, which is not there"


def leftovers_of_runs(result: BacktestResult, root: Path) -> list[str]:
    """Write once more, and return what lies there beside the runs and ``latest``."""
    write_a_run(result, root, 0)
    (folder,) = root.iterdir()
    known = {"latest", *(name * 12 for name in "abc")}
    return sorted(path.name for path in folder.iterdir() if path.name not in known)


# -- the store -------------------------------------------------------------------------------------


def write_a_commit(folder: Path, number: int) -> None:
    """Put both symbols, raw and processed, into the store in one commit."""
    table = pd.DataFrame({"date": DATES, "close": np.full(200, number + 1.0)})
    with Store(folder).writing() as writer:
        notes = {"notes": (str(number),)}
        for name in "AB":
            writer.add_raw(Key("yahoo", name), table, RAW.model_copy(update=notes))
            writer.put_processed(
                Key("yahoo", name), table, MADE.model_copy(update=notes)
            )


def commits_in(folder: Path) -> int:
    """Return the number of commits, after checking that each file is whole and both symbols are of
    one commit.
    """
    store = Store(folder)
    known = store.keys()
    for key in known:
        raw = store.raw(key)
        for entry in raw:
            expected = int(entry.facts.notes[0]) + 1
            assert (store.read(entry)["close"] == expected).all()
        made = store.processed(key)
        assert made is not None
        assert made.facts.notes == raw[-1].facts.notes
        assert len(store.read(made)) == 200
    counts = {len(store.raw(key)) for key in known}
    assert len(known) in (0, 2)
    assert len(counts) <= 1
    return max(counts, default=0)


def check_store(folder: Path) -> None:
    """Refuse a store of which a commit is lost or half there."""
    seen = folder.with_name(f"{folder.name}.commits")
    before = int(seen.read_text()) if seen.exists() else 4
    now = commits_in(folder)
    assert now >= before, f"{before} commits became {now}"
    seen.write_text(str(now))


def leftovers_of_store(folder: Path) -> list[str]:
    """Open the store for writing, and return the files that its manifest does not name."""
    with Store(folder).writing():
        pass
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }
    lasting = {MANIFEST, ".lock"}
    return sorted(found - lasting - Store(folder).contents.named())
