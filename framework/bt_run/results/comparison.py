"""Lay finished runs side by side: metrics, what differs in their configurations and data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run.errors import ConfigError
from bt_run.results.config_changes import config_differences
from bt_run.results.metric_definitions import (
    COLUMNS,
    DEFINITIONS,
    HEADLINE,
    format_metric,
)
from bt_run.results.metrics import record_metrics
from bt_run.results.result import BacktestResult
from bt_run.results.run_folder import load_result
from bt_run.text import aligned, day_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Runs side by side, the first being what the others are compared with.

    Attributes:
        labels: a name for each run, all different.
        results: the runs.
        differences: label -> what is another than in the first run, a line each.
        metrics: of each run, metric -> value, over what is compared.
        benchmark: the same of the first run's benchmark.
        window: the first and the last session that all runs have, where that is not all of each;
            None where each run is measured over its own period.
    """

    labels: tuple[str, ...]
    results: tuple[BacktestResult, ...]
    differences: Mapping[str, tuple[str, ...]]
    metrics: tuple[Mapping[str, float | None], ...] = ()
    benchmark: Mapping[str, float | None] = field(
        default_factory=lambda: MappingProxyType({})
    )
    window: tuple[Any, Any] | None = None

    def closes(self, result: BacktestResult) -> pd.DataFrame:
        """Return the NAV table of a ``result`` at the sessions that are compared."""
        return _inside(result, self.window)

    @property
    def period(self) -> str:
        """Return in words over which sessions the runs are compared."""
        if self.window is None:
            return "each over its own period"
        first, last = map(day_text, self.window)
        return f"{first} to {last}, which all have"

    @property
    def caveats(self) -> Mapping[str, tuple[str, ...]]:
        """Return what a reader must know of the runs -> the labels of those that it is about."""
        found: dict[str, tuple[str, ...]] = {}
        for label, result in zip(self.labels, self.results, strict=True):
            told = result.manifest.get("warnings", ())
            for note in dict.fromkeys((*result.notes, *told)):
                found[note] = (*found.get(note, ()), label)
        return found

    @property
    def text(self) -> str:
        """Return the comparison as aligned columns and lines."""
        rows = [
            ["", *self.labels, "benchmark of the first"],
            ["Period", *(result.period for result in self.results), ""],
            *(self._row(metric) for metric in HEADLINE if self._known(metric)),
        ]
        lines = [*aligned(rows), "", f"compared: {self.period}"]
        for note, labels in self.caveats.items():
            whose = "all" if labels == self.labels else ", ".join(labels)
            lines.append(f"{whose}: {note}")
        for label, found in self.differences.items():
            same = ("the same configuration, data, sources and versions",)
            lines += ["", f"{label} beside {self.labels[0]}:"]
            lines += [f"  {text}" for text in found or same]
        return "\n".join(lines)

    def _known(self, metric: str) -> bool:
        return any(found.get(metric) is not None for found in self.metrics)

    def _row(self, metric: str) -> list[str]:
        values = [found.get(metric) for found in (*self.metrics, self.benchmark)]
        return [
            DEFINITIONS[metric].label,
            *(format_metric(metric, value) for value in values),
        ]


def compare(folders: Sequence[Path], *, whole: bool = False) -> Comparison:
    """Lay the runs in two or more folders side by side, over the sessions that all of them have or,
    with ``whole``, each over its own period.

    What was traded is known of whole runs only, and not defined where a part of one is compared.

    Raises:
        ConfigError: there are fewer than two.
        DataError: a folder holds no run.
    """
    if len(folders) < 2:
        raise ConfigError(
            f"{len(folders)} run was named; a comparison needs two or more folders of runs"
        )
    results = tuple(load_result(folder) for folder in folders)
    labels = _labels(results)
    first = results[0]
    differences = {
        label: tuple(_differences(first, other))
        for label, other in zip(labels[1:], results[1:], strict=True)
    }
    window = None if whole else _common_window(results)
    return Comparison(
        labels=labels,
        results=results,
        differences=differences,
        metrics=tuple(_measured(result, "run", window) for result in results),
        benchmark=_measured(first, "benchmark", window),
        window=window,
    )


def _common_window(results: Sequence[BacktestResult]) -> tuple[Any, Any] | None:
    """Return the first and the last session that all runs have; None where that is all of each, or
    where there are not two.
    """
    indexes = [result.closes.index for result in results]
    spans = [(index[0], index[-1]) for index in indexes]
    first = max(start for start, _ in spans)
    last = min(end for _, end in spans)
    if all(span == (first, last) for span in spans) or not first < last:
        return None
    return first, last


def _measured(
    result: BacktestResult, name: str, window: tuple[Any, Any] | None
) -> dict[str, float | None]:
    """Return the metrics of the run, or of its benchmark, inside a window."""
    if window is None:
        return {metric: values[name] for metric, values in result.metrics.items()}
    import pandas as pd

    closes = _inside(result, window)
    sessions = pd.DatetimeIndex(closes.index).tz_localize(None).to_numpy()
    nav = closes[COLUMNS[name]].to_numpy(dtype=np.float64)
    benchmark = closes["benchmark"].to_numpy(dtype=np.float64)
    return record_metrics(sessions, nav, benchmark, float(result.config.risk_free))


def _inside(result: BacktestResult, window: tuple[Any, Any] | None) -> pd.DataFrame:
    closes = result.closes
    return closes if window is None else closes.loc[window[0] : window[1]]


def _labels(results: Sequence[BacktestResult]) -> tuple[str, ...]:
    """Return a run's name, with its id where two runs share it, numbered where both do."""
    names = [result.config.name for result in results]
    labels: list[str] = []
    for result in results:
        name = result.config.name
        label = name if names.count(name) == 1 else f"{name} {result.run_id}"
        again = sum(
            known == label or known.startswith(f"{label} #") for known in labels
        )
        labels.append(f"{label} #{again + 1}" if again else label)
    return tuple(labels)


def _differences(first: BacktestResult, other: BacktestResult) -> list[str]:
    changes = config_differences(first.manifest["config"], other.manifest["config"])
    return [
        *(f"config: {text}" for text in changes),
        *_data_differences(first, other),
        *_changed(first, other, "sources", "source"),
        *_changed(first, other, "versions", "version"),
    ]


def _data_differences(first: BacktestResult, other: BacktestResult) -> list[str]:
    was, now = first.manifest["data"], other.manifest["data"]
    if was == now:
        return []
    only_here = [note for note in other.notes if note not in first.notes]
    only_there = [note for note in first.notes if note not in other.notes]
    return [
        f"data: the fingerprint was {was[:12]}, is {now[:12]}",
        *(f"data: only here: {note}" for note in only_here),
        *(f"data: only there: {note}" for note in only_there),
    ]


def _changed(
    first: BacktestResult, other: BacktestResult, key: str, what: str
) -> list[str]:
    was, now = first.manifest[key], other.manifest[key]
    changed = [
        name
        for name in sorted(was.keys() | now.keys())
        if was.get(name) != now.get(name)
    ]
    none = "not there"
    return [
        f"{what}: {name} was {was.get(name, none)[:16]}, is {now.get(name, none)[:16]}"
        for name in changed
    ]
