"""A sweep: many configurations, each a cell, played by an executor and counted by the driver."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bt_run.atomic import forget_dead, locked
from bt_run.backtest.preparing import Prepared, is_of_the_data, prepare, set_key
from bt_run.config.canonical_form import NO_PART_OF_A_RESULT, placed
from bt_run.config.places import locate
from bt_run.config.run_config import RunConfig
from bt_run.config.sweep_config import SweepConfig
from bt_run.data.stored import store_bars
from bt_run.errors import ConfigError
from bt_run.results.sources import local_file_hash
from bt_run.studies.candidates import Candidate, Space, candidate_text, space_of
from bt_run.studies.cells import Cell, Outcome
from bt_run.studies.counting import Judged, TrialSubject, trial_of
from bt_run.studies.executors import Executor
from bt_run.studies.identities import CellKeys
from bt_run.studies.kept_cells import KeptCells
from bt_run.studies.scores import Score, score_called
from bt_run.studies.searching import Search, search_of
from bt_run.studies.trials import TrialLedger

__all__ = ["Sweep", "Tried", "open_sweep"]

BARS = ".bars-"

# how many cells have ended, of how many, and the outcome of the last
Told = Callable[[int, int, Outcome], None]


@dataclass(frozen=True)
class Tried:
    """A cell that was asked for.

    Attributes:
        number: its place in the order of asking, from 1.
        candidate: the values of its keys.
        key: the run id of its configuration.
        outcome: what became of it.
        score: by the sweep's score; None where it is not defined.
    """

    number: int
    candidate: Candidate
    key: str
    outcome: Outcome
    score: float | None


@dataclass(frozen=True)
class _Asked:
    """A candidate with all that is needed to play and to count it."""

    candidate: Candidate
    cell: Cell
    subject: TrialSubject


class Sweep:
    """A configuration with a sweep, its bars loaded once; ``open_sweep`` makes one."""

    def __init__(self, config: RunConfig, bars: Path, *, offline: bool) -> None:
        assert config.sweep is not None
        self.score: Score = score_called_at(config)
        self._offline, self._bars, self._keys = offline, bars, CellKeys()
        self._variants: dict[str, _Variant] = {}
        self.config = config
        self.settings: SweepConfig = config.sweep
        self.prepared = self._variant(()).prepared
        tree = placed(self.prepared.config, self.prepared.bound)
        self.space: Space = space_of(config.sweep, tree, config._places)
        self.search: Search = search_of(config.sweep, self.space)

    @property
    def key(self) -> str:
        """Return the run id of the configuration that is varied."""
        return self._keys.key(self.prepared)

    @property
    def prepared_folder(self) -> Path:
        """Return where the bars of that configuration are stored."""
        return self._variant(()).bars

    @property
    def family(self) -> str:
        """Return the name under which the sweep's trials count together."""
        ready = self.prepared
        return TrialSubject.of(ready.config, ready.bound, "", "").family

    def config_of(self, candidate: Candidate) -> RunConfig:
        """Return the configuration of an ordinary run of a ``candidate``."""
        return self._with(candidate).model_copy(update={"sweep": None})

    def asked(self, candidate: Candidate) -> _Asked:
        """Return what a ``candidate`` is to be played as.

        Raises:
            ConfigError: a key of it is unknown, or its value cannot be; with the place in the file.
        """
        try:
            return self._asked(candidate)
        except ConfigError as error:
            raise ConfigError(self._placed(candidate, str(error))) from error

    def play(
        self,
        executor: Executor,
        kept: KeptCells,
        ledger: TrialLedger | None,
        tell: Told | None = None,
    ) -> list[Tried]:
        """Play every cell that the search asks for and ``kept`` does not have, on ``executor``;
        keep and count each as soon as it is known.

        Cells that fail are no trials, are not kept, and are tried again by the next sweep.
        ``ledger`` is None where nobody counts. ``tell`` learns of each cell that ends.

        Raises:
            BtRunError: a candidate cannot run, or the executor or the ledger failed.
        """
        tried: list[Tried] = []
        while batch := self.search.ask():
            asked = [self.asked(candidate) for candidate in batch]
            outcomes = _Outcomes(len(tried), self.search.total, tell)
            for item in asked:
                outcomes.begin(item.cell, executor, kept)
            counted = 0
            for key, outcome in outcomes.ended(executor):
                if outcome.status == "ok" and outcome.result is not None:
                    kept.put(key, outcome.result)
                counted = self._count(asked, outcomes, counted, ledger)
            self._count(asked, outcomes, counted, ledger)
            for item in asked:
                outcome = outcomes.known[item.cell.key]
                score = self._score(outcome)
                tried.append(
                    Tried(len(tried) + 1, item.candidate, item.cell.key, outcome, score)
                )
            self.search.tell(
                [
                    None if one.score is None else self.score.sign * one.score
                    for one in tried[-len(asked) :]
                ]
            )
        return tried

    def _count(
        self,
        asked: Sequence[_Asked],
        outcomes: _Outcomes,
        begin: int,
        ledger: TrialLedger | None,
    ) -> int:
        """Count what is known from ``begin`` on without a gap, so that numbers follow the order of
        asking whoever is faster; return where the gap is.
        """
        end = begin
        while end < len(asked) and asked[end].cell.key in outcomes.known:
            end += 1
        trials = []
        for item in asked[begin:end]:
            outcome = outcomes.known[item.cell.key]
            result = outcome.result
            if result is not None and len(result.returns):
                judged = Judged(self.score.name, self._score(outcome), self.config.name)
                trials.append(
                    trial_of(item.subject, result.sessions, result.returns, judged)
                )
        if ledger is not None and trials:
            ledger.add(trials)
        return end

    def _score(self, outcome: Outcome) -> float | None:
        return None if outcome.result is None else self.score.of(outcome.result)

    def _asked(self, candidate: Candidate) -> _Asked:
        _refuse_idle(candidate)
        data = tuple((key, value) for key, value in candidate if is_of_the_data(key))
        rest = tuple(item for item in candidate if item not in data)
        variant = self._variant(data)
        ready = variant.prepared.changed(dict(rest))
        key = self._keys.key(ready)
        cell = Cell(
            key=key,
            config=variant.config,
            overrides=rest,
            plugins=variant.plugins,
            bars=str(variant.bars),
            sources=tuple(sorted(ready.sources.items())),
            timeout=self.settings.timeout,
        )
        subject = TrialSubject.of(ready.config, ready.bound, key, ready.fingerprint)
        return _Asked(candidate, cell, subject)

    def _variant(self, data: Candidate) -> _Variant:
        """Return the configuration with other ``data``, loaded once."""
        name = candidate_text(data)
        if name not in self._variants:
            config = self._with(data) if data else self.config
            prepared = prepare(config, offline=self._offline)
            folder = self._bars / prepared.bars.fingerprint[:16]
            store_bars(prepared.bars, folder)
            self._variants[name] = _Variant.of(prepared, folder)
        return self._variants[name]

    def _with(self, candidate: Candidate) -> RunConfig:
        """Return the configuration with other values, its paths absolute."""
        tree: dict[str, Any] = placed(self.prepared.config, self.prepared.bound)
        for key, value in candidate:
            set_key(tree, key, value)
        return RunConfig.model_validate(tree)

    def _placed(self, candidate: Candidate, text: str) -> str:
        """Return an error with the place of the swept key that it names, or of all of them."""
        named = [key for key, _ in candidate if key in text]
        named = named or [key for key, _ in candidate if key.rpartition(".")[0] in text]
        path = ("sweep", "over", *named[:1])
        first = text.splitlines()[0]
        return locate(self.config._places, path, first, key=True)


