"""What the panels of the positions and transactions sheets draw: the pictures of pyfolio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bt_run import Array
from bt_run_plugins.figures.pages import BENCHMARK, FADED, GREY, LOSS, RUN
from bt_run_plugins.reports.tear_sheet.returns_panels import FAINT, date_numbers

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = [
    "Holdings",
    "concentration",
    "exposures",
    "holdings_of",
    "largest_holdings",
    "leverage",
    "lifetimes",
    "money_traded",
    "monthly_means",
    "number_of_holdings",
    "sides",
    "time_of_trades",
    "turnover",
    "turnover_by_day",
]

LARGEST = 10
NAMES_DRAWN = 16
OPEN, CLOSE = 570, 960  # minutes after midnight in New York
HALF_HOUR = 30


@dataclass(frozen=True)
class Holdings:
    """What was held at each session's close.

    Attributes:
        x: (n,) the sessions, as matplotlib counts days.
        assets: (N,) names.
        share: (n, N) fractions of the NAV.
    """

    x: Array
    assets: tuple[str, ...]
    share: Array

    @property
    def longs(self) -> Array:
        """Return the shares of long holdings, (n, N), 0 elsewhere."""
        return np.maximum(self.share, 0.0)

    @property
    def shorts(self) -> Array:
        """Return the shares of short holdings, (n, N), below 0, 0 elsewhere."""
        return np.minimum(self.share, 0.0)

    def largest(self) -> list[int]:
        """Return the assets of which most was ever held, either side, the largest first."""
        most = np.abs(self.share).max(axis=0)
        order = np.argsort(-most, kind="stable")[:LARGEST]
        return [int(column) for column in order]

    def tops(self) -> tuple[dict[str, float], dict[str, float]]:
        """Return the largest long and the largest short holdings ever, by asset."""
        high, low = self.share.max(axis=0), self.share.min(axis=0)
        longs = [one for one in np.argsort(-high, kind="stable") if high[one] > 0.0]
        shorts = [one for one in np.argsort(low, kind="stable") if low[one] < 0.0]
        return (
            {self.assets[one]: float(high[one]) for one in longs[:LARGEST]},
            {self.assets[one]: float(low[one]) for one in shorts[:LARGEST]},
        )


def holdings_of(positions: pd.DataFrame) -> Holdings:
    """Return the holdings of a table of money per asset and cash, a row a session."""
    nav = positions.sum(axis=1).to_numpy(dtype=np.float64)
    held = positions.drop(columns="cash")
    share = held.to_numpy(dtype=np.float64) / nav[:, None]
    names = tuple(str(name) for name in held.columns)
    return Holdings(date_numbers(positions.index), names, share)


def _over_time(axes: Axes, x: Array, label: str) -> None:
    axes.set_xlim(x[0], x[-1])
    axes.set_ylabel(label)


def exposures(axes: Axes, held: Holdings) -> None:
    """Draw long, short and net exposure."""
    x = held.x
    long, short = held.longs.sum(axis=1), held.shorts.sum(axis=1)
    axes.fill_between(x, 0, long, label="Long", color=RUN, alpha=0.5)
    axes.fill_between(x, 0, short, label="Short", color=LOSS, alpha=0.5)
    net = held.share.sum(axis=1)
    axes.plot(x, net, label="Net", color="black", linestyle="dotted", lw=1.2)
    axes.legend(loc="lower left", framealpha=FAINT)
    _over_time(axes, x, "Exposure")


def largest_holdings(axes: Axes, held: Holdings) -> None:
    """Draw the assets of which most was ever held."""
    for column in held.largest():
        name = held.assets[column]
        axes.plot(held.x, held.share[:, column], alpha=0.5, lw=1.2, label=name)
    axes.legend(loc="center left")
    _over_time(axes, held.x, "Exposure by holding")


def concentration(axes: Axes, held: Holdings) -> None:
    """Draw the largest and the median position of each side; nothing where there is none."""
    longs = np.where(held.share > 0.0, held.share, np.nan)
    shorts = np.where(held.share < 0.0, held.share, np.nan)
    lines = (
        ("largest long", np.nanmax(longs, axis=1), RUN),
        ("median long", np.nanmedian(longs, axis=1), FADED),
        ("median short", np.nanmedian(shorts, axis=1), "#ef9f6b"),
        ("largest short", np.nanmin(shorts, axis=1), LOSS),
    )
    for label, values, color in lines:
        axes.plot(held.x, values, lw=1, color=color, alpha=0.6, label=label)
    axes.legend(loc="center left", framealpha=FAINT)
    _over_time(axes, held.x, "Exposure")


def leverage(axes: Axes, held: Holdings) -> None:
    """Draw gross exposure and its mean."""
    gross = np.abs(held.share).sum(axis=1)
    axes.plot(held.x, gross, lw=0.5, color=RUN)
    axes.axhline(float(gross.mean()), color=RUN, linestyle="--", lw=1.2)
    _over_time(axes, held.x, "Gross leverage")


def number_of_holdings(
    axes: Axes, held: Holdings, index: pd.Index[pd.Timestamp]
) -> None:
    """Draw how many assets were held, and the means of months; ``index`` has the sessions."""
    counts = np.count_nonzero(held.share, axis=1).astype(np.float64)
    _with_means(axes, held.x, counts, index, color=FADED, alpha=0.6)
    names = ("Daily holdings", "Average daily holdings, by month")
    axes.legend(
        [*names, "Average daily holdings, overall"], loc="upper left", framealpha=FAINT
    )
    _over_time(axes, held.x, "Holdings")


def sides(axes: Axes, held: Holdings) -> None:
    """Draw how many assets were held long and how many short."""
    from matplotlib.patches import Rectangle

    found = []
    for name, held_on, color in (
        ("Long", held.share > 0.0, RUN),
        ("Short", held.share < 0.0, LOSS),
    ):
        counts = np.count_nonzero(held_on, axis=1)
        area = axes.fill_between(held.x, 0, counts, color=color, alpha=0.5, lw=1.2)
        label = f"{name} (max: {counts.max()}, min: {counts.min()})"
        found.append((area, label))
    both = Rectangle((0, 0), 1, 1, color=GREY)
    areas, labels = zip(*found, (both, "Overlap"), strict=True)
    axes.legend(areas, labels, loc="upper left", framealpha=FAINT)
    _over_time(axes, held.x, "Holdings")


def turnover_by_day(
    transactions: pd.DataFrame, nav: pd.Series[float]
) -> pd.Series[float]:
    """Return the money traded on each day over that day's NAV, two way, 0 without trades."""
    by_day = _money_by_day(transactions)
    return by_day.div(nav.set_axis(_days(nav.index))).fillna(0.0)


