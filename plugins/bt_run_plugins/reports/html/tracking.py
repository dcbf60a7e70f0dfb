"""The pictures of the report ``comparison`` inside the page, for a run that names it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from types import MappingProxyType

from bt_run import BacktestResult
from bt_run_plugins.page.parts import Picture, Section
from bt_run_plugins.reports.comparison import PICTURES, png, rolling_tracking_error

_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "clone_vs_benchmark": "Run and benchmark, over- and underperformance shaded",
        "tracking_error": "Tracking error over the last 63 sessions, per year",
        "weight_evolution": "Weights over time, fractions of NAV",
    }
)


def tracking_sections(result: BacktestResult) -> tuple[Section, ...]:
    """Return the section on following the benchmark, where the run names the report for it."""
    if not any(report.use == "comparison" for report in result.config.reports):
        return ()
    rolling = rolling_tracking_error(result).dropna()
    texts = {
        "clone_vs_benchmark": f"Growth of 1 of {result.config.name} and of "
        f"{result.config.data.benchmark}.",
        "tracking_error": f"Between {rolling.min():.2%} and {rolling.max():.2%} a year."
        if len(rolling)
        else "Too short.",
        "weight_evolution": "Stacked areas: the largest assets by name, the others together, cash.",
    }
    pictures = tuple(
        Picture(_TITLES[name], texts[name], b64encode(png(result, draw, dpi=110)).decode())
        for name, draw in PICTURES.items()
    )
    return (
        Section("tracking", "Tracking", "How closely the run followed its benchmark.", pictures),
    )
