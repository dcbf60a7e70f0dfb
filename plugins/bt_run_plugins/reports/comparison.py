"""The report ``comparison``: a run beside its benchmark and equal weight, as a table and three
pictures.

Each picture is a function that draws into given axes, so that other reports can use it too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run import (
    BacktestResult,
    BuildContext,
    Component,
    Config,
    hookimpl,
    sessions_per_year,
)
from bt_run_plugins.figures.pages import GREY, own_style, tidy_dates

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "COMPARED",
    "PICTURES",
    "BenchmarkComparison",
    "bt_reports",
    "comparison_table",
    "draw_clone_vs_benchmark",
    "draw_tracking_error",
    "draw_weight_evolution",
    "picture_file",
    "png",
    "rolling_tracking_error",
]

TABLE = "strategy_comparison.csv"
DPI = 150
WINDOW = 63  # sessions: a quarter
NOTE_WIDTH, NOTE_LINES = 170, 6  # characters and lines of the notes under a picture
LOG_FROM = (
    5.0  # times the lowest value, from which on a linear axis hides the early years
)
DUST = 1e-9  # of NAV: rounding, not a short position
NAMED = 12  # assets with a colour of their own
ABOVE, BELOW, RUN, BENCHMARK = "#7fbf7b", "#e08a84", "#1b6e4b", "#555555"
OTHERS, CASH = "#b9b9b9", "#eeeeee"
ROWS = ("run", "benchmark", "equal_weight")
COMPARED = (
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
    "tracking_error",
    "information_ratio",
    "beta",
    "turnover_one_way",
    "turnover_two_way",
    "costs",
)


class BenchmarkComparisonConfig(Config):
    """Configuration of the comparison: there is nothing to choose."""


@dataclass(frozen=True)
class BenchmarkComparison:
    """The writer of ``strategy_comparison.csv`` and three PNG pictures; equal results give equal
    bytes.
    """

    def write(self, result: BacktestResult, folder: Path) -> list[Path]:
        """Write the files into ``folder`` and return their paths, the table first."""
        table = folder / TABLE
        comparison_table(result).to_csv(table, lineterminator="\n")
        paths = [table]
        for name, draw in PICTURES.items():
            path = folder / picture_file(result, name)
            path.write_bytes(png(result, draw, dpi=DPI))
            paths.append(path)
        return paths


def picture_file(result: BacktestResult, name: str) -> str:
    """Return the file of a picture, which carries the benchmark's name where it shows the
    benchmark: ``clone_vs_spy.png``.
    """
    words = re.findall(r"[a-z0-9]+", result.config.data.benchmark.lower())
    return f"{name.replace('benchmark', '_'.join(words) or 'benchmark')}.png"


def comparison_table(result: BacktestResult) -> pd.DataFrame:
    """Return the metrics of ``COMPARED``, plain numbers: a row each for run, benchmark and
    equal_weight.

    What is not defined is NaN. Returns, risks and turnover are fractions per year, costs are money.
    """
    import pandas as pd

    values = {}
    for metric in COMPARED:
        values[metric] = [result.metrics[metric][name] for name in ROWS]
    index = pd.Index(ROWS, name="strategy")
    return pd.DataFrame(values, index=index, dtype=float)


def rolling_tracking_error(result: BacktestResult) -> pd.Series[float]:
    """Return sqrt(n mean(d^2)) over 63 sessions, d = daily return less the benchmark's."""
    import pandas as pd

    navs = result.closes[["nav", "benchmark"]]
    returns = navs / navs.shift() - 1.0
    difference = (returns["nav"] - returns["benchmark"]).iloc[1:]
    mean = (difference**2).rolling(WINDOW).mean()
    sessions = pd.DatetimeIndex(navs.index).tz_localize(None).to_numpy()
    rolled: pd.Series[float] = np.sqrt(sessions_per_year(sessions) * mean)
    return rolled


def draw_clone_vs_benchmark(result: BacktestResult, axes: Axes) -> None:
    """Draw the growth of 1 in the run and in the benchmark; what lies between is shaded by its
    sign.
    """
    from matplotlib.ticker import LogLocator

    closes = result.closes
    config = result.config
    own = closes["nav"] / closes["nav"].iloc[0]
    other = closes["benchmark"] / closes["benchmark"].iloc[0]
    days = _days(closes.index)
    shade = partial(axes.fill_between, days, own, other, alpha=0.55, lw=0)
    shade(where=own >= other, color=ABOVE, label="ahead")
    shade(where=own < other, color=BELOW, label="behind")
    axes.plot(days, own, color=RUN, lw=1.2, label=config.name)
    axes.plot(
        days,
        other,
        color=BENCHMARK,
        lw=1.0,
        label=f"benchmark {config.data.benchmark}",
    )
    lowest = min(own.min(), other.min())
    highest = max(own.max(), other.max())
    wide = highest > LOG_FROM * lowest
    if wide:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_title("Growth of 1, log scale" if wide else "Growth of 1", loc="left")
    axes.legend(loc="upper left", ncols=2, frameon=False)


