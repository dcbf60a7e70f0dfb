"""How a sweep goes through its values: all, some at random, or asked of Optuna in batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from bt_run.config.search_space import Axis, LogUniform, values_of
from bt_run.config.sweep_config import SweepConfig
from bt_run.errors import ConfigError
from bt_run.libraries import require_installed
from bt_run.studies.candidates import Candidate, Space, candidate_text, drawn, every

__all__ = ["Search", "search_of"]

TRIES = 200  # questions in a row to Optuna that bring nothing new


class Search(Protocol):
    """What asks for cells in batches, and learns how they did before the next."""

    @property
    def total(self) -> int:
        """Return how many cells there will be, at most."""
        ...

    def ask(self) -> list[Candidate]:
        """Return the next batch; empty where the search has ended."""
        ...

    def tell(self, scores: Sequence[float | None]) -> None:
        """Learn the ``scores`` of the last batch, more being better, in the order of asking."""
        ...


def search_of(sweep: SweepConfig, space: Space) -> Search:
    """Return the search of a ``sweep`` through a ``space``.

    Raises:
        ConfigError: the constraints leave nothing, or Optuna is not installed.
    """
    if sweep.search == "optuna":
        require_installed("sweep.search: optuna", {"optuna": "bt-run[tune]"})
        return _OptunaSearch(sweep, space)
    if sweep.search == "exhaustive":
        found = list(every(space))
    else:
        found = list(drawn(space, sweep.n or 0, sweep.seed))
    if not found:
        raise ConfigError(
            f"sweep: no cell is left: of {space.size or 'all'} combinations every one breaks a "
            f"constraint ({'; '.join(sweep.constraints)})"
        )
    return _Listed(found)


class _Listed:
    """A search that knows from the start what it asks for."""

    def __init__(self, candidates: list[Candidate]) -> None:
        self._candidates = candidates
        self.total = len(candidates)

    def ask(self) -> list[Candidate]:
        found, self._candidates = self._candidates, []
        return found

    def tell(self, scores: Sequence[float | None]) -> None:
        """Learn nothing: it goes on as before."""


class _OptunaSearch:
    """Optuna's TPE by ask and tell, in batches of a fixed size, so that the number of workers
    changes nothing.

    A study that is opened again with the same seed suggests the same again, so each batch has a
    sampler of its own, seeded by (seed, number of the batch).
    """

    def __init__(self, sweep: SweepConfig, space: Space) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._sweep, self._space = sweep, space
        self._study = optuna.create_study(direction="maximize")
        self._asked: list[Any] = []
        self._seen: set[str] = set()
        self._batch = 0
        self.total = sweep.n or 0

    def ask(self) -> list[Candidate]:
        import numpy as np
        import optuna

        seed = int(
            np.random.SeedSequence([self._sweep.seed, self._batch]).generate_state(1)[0]
        )
        self._study.sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        self._batch += 1
        wanted = min(self._sweep.batch, self.total - len(self._seen))
        found: list[Candidate] = []
        self._asked, failed = [], 0
        while len(found) < wanted and failed < TRIES:
            trial = self._study.ask()
            candidate = tuple(
                (key, _suggested(trial, key, axis))
                for key, axis in self._space.axes.items()
            )
            text = candidate_text(candidate)
            if text in self._seen or not self._space.allows(candidate):
                failed += 1
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
                continue
            failed = 0
            self._seen.add(text)
            self._asked.append(trial)
            found.append(candidate)
        return found

    def tell(self, scores: Sequence[float | None]) -> None:
        import optuna

        for trial, score in zip(self._asked, scores, strict=True):
            if score is None:
                self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                self._study.tell(trial, score)


def _suggested(trial: Any, key: str, axis: Axis) -> Any:
    if isinstance(axis, LogUniform):
        low, high = axis.log_uniform
        if axis.whole:
            return trial.suggest_int(key, low, high, log=True)
        return trial.suggest_float(key, low, high, log=True)
    values = values_of(axis) or ()
    numbers = all(
        isinstance(item, int | float) and not isinstance(item, bool) for item in values
    )
    if numbers and list(values) == sorted(values):
        # a place on the way, so that neighbours are near each other
        return values[trial.suggest_int(key, 0, len(values) - 1)]
    return values[trial.suggest_categorical(key, list(range(len(values))))]