@dataclass(frozen=True)
class _Variant:
    """A configuration with its data, as cells are sent it."""

    prepared: Prepared
    config: str
    bars: Path
    plugins: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, prepared: Prepared, bars: Path) -> _Variant:
        tree = placed(prepared.config, prepared.bound)
        # a cell is a run: neither what it is a cell of, nor what is written of it
        tree |= {"sweep": None, "reports": []}
        files = [path.resolve() for path in prepared.config.plugins]
        plugins = tuple((str(path), local_file_hash(path)) for path in files)
        return cls(prepared, json.dumps(tree), bars, plugins)


def _refuse_idle(candidate: Candidate) -> None:
    """Refuse a key that changes no number: its cells would all be one."""
    for key, _ in candidate:
        if key.partition(".")[0] in NO_PART_OF_A_RESULT:
            raise ConfigError(
                f"{key}: changes no number of a run; expected a key that does, such as "
                "strategy.fast"
            )


class _Outcomes:
    """The outcomes of a batch by key, as they become known."""

    def __init__(self, before: int, total: int, tell: Told | None) -> None:
        self.known: dict[str, Outcome] = {}
        self._waiting: set[str] = set()
        self._count, self._total, self._tell = before, total, tell

    def begin(self, cell: Cell, executor: Executor, kept: KeptCells) -> None:
        if cell.key in self.known or cell.key in self._waiting:
            return
        found = kept.get(cell.key)
        if found is None:
            self._waiting.add(cell.key)
            executor.submit(cell.key, cell)
        else:
            self._note(cell.key, Outcome("ok", "kept", found))

    def ended(self, executor: Executor) -> Iterator[tuple[str, Outcome]]:
        if not self._waiting:
            return
        for key, outcome in executor.done():
            self._note(key, outcome)
            yield key, outcome

    def _note(self, key: str, outcome: Outcome) -> None:
        self.known[key] = outcome
        self._count += 1
        if self._tell is not None:
            self._tell(self._count, self._total, outcome)