def draw_tracking_error(result: BacktestResult, axes: Axes) -> None:
    """Draw the rolling tracking error, with that of the whole run as a line across."""
    rolled = rolling_tracking_error(result)
    days = _days(rolled.index)
    axes.fill_between(days, 0.0, rolled, color=RUN, alpha=0.25, lw=0)
    axes.plot(days, rolled, color=RUN, lw=1.0)
    whole = result.metrics["tracking_error"]["run"]
    if whole is not None:
        axes.axhline(
            whole,
            color=BENCHMARK,
            lw=0.9,
            ls="--",
            label=f"whole run {whole:.2%}",
        )
        axes.legend(loc="upper right", frameon=False)
    axes.set_ylim(bottom=0.0)
    axes.yaxis.set_major_formatter(_percent_text)
    title = f"Tracking error over {WINDOW} sessions, per year: sqrt(sessions a year x mean(d²))"
    axes.set_title(title, loc="left")


def draw_weight_evolution(result: BacktestResult, axes: Axes) -> None:
    """Draw the weights at each close as a stack: the largest names, the others in one, and cash."""
    import matplotlib

    weights = _weights(result)
    named = weights.shape[1] - 2
    palette: Any = matplotlib.colormaps["tab20"]
    colors = [*palette.colors[:named], OTHERS, CASH]
    days = _days(weights.index)
    longs = weights.clip(lower=0.0)
    axes.stackplot(days, longs.T, labels=list(weights.columns), colors=colors, lw=0)
    if (weights < -DUST).to_numpy().any():
        shorts = weights.clip(upper=0.0)
        axes.stackplot(days, shorts.T, colors=colors, lw=0)
        axes.axhline(0.0, color=BENCHMARK, lw=0.8)
    axes.margins(x=0.0, y=0.0)
    axes.yaxis.set_major_formatter(_percent_text)
    axes.set_title("Weights at the close, fraction of NAV", loc="left")
    handles, labels = axes.get_legend_handles_labels()
    # from the top down, as they are stacked
    axes.legend(
        handles[::-1],
        labels[::-1],
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
    )


PICTURES: Mapping[str, Callable[[BacktestResult, Axes], None]] = MappingProxyType(
    {
        "clone_vs_benchmark": draw_clone_vs_benchmark,
        "tracking_error": draw_tracking_error,
        "weight_evolution": draw_weight_evolution,
    }
)


def _weights(result: BacktestResult) -> pd.DataFrame:
    """Return weights by session: the names with the largest mean, ``N others`` and ``cash``."""
    closes = result.closes
    values = result.positions.pivot(index="time", columns="asset", values="value")
    values = values.reindex(closes["time"]).fillna(0.0)
    held = values.div(closes["worth"].to_numpy(), axis=0).set_axis(closes.index)
    size = held.abs().mean()
    order = list(size.sort_values(ascending=False, kind="stable").index)
    named = order[:NAMED]
    rest = order[NAMED:]
    out = held[named].copy()
    out[f"{len(rest)} others" if rest else "others"] = held[rest].sum(axis=1)
    out["cash"] = 1.0 - held.sum(axis=1)
    return out


def png(
    result: BacktestResult,
    draw: Callable[[BacktestResult, Axes], None],
    *,
    dpi: int,
) -> bytes:
    """Return one picture as PNG; without pyplot there is nothing to close, and no setting of the
    user's is touched.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with own_style():
        figure = Figure(figsize=(10.0, 5.0), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        draw(result, axes)
        tidy_dates(axes)
        title = f"{result.config.name}   run {result.run_id}"
        figure.suptitle(title, x=0.01, ha="left", size=8, color=GREY)
        if result.notes:
            # a picture is passed on alone: what its data are goes with it
            lines = [line for note in result.notes for line in wrap(note, NOTE_WIDTH)]
            figure.supxlabel(
                "\n".join(lines[:NOTE_LINES]), x=0.01, ha="left", size=6.5, color=GREY
            )
        out = BytesIO()
        figure.savefig(out, format="png", dpi=dpi, metadata={"Software": None})
    return out.getvalue()


def _days(index: pd.Index[Any]) -> pd.DatetimeIndex:
    """Return dates without a zone, for the axis."""
    import pandas as pd

    return pd.DatetimeIndex(index).tz_localize(None)


def _percent_text(value: float, _: float) -> str:
    return f"{100 * value:.4g}%"


@hookimpl
def bt_reports() -> Iterable[Component]:
    return [
        Component(
            name="comparison",
            config=BenchmarkComparisonConfig,
            build=_build,
            summary="run, benchmark and equal weight in a CSV, with pictures of growth, tracking "
            "error and weights",
        )
    ]


def _build(_: BenchmarkComparisonConfig, __: BuildContext) -> BenchmarkComparison:
    return BenchmarkComparison()
