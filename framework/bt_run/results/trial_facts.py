"""The trial that a run is: its number, and what that makes of its Sharpe ratio."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from bt_run.errors import DataError
from bt_run.text import counted

__all__ = ["TRIAL_FILE", "TrialFacts", "read_trial", "trial_sentence"]

TRIAL_FILE = "trial.json"
NOT_COUNTED = "no ledger was kept: this number has no trial count"


@dataclass(frozen=True, kw_only=True)
class TrialFacts:
    """What the ledger says of a run; ratios are per year, as they are printed.

    Attributes:
        family: the research's name, or else the assets and the benchmark.
        number: the place of the run among the trials counted together, by when they were made.
        of: how many these are.
        others: trials on the same assets under other names of research.
        row: the hash of the run's row in the ledger.
        sharpe: of the run; None where it is not defined.
        best_of_noise: the Sharpe that the best of as many strategies without skill would reach.
        years: the length of the record.
        deflated: probability that the true Sharpe is above 0, after all these trials.
        clusters: groups of trials alike; for information only.
        overfitting: probability of backtest overfitting among the trials.
        overfitting_reason: why there is none.
        configurations: among how many it was computed.
    """

    family: str
    number: int
    of: int
    others: int
    row: str
    sharpe: float | None
    best_of_noise: float | None
    years: float
    deflated: float | None
    clusters: int
    overfitting: float | None
    overfitting_reason: str
    configurations: int

    def as_json(self) -> dict[str, Any]:
        """Return the content of ``trial.json``."""
        return asdict(self)


def read_trial(folder: Path) -> TrialFacts | None:
    """Return the facts in the ``folder`` of a run; None where no ledger was kept.

    Raises:
        DataError: the file is not what was written.
    """
    path = folder / TRIAL_FILE
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        _refuse_other_keys(found)
        return TrialFacts(**found)
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{path}: cannot be read: {error}; it may be removed, and the run be made again"
        ) from error


def trial_sentence(facts: TrialFacts | None) -> str:
    """Say ``facts`` in one line: which trial a run is, and what of its Sharpe is luck; of None,
    that nobody counted.
    """
    if facts is None:
        return NOT_COUNTED
    alike = f" ({counted(facts.clusters, 'cluster')})" if facts.of > 1 else ""
    parts = [f"trial {facts.number} of {facts.of}{alike}"]
    if facts.sharpe is None:
        parts.append("no Sharpe ratio is defined")
    else:
        parts += _sharpe_words(facts)
    if facts.overfitting is None:
        parts.append(f"no PBO: {facts.overfitting_reason}")
    else:
        over = counted(facts.configurations, "configuration")
        parts.append(f"PBO {facts.overfitting:.2f} over {over}")
    if facts.others:
        parts.append(f"{facts.others} more on these assets under other names")
    return "; ".join(parts)


def _sharpe_words(facts: TrialFacts) -> list[str]:
    words = [f"Sharpe {facts.sharpe:z.2f}"]
    if facts.best_of_noise is not None and facts.of > 1:
        words.append(
            f"the best of {facts.of} skill-less ones would reach {facts.best_of_noise:.2f} in "
            f"{facts.years:.0f} years"
        )
    if facts.deflated is not None:
        words.append(f"deflated Sharpe {facts.deflated:.2f}")
    return words


def _refuse_other_keys(found: Any) -> None:
    if not isinstance(found, Mapping):
        raise ValueError(f"found a {type(found).__name__}; expected a mapping")
    known = {item.name for item in fields(TrialFacts)}
    odd = sorted(known.symmetric_difference(found))
    if odd:
        raise ValueError(f"{odd[0]} is missing or unknown")
