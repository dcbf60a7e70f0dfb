"""Lay finished runs side by side: metrics, what differs in their configurations and data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bt_run.errors import ConfigError
from bt_run.results.config_changes import config_differences
from bt_run.results.metric_definitions import DEFINITIONS, HEADLINE, format_metric
from bt_run.results.result import BacktestResult
from bt_run.results.run_folder import load_result
from bt_run.text import aligned

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Runs side by side, the first being what the others are compared with.

    Attributes:
        labels: a name for each run, all different.
        results: the runs.
        differences: label -> what is another than in the first run, a line each.
    """

    labels: tuple[str, ...]
    results: tuple[BacktestResult, ...]
    differences: Mapping[str, tuple[str, ...]]

    @property
    def text(self) -> str:
        """Return the comparison as aligned columns and lines."""
        rows = [
            ["", *self.labels, "benchmark of the first"],
            ["Period", *(result.period for result in self.results), ""],
            *(self._row(metric) for metric in HEADLINE),
        ]
        lines = aligned(rows)
        for label, found in self.differences.items():
            same = ("the same configuration, data, sources and versions",)
            lines += ["", f"{label} beside {self.labels[0]}:"]
            lines += [f"  {text}" for text in found or same]
        return "\n".join(lines)

    def _row(self, metric: str) -> list[str]:
        values = [result.metrics[metric]["run"] for result in self.results]
        values.append(self.results[0].metrics[metric]["benchmark"])
        return [
            DEFINITIONS[metric].label,
            *(format_metric(metric, value) for value in values),
        ]


def compare(folders: Sequence[Path]) -> Comparison:
    """Lay the runs in two or more folders side by side.

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
    return Comparison(labels=labels, results=results, differences=differences)


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
