"""What the panels of the returns sheets draw: pyfolio's pictures, drawn once, from arrays.

Importing pyfolio and letting pandas convert dates for it took most of a tear sheet's time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run import SESSIONS, Array
from bt_run.arrays import Indices, Times
from bt_run_plugins.figures.pages import BENCHMARK, FADED, INK, LOSS, PALE, RUN
from bt_run_plugins.reports.numbers import Drawdown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "box_plots",
    "compounded",
    "daily_returns",
    "date_numbers",
    "drawdown_periods",
    "growth",
    "heatmap",
    "histogram",
    "month_numbers",
    "monthly_distribution",
    "plain_days",
    "rolling_beta",
    "rolling_sharpe",
    "rolling_volatility",
    "underwater",
    "week_numbers",
    "yearly_bars",
]

MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
# of the worst falls, the deepest first
SHADES = ("#4d4d4d", "#707070", "#8f8f8f", "#adadad", "#c9c9c9")
BOXES = (
    ("Daily", RUN),
    ("Weekly", FADED),
    ("Monthly", PALE),
)
BINS = 20
DARK = 0.408  # luminance below which text on a colour is white
FAINT = 0.5  # of a legend, over what it hides


def date_numbers(index: pd.Index[pd.Timestamp]) -> Array:
    """Return dates (n,) as matplotlib counts them: it would convert them at every step."""
    import pandas as pd
    from matplotlib import dates

    days = pd.DatetimeIndex(index)
    plain = days if days.tz is None else days.tz_localize(None)
    untyped: Any = dates
    return np.asarray(untyped.date2num(plain.to_numpy()), dtype=np.float64)


def plain_days(index: pd.Index[pd.Timestamp]) -> Times:
    """Return the dates (n,), datetime64[D], of an index in UTC."""
    import pandas as pd

    return pd.DatetimeIndex(index).tz_localize(None).to_numpy().astype("datetime64[D]")


def month_numbers(days: Times) -> Indices:
    """Return the month of each of ``days`` (n,), counted from January 1970."""
    return days.astype("datetime64[M]").astype(np.intp)


def week_numbers(days: Times) -> Indices:
    """Return the week of each of ``days`` (n,), which begins on Monday."""
    # day 0 of the epoch was a Thursday
    return (days.astype("datetime64[D]").astype(np.intp) + 3) // 7


def compounded(returns: Array, periods: Indices) -> Array:
    """Return the compound return of each of the ``periods`` (n,) of rising ``returns`` (n,)."""
    begins = np.flatnonzero(np.append(True, periods[1:] != periods[:-1]))
    growth: Array = np.multiply.reduceat(1.0 + returns, begins)
    return growth - 1.0


def _two_places(axes: Axes) -> None:
    from matplotlib.ticker import StrMethodFormatter

    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:.2f}"))


def _over_time(axes: Axes, x: Array, label: str) -> None:
    axes.set_xlim(x[0], x[-1])
    axes.set_ylabel(label)


def growth(
    axes: Axes, x: Array, returns: Array, market: Array | None, *, log: bool = False
) -> None:
    """Draw the growth of 1 by ``returns`` (n,), and by those of the ``market`` where there are."""
    axes.set_yscale("log" if log else "linear")
    _two_places(axes)
    if market is not None:
        wealth = np.cumprod(1.0 + market)
        axes.plot(x, wealth, lw=1.2, color=BENCHMARK, alpha=0.8, label="benchmark")
    wealth = np.cumprod(1.0 + returns)
    axes.plot(x, wealth, lw=1.2, color=RUN, alpha=0.9, label="run")
    axes.axhline(1.0, linestyle="--", color="black", lw=1)
    axes.legend(loc="upper left", framealpha=FAINT)
    _over_time(axes, x, "Cumulative returns")


def daily_returns(axes: Axes, x: Array, returns: Array) -> None:
    """Draw ``returns`` (n,) themselves."""
    axes.plot(x, returns, color=RUN, lw=1.2)
    _over_time(axes, x, "Returns")


def rolling_volatility(
    axes: Axes, x: Array, run: pd.Series[float], market: pd.Series[float] | None
) -> None:
    """Draw the yearly volatility over windows of half a year."""
    _rolling(axes, x, [_volatility(one) for one in (run, market) if one is not None])
    names = ["run", "benchmark", "mean of the run"]
    _rolling_legend(axes, names, market is not None)
    _over_time(axes, x, "Volatility")


def rolling_sharpe(
    axes: Axes, x: Array, run: pd.Series[float], market: pd.Series[float] | None
) -> None:
    """Draw the Sharpe ratio over windows of half a year."""
    _rolling(axes, x, [_sharpe(one) for one in (run, market) if one is not None])
    names = ["run", "benchmark", "mean of the run"]
    _rolling_legend(axes, names, market is not None)
    _over_time(axes, x, "Sharpe ratio")


def _volatility(returns: pd.Series[float]) -> Array:
    deviation = returns.rolling(SESSIONS // 2).std().to_numpy()
    return np.asarray(deviation * np.sqrt(SESSIONS))


def _sharpe(returns: pd.Series[float]) -> Array:
    window = returns.rolling(SESSIONS // 2)
    ratio = (window.mean() / window.std()).to_numpy()
    return np.asarray(ratio * np.sqrt(SESSIONS))


def _rolling(axes: Axes, x: Array, lines: Sequence[Array]) -> None:
    _two_places(axes)
    for values, color in zip(lines, (RUN, BENCHMARK), strict=False):
        axes.plot(x, values, alpha=0.7, lw=1.2, color=color)
    mean = float(np.nanmean(lines[0]))
    axes.axhline(mean, color=RUN, linestyle=":", lw=1.0)
    axes.axhline(0.0, color="black", linestyle="--", lw=1, zorder=2)


def _rolling_legend(axes: Axes, names: list[str], both: bool) -> None:
    axes.legend(
        names if both else [names[0], names[2]], loc="upper left", framealpha=FAINT
    )


def rolling_beta(
    axes: Axes, x: Array, run: pd.Series[float], market: pd.Series[float]
) -> None:
    """Draw the beta to the ``market`` over windows of half a year and of a year."""
    for window, color, label in (
        (SESSIONS // 2, FADED, "6 months"),
        (SESSIONS, RUN, "12 months"),
    ):
        covariance = run.rolling(window).cov(market)
        beta = covariance / market.rolling(window).var()
        axes.plot(x, beta.to_numpy(), color=color, alpha=0.7, lw=1.2, label=label)
    axes.axhline(1.0, color="black", linestyle="--", lw=1)
    axes.legend(loc="upper left")
    _over_time(axes, x, "Beta")


def drawdown_periods(
    axes: Axes, x: Array, nav: Array, worst: Sequence[Drawdown]
) -> None:
    """Draw growth from the start on, and shade the ``worst`` falls from peak to recovery."""
    _two_places(axes)
    axes.plot(x, nav / nav[0], lw=1.2, color=RUN, label="run")
    axes.legend(loc="upper left", framealpha=FAINT)
    for fall, color in zip(worst, SHADES, strict=False):
        end = len(x) - 1 if fall.recovery is None else fall.recovery
        axes.axvspan(x[fall.peak], x[end], alpha=0.4, color=color, lw=0)
    _over_time(axes, x, "Cumulative returns")


def underwater(axes: Axes, x: Array, nav: Array) -> None:
    """Draw by how much each close lies below the highest before, per cent."""
    from matplotlib.ticker import PercentFormatter

    below = 100.0 * (nav / np.maximum.accumulate(nav) - 1.0)
    axes.fill_between(x, 0.0, below, color=RUN, alpha=0.4, lw=0)
    axes.yaxis.set_major_formatter(PercentFormatter())
    _over_time(axes, x, "Drawdown")


def heatmap(axes: Axes, days: Times, returns: Array, size: int) -> None:
    """Draw the returns of months in per cent, a row a year; ``size`` is that of the numbers."""
    from matplotlib.colors import LinearSegmentedColormap

    periods = month_numbers(days)
    values = 100.0 * np.round(compounded(returns, periods), 3)
    known = np.unique(periods)
    years, months = known // 12 + 1970, known % 12
    columns = np.unique(months)
    grid = np.zeros((int(years[-1] - years[0]) + 1, len(columns)))
    places = years - years[0], np.searchsorted(columns, months)
    grid[places] = values
    most = max(float(np.abs(values).max()), 1e-12)
    # told apart by readers who see no red or green, and those of the page
    shades = [LOSS, "#ffffff", RUN]
    colors = LinearSegmentedColormap.from_list("loss and gain", shades)
    axes.pcolormesh(grid, cmap=colors, vmin=-most, vmax=most)
    for row, column, value in zip(*places, values, strict=True):
        shade = _luminance(colors((value / most + 1.0) / 2.0))
        color = "0.15" if shade > DARK else "white"
        axes.text(
            column + 0.5,
            row + 0.5,
            f"{value:.1f}",
            ha="center",
            va="center",
            size=size,
            color=color,
        )
    axes.set_xticks(np.arange(len(columns)) + 0.5, [MONTHS[one] for one in columns])
    axes.set_yticks(
        np.arange(len(grid)) + 0.5, [str(one) for one in range(years[0], years[-1] + 1)]
    )
    axes.invert_yaxis()
    axes.grid(False)


def _luminance(color: Sequence[float]) -> float:
    """Return the relative luminance of a colour: WCAG 2.1, on sRGB."""
    rgb = np.asarray(color[:3])
    linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def monthly_distribution(axes: Axes, days: Times, returns: Array) -> None:
    """Draw how many months had which return."""
    from matplotlib.ticker import PercentFormatter

    months = 100.0 * compounded(returns, month_numbers(days))
    histogram(axes, months, BINS)
    mean = axes.axvline(float(months.mean()), color=INK, linestyle="--", lw=1)
    axes.axvline(0.0, color="black", lw=1, alpha=0.75)
    axes.legend([mean], ["Mean"], framealpha=FAINT)
    axes.xaxis.set_major_formatter(PercentFormatter(decimals=0))
    axes.set(xlabel="Returns", ylabel="Number of months")


def histogram(axes: Axes, values: Array, bins: int) -> None:
    """Draw how many of some ``values`` (n,) lie in each of so many ``bins``, as one area."""
    counts, edges = np.histogram(values, bins)
    axes.stairs(counts, edges, fill=True, color=RUN, alpha=0.7)


def box_plots(axes: Axes, days: Times, returns: Array) -> None:
    """Draw the quartiles of daily, weekly and monthly returns, and what lies far from them."""
    weekly = compounded(returns, week_numbers(days))
    monthly = compounded(returns, month_numbers(days))
    drawn = axes.boxplot(
        [returns, weekly, monthly],
        patch_artist=True,
        widths=0.8,
        medianprops={"color": "#333333", "lw": 0.8},
        boxprops={"lw": 0.8},
        whiskerprops={"lw": 0.8},
        flierprops={"markersize": 2},
    )
    for box, (_, color) in zip(drawn["boxes"], BOXES, strict=True):
        box.set_facecolor(color)
    axes.set_xticks([1, 2, 3], [name for name, _ in BOXES])


def yearly_bars(axes: Axes, days: Times, returns: Array, least: float) -> None:
    """Draw the returns of years in per cent, the first on top; the picture is ``least`` wide."""
    from matplotlib.ticker import PercentFormatter

    years = days.astype("datetime64[Y]").astype(np.intp) + 1970
    values = 100.0 * compounded(returns, years)
    names = [str(year) for year in np.unique(years)]
    mean = axes.axvline(float(values.mean()), color=INK, ls="--", lw=1, alpha=0.7)
    axes.barh(np.arange(len(values)), values, height=0.5, color=RUN, alpha=0.7)
    axes.set_yticks(np.arange(len(values)), names)
    axes.invert_yaxis()
    axes.axvline(0.0, color="black", lw=1.2)
    axes.legend([mean], ["Mean"], framealpha=FAINT)
    axes.xaxis.set_major_formatter(PercentFormatter())
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, high - least), None)
    axes.set(xlabel="Returns", ylabel="")
