"""The pictures of the report ``comparison`` inside the page, for a run that names it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from types import MappingProxyType

from bt_run import BacktestResult
from bt_run_plugins.page.parts import Picture, Section
from bt_run_plugins.reports.comparison import PICTURES, png, rolling_tracking_error

REPORT = "comparison"
DPI = 110
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "clone_vs_benchmark": "Run and benchmark, over- and underperformance shaded",
        "tracking_error": "Tracking error over the last 63 sessions, per year",
        "weight_evolution": "Weights over time, fractions of NAV",
    }
)


def tracking_sections(result: BacktestResult) -> tuple[Section, ...]:
    """Return the section on following the benchmark, where the run names the report for it."""
    named = [report.use for report in result.config.reports]
    if REPORT not in named:
        return ()
    texts = _texts(result)
    pictures = []
    for name, draw in PICTURES.items():
        data = b64encode(png(result, draw, dpi=DPI)).decode()
        pictures.append(Picture(TITLES[name], texts[name], data))
    lead = "How closely the run followed its benchmark."
    return (Section("tracking", "Tracking", lead, tuple(pictures)),)


def _texts(result: BacktestResult) -> Mapping[str, str]:
    """Return what each picture shows, in words."""
    config = result.config
    error = "Too short."
    rolled = rolling_tracking_error(result).dropna()
    if len(rolled):
        error = f"Between {rolled.min():.2%} and {rolled.max():.2%} a year."
    return {
        "clone_vs_benchmark": f"Growth of 1 of {config.name} and of {config.data.benchmark}.",
        "tracking_error": error,
        "weight_evolution": "Stacked areas: the largest assets by name, the others together, cash.",
    }
