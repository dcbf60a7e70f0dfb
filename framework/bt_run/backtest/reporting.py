"""Write reports about results that exist: one of a run, one that lays runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bt_run.component import BuildContext
from bt_run.errors import ConfigError, PluginError
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.results.comparison import Comparison
from bt_run.results.result import BacktestResult
from bt_run.roles import Compares

__all__ = ["write_comparison", "write_report"]


def write_report(
    result: BacktestResult, name: str, folder: Path | None = None
) -> tuple[Path, ...]:
    """Write the report called ``name``, with its defaults, into ``folder`` or else the run's own
    folder; return the files.

    Raises:
        ConfigError: no such report is installed, or there is no folder to write to.
    """
    place = folder or result.folder
    if place is None:
        raise ConfigError(
            f"the report {name!r} has no folder to go to: the run was not written; pass one, or "
            "`run(config, out)`"
        )
    place.mkdir(parents=True, exist_ok=True)
    built, _ = _build(name, result.config.plugins)
    return tuple(built.write(result, place))


def write_comparison(comparison: Comparison, path: Path, report: str) -> None:
    """Write a comparison with an installed report that has ``compare(comparison, path)``.

    Raises:
        ConfigError: no such report is installed.
        PluginError: the report cannot compare.
    """
    built, origin = _build(report, ())
    if not isinstance(built, Compares):
        raise PluginError(
            f"the report {report!r} ({origin}) has no compare(comparison, path); choose one that "
            "has"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    built.compare(comparison, path)


def _build(name: str, files: Sequence[Path]) -> tuple[Any, str]:
    """Return a report built with its defaults, and where it comes from."""
    offer = catalogue(get_plugin_manager(files)).find("report", name)
    return offer.component.build(
        offer.component.config(), BuildContext(costs=None)
    ), offer.origin
