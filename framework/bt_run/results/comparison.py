"""Lay finished runs side by side: metrics, what differs in their configurations and data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bt_run.errors import ConfigError
from bt_run.results.config_changes import config_differences
from bt_run.results.metrics import DEFINITIONS, HEADLINE, format_metric
from bt_run.results.result import BacktestResult
from bt_run.results.run_folder import load_result

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Hold runs side by side, the first being what the others are compared with.

    Attributes:
        labels: a name for each run, all different.
        differences: label -> what is another than in the first run, a line each.
    """

    labels: tuple[str, ...]
    results: tuple[BacktestResult, ...]
    differences: Mapping[str, tuple[str, ...]]

    @property
    def text(self) -> str:
        """Return the comparison as aligned columns and lines."""
        rows = [["", *self.labels, "benchmark of the first"]]
        periods = [f"{r.nav.index[0]:%Y-%m-%d} to {r.nav.index[-1]:%Y-%m-%d}" for r in self.results]
        rows.append(["Period", *periods, ""])
        for metric in HEADLINE:
            values = [result.metrics[metric]["run"] for result in self.results]
            values.append(self.results[0].metrics[metric]["benchmark"])
            rows.append(
                [DEFINITIONS[metric].label, *(format_metric(metric, value) for value in values)]
            )
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
            for row in rows
        ]
        for label, found in self.differences.items():
            lines += ["", f"{label} beside {self.labels[0]}:"]
            lines += [f"  {text}" for text in found] or [
                "  the same configuration, data, sources and versions"
            ]
        return "\n".join(lines)


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
    labels: list[str] = []
    for result in results:
        names = [other.config.name for other in results]
        label = (
            result.config.name
            if names.count(result.config.name) == 1
            else f"{result.config.name} {result.run_id}"
        )
        again = sum(known == label or known.startswith(f"{label} #") for known in labels)
        labels.append(f"{label} #{again + 1}" if again else label)
    first = results[0]
    differences = {
        label: tuple(_differences(first, other))
        for label, other in zip(labels[1:], results[1:], strict=True)
    }
    return Comparison(labels=tuple(labels), results=results, differences=differences)


def _differences(first: BacktestResult, other: BacktestResult) -> list[str]:
    lines = [
        f"config: {text}"
        for text in config_differences(first.manifest["config"], other.manifest["config"])
    ]
    if first.manifest["data"] != other.manifest["data"]:
        was, now = (result.manifest["data"][:12] for result in (first, other))
        lines.append(f"data: the fingerprint was {was}, is {now}")
        lines += [f"data: only here: {note}" for note in other.notes if note not in first.notes]
        lines += [f"data: only there: {note}" for note in first.notes if note not in other.notes]
    for key, what in (("sources", "source"), ("versions", "version")):
        was, now = first.manifest[key], other.manifest[key]
        lines += [
            f"{what}: {name} was {was.get(name, 'not there')[:16]}, is "
            f"{now.get(name, 'not there')[:16]}"
            for name in sorted(was.keys() | now.keys())
            if was.get(name) != now.get(name)
        ]
    return lines