def score_called_at(config: RunConfig) -> Score:
    """Return the score of a configuration's sweep.

    Raises:
        ConfigError: there is none of that name, or folds cannot use it; with its place.
    """
    assert config.sweep is not None
    try:
        if config.risk_free == "cash":
            raise ConfigError(
                "sweep.score: was asked for with risk_free: cash, which is known of a run only; "
                "expected a number in risk_free"
            )
        score = score_called(config.sweep.score, float(config.risk_free))
        if config.sweep.folds is not None:
            score.refuse_for_windows()
    except ConfigError as error:
        place = ("sweep", "score")
        raise ConfigError(locate(config._places, place, str(error))) from error
    return score


@contextmanager
def open_sweep(config: RunConfig, place: Path, *, offline: bool) -> Iterator[Sweep]:
    """Yield the sweep of ``config``, its bars stored below the folder ``place`` as long as it is
    open; ``offline`` forbids the network.

    Raises:
        ConfigError: there is no sweep in it, or it cannot be.
        BtRunError: the configuration, the data or a plugin do not allow the run.
    """
    if config.sweep is None:
        raise ConfigError(
            f"{config.name}: has no `sweep:`; expected one, such as "
            "`sweep: {over: {strategy.fast: [20, 50, 100]}}`"
        )
    with bars_folder(place) as folder:
        yield Sweep(config, folder, offline=offline)


@contextmanager
def bars_folder(place: Path) -> Iterator[Path]:
    """Yield a folder of this process in ``place``, gone afterwards; remove those of the dead."""
    place.mkdir(parents=True, exist_ok=True)
    for left in place.glob(f"{BARS}*"):
        number = left.name.removeprefix(BARS)
        if number.isdigit():
            forget_dead(left, left.with_name(f"{left.name}.lock"), int(number))
    folder = place / f"{BARS}{os.getpid()}"
    lock = folder.with_name(f"{folder.name}.lock")
    with locked(lock):
        try:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    lock.unlink(missing_ok=True)
