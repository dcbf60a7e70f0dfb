"""One hash of all that a component answers, by role: equal hashes are equal bytes."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from bt_run.terms import Costs
from bt_run.testing.conformance.markets import market, with_made_tables
from bt_run.testing.conformance.plays import play_on
from bt_run.testing.conformance.samples import (
    MARKET,
    PRICES,
    SHARES,
    made_holdings,
    made_result,
    request_of,
    symbols_of,
    watched_table,
)
from bt_run.testing.conformance.small_sweep import made_cells
from bt_run.testing.conformance.subjects import Subject

__all__ = ["digest_of", "digest_of_files"]


def digest_of(subject: Subject) -> str:
    """Build ``subject`` anew and return the hash of its answers.

    Raises:
        BtRunError: it cannot be built, or fails.
    """
    return _DIGESTS.get(subject.role, _of_play)(subject)


def digest_of_files(files: Mapping[str, bytes]) -> str:
    """Return the hash of files by their names."""
    return hashlib.sha256(
        b"".join(name.encode() + files[name] for name in sorted(files))
    ).hexdigest()


def _of_play(subject: Subject) -> str:
    bars = with_made_tables(market("calm"), subject.build().reads)
    play = play_on(subject, bars)
    return f"{type(play.error).__name__}: {play.error}" if play.error else play.digest


def _of_exit(subject: Subject) -> str:
    levels = subject.build().thing.levels(made_holdings())
    return hashlib.sha256(
        b"".join(np.asarray(item, dtype=np.float64).tobytes() for item in levels)
    ).hexdigest()


def _of_broker(subject: Subject) -> str:
    costs: Costs = subject.build().thing.costs
    fillable = costs.fillable(SHARES, MARKET)
    answers = (
        fillable,
        costs.fill_price(PRICES, fillable, MARKET),
        costs.commission(fillable, PRICES),
    )
    return hashlib.sha256(
        b"".join(np.asarray(item).tobytes() for item in answers)
    ).hexdigest()


def _of_source(subject: Subject) -> str:
    source = subject.build().thing
    found = symbols_of(source)
    return (
        str(source.load(request_of(source, found)).fingerprint)
        if found
        else "nothing to load"
    )


def _of_analyzer(subject: Subject) -> str:
    name, table = watched_table(subject)
    return hashlib.sha256(f"{name}\n{table.to_csv()}".encode()).hexdigest()


def _of_report(subject: Subject) -> str:
    with tempfile.TemporaryDirectory() as folder:
        paths = [
            Path(path)
            for path in subject.build().thing.write(made_result(), Path(folder))
        ]
        return digest_of_files({path.name: path.read_bytes() for path in paths})


def _of_executor(subject: Subject) -> str:
    executor = subject.build().thing
    with tempfile.TemporaryDirectory() as folder:
        (cell, *_) = made_cells(Path(folder))
        try:
            executor.submit(cell.key, cell)
            ((key, outcome),) = executor.done()
        finally:
            executor.close()
    if outcome.result is None:
        return f"{key}: {outcome.status}: {outcome.text}"
    return hashlib.sha256(key.encode() + outcome.result.returns.tobytes()).hexdigest()


_DIGESTS: Mapping[str, Callable[[Subject], str]] = MappingProxyType(
    {
        "exit": _of_exit,
        "broker": _of_broker,
        "source": _of_source,
        "analyzer": _of_analyzer,
        "report": _of_report,
        "executor": _of_executor,
    }
)