def _money_by_day(transactions: pd.DataFrame) -> pd.Series[float]:
    money = (transactions["amount"].abs() * transactions["price"]).astype(float)
    return money.groupby(_days(money.index)).sum()


def _days(index: pd.Index[pd.Timestamp]) -> pd.DatetimeIndex:
    import pandas as pd

    return pd.DatetimeIndex(index).normalize()


def turnover(axes: Axes, daily: pd.Series[float], first: float, last: float) -> None:
    """Draw the turnover of each day, and the means of months, from ``first`` to ``last`` day."""
    from matplotlib.ticker import PercentFormatter

    values = np.asarray(daily, dtype=np.float64)
    _with_means(axes, date_numbers(daily.index), values, daily.index, color=FADED)
    names = ("Daily turnover", "Average daily turnover, by month")
    axes.legend(
        [*names, "Average daily turnover, net"], loc="upper left", framealpha=FAINT
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlim(first, last)
    axes.set_ylabel("Turnover")


def _with_means(
    axes: Axes,
    x: Array,
    values: Array,
    index: pd.Index[pd.Timestamp],
    *,
    color: str,
    alpha: float = 1.0,
) -> None:
    """Draw values (n,), their means by month at its end, and the mean of all."""
    axes.plot(x, values, color=color, alpha=alpha, lw=0.5)
    ends, means = monthly_means(values, index)
    axes.plot(ends, means, color=BENCHMARK, alpha=0.8, lw=1.2)
    axes.axhline(float(values.mean()), color=FADED, linestyle="--", lw=1.2)


def monthly_means(values: Array, index: pd.Index[pd.Timestamp]) -> tuple[Array, Array]:
    """Return the last day of each month, as matplotlib counts days, and the mean of ``values``
    (n,) in it; ``index`` has their days.
    """
    import pandas as pd

    days = pd.DatetimeIndex(index).tz_localize(None).to_numpy()
    months = days.astype("datetime64[M]")
    known, place = np.unique(months, return_inverse=True)
    means = np.bincount(place, weights=values) / np.bincount(place)
    one = np.timedelta64(1, "M")
    ends = (known + one).astype("datetime64[D]") - np.timedelta64(1, "D")
    return date_numbers(pd.DatetimeIndex(ends)), means


def money_traded(
    axes: Axes, transactions: pd.DataFrame, first: float, last: float
) -> None:
    """Draw the money traded on each day with trades, from ``first`` to ``last`` day."""
    from matplotlib.ticker import StrMethodFormatter

    daily = _money_by_day(transactions)
    x = date_numbers(daily.index)
    axes.vlines(x, 0.0, daily.to_numpy(dtype=float), color=FADED, lw=0.8)
    axes.set_xlim(first, last)
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_ylabel("account's currency")


def time_of_trades(axes: Axes, transactions: pd.DataFrame) -> None:
    """Draw the share of the money traded in each half hour of a session in New York."""
    import pandas as pd

    times = pd.DatetimeIndex(transactions.index).tz_convert("America/New_York")
    minutes = times.hour.to_numpy() * 60 + times.minute.to_numpy()
    money = (transactions["amount"] * transactions["price"]).abs().to_numpy(dtype=float)
    inside = (minutes >= OPEN) & (minutes <= CLOSE)
    bins = np.arange(OPEN, CLOSE + 1, HALF_HOUR)
    place = (minutes[inside] - OPEN) // HALF_HOUR
    sums = np.bincount(place, weights=money[inside], minlength=len(bins))
    axes.bar(bins, sums / max(float(sums.sum()), 1e-300), width=HALF_HOUR)
    axes.set_xlim(OPEN, CLOSE)
    axes.set_xticks(bins, [f"{one // 60:02}:{one % 60:02}" for one in bins])
    axes.set_ylabel("Proportion")


def lifetimes(axes: Axes, trips: pd.DataFrame) -> None:
    """Draw when trades were open, a row an asset, of at most so many assets as can be read."""
    import pandas as pd
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Rectangle

    names = trips["symbol"].unique()
    # the same choice in every report: nobody may be favoured by a name
    chosen = np.random.RandomState(1).choice(
        names, replace=False, size=min(NAMES_DRAWN, len(names))
    )
    row = {name: place + 0.05 for place, name in enumerate(chosen)}
    drawn = trips[trips["symbol"].isin(chosen)].sort_values("symbol", kind="stable")
    opened, closed = (
        pd.DatetimeIndex(drawn["open_dt"]),
        pd.DatetimeIndex(drawn["close_dt"]),
    )
    begins, ends = date_numbers(opened), date_numbers(closed)
    height = drawn["symbol"].map(row).to_numpy(dtype=np.float64)
    segments = np.stack([np.stack([begins, height], 1), np.stack([ends, height], 1)], 1)
    colors = np.where(drawn["long"].to_numpy(dtype=bool), RUN, LOSS).tolist()
    lines = LineCollection(list(segments), colors=colors, linewidths=5, capstyle="butt")
    axes.add_collection(lines)
    axes.set_xlim(float(begins.min()), float(ends.max()))
    axes.set_yticks(range(len(chosen)), [str(name) for name in chosen])
    axes.set_ylim(-0.5, len(chosen) - 0.5)
    marks = [
        Rectangle((0, 0), 1, 1, color=color, label=label)
        for color, label in ((RUN, "Long"), (LOSS, "Short"))
    ]
    # off the lowest bars
    axes.legend(
        handles=marks,
        frameon=False,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=2,
    )
    axes.grid(False)
