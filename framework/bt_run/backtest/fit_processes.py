"""Fits in processes: each builds the learner from the configuration, since what a local file or a
notebook defines cannot be unpickled elsewhere.
"""

from __future__ import annotations

import json
import os
import pickle
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from bt_run.backtest.building import Parts
from bt_run.backtest.lessons import classroom
from bt_run.backtest.preparing import Prepared, prepare_on
from bt_run.config.canonical_form import placed
from bt_run.config.run_config import RunConfig
from bt_run.data.stored import map_bars, store_bars
from bt_run.decision.calls import Stage
from bt_run.decision.lesson import Fitted
from bt_run.errors import ConfigError
from bt_run.learning.rehearsal import Rehearsal, lesson_of
from bt_run.learning.teaching import FitAll, fit_one

__all__ = ["WORKERS", "fitting", "workers"]

# how many processes fit; it changes no result, so it is of the machine and not of the run file
WORKERS = "BT_RUN_WORKERS"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", WORKERS), "1"
)


def workers() -> int:
    """Return how many processes fit: what the environment says, or 1.

    Raises:
        ConfigError: it says no number.
    """
    said = os.environ.get(WORKERS, "1")
    if not said.isdigit() or int(said) < 1:
        raise ConfigError(
            f"{WORKERS}: the environment says {said!r}; expected a number of processes, 1 or more"
        )
    return int(said)


@contextmanager
def fitting(ready: Prepared, parts: Parts) -> Iterator[FitAll | None]:
    """Yield what fits in as many processes as the environment says; None for this process alone.

    A notebook's components have no file that a worker could import: they are fitted here.
    """
    count = workers()
    if count == 1 or not _built_elsewhere(ready):
        yield None
        return
    from loky import ProcessPoolExecutor

    with tempfile.TemporaryDirectory(prefix="bt_run_fits_") as name:
        folder = Path(name)
        store_bars(ready.bars, folder)
        tree = json.dumps(
            placed(ready.config, ready.bound) | {"sweep": None, "reports": []}
        )
        pool = ProcessPoolExecutor(max_workers=count, env=dict(ONE_THREAD))
        try:
            yield _Pool(pool, folder, tree, tuple(ready.sources.items()))
        finally:
            pool.shutdown(wait=True, kill_workers=True)


@dataclass(frozen=True)
class _Pool:
    """Processes that fit; the bars and rehearsals lie in a ``folder``."""

    pool: Any
    folder: Path
    tree: str
    sources: tuple[tuple[str, str], ...]

    def __call__(
        self, stage: Stage, cutoffs: Sequence[int], found: Rehearsal
    ) -> list[Fitted | None]:
        file = self.folder / f"{stage.path}.rehearsal"
        told = (dict(found.weights), dict(found.nav), dict(found.notes))
        file.write_bytes(pickle.dumps(told))
        futures = [
            self.pool.submit(_fit, self.tree, self.sources, str(file), cutoff)
            for cutoff in cutoffs
        ]
        return [future.result() for future in futures]


def _fit(
    tree: str, sources: tuple[tuple[str, str], ...], file: str, cutoff: int
) -> Fitted | None:
    """Fit one learner in this process, which keeps what it prepared and the last rehearsal."""
    path = Path(file)
    ready = _prepared(tree, str(path.parent), sources)
    pipeline = ready.parts.pipeline
    assert pipeline is not None
    stage = next(one for one in pipeline.learners if one.path == path.stem)
    room = classroom(ready.config, ready.parts, ready.bars)
    return fit_one(stage, lesson_of(room, pipeline.limits, _rehearsal(file), cutoff))


@lru_cache(maxsize=1)
def _prepared(tree: str, bars: str, sources: tuple[tuple[str, str], ...]) -> Prepared:
    config = RunConfig.model_validate(json.loads(tree))
    return prepare_on(config, map_bars(Path(bars)), dict(sources))


@lru_cache(maxsize=1)
def _rehearsal(file: str) -> Rehearsal:
    weights, nav, notes = pickle.loads(Path(file).read_bytes())
    return Rehearsal(weights, nav, notes)


def _built_elsewhere(ready: Prepared) -> bool:
    """Tell whether a worker can import every component of the run."""
    return all(getattr(one.offer.module, "__file__", None) for one in ready.bound)
