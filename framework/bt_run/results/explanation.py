"""Take one decision apart, from the signal to the fill, in words and numbers, from the tables of a
run alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run.errors import ConfigError, DataError
from bt_run.text import day_text, did_you_mean, listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["explain"]

ASSETS = 10  # shown when none is named: those that change most
WIDTH = 30  # of the first column
_SAME = 1e-12


@dataclass(frozen=True)
class _Moment:
    """What the tables say about one decision.

    ``filled`` is the next bar, None at the end of the data.
    """

    run: Mapping[str, Any]
    time: pd.Timestamp
    filled: pd.Timestamp | None
    rows: pd.DataFrame
    notes: Mapping[str, Mapping[str, Any]]

    @property
    def config(self) -> Mapping[str, Any]:
        config: Mapping[str, Any] = self.run["manifest"]["config"]
        return config


def explain(run: Mapping[str, Any], date: str, asset: str | None = None) -> str:
    """Return the decisions of one day in words; ``run`` is what ``read_run`` returns.

    Without an asset, those that change most are shown.

    Raises:
        ConfigError: the date is none, or the run has no such asset.
        DataError: the run decided nothing on that day; names the nearest decisions.
    """
    return "\n\n".join(
        "\n".join(_lines(moment, asset)) for moment in _moments(run, date, asset)
    )


def _moments(run: Mapping[str, Any], date: str, asset: str | None) -> Iterator[_Moment]:
    table = run["decisions"]
    day = _day(date)
    if table.empty:
        raise DataError(
            "the run has no decisions to explain: a Backtrader strategy placed its own orders "
            "(classic mode), or the run never reached a scheduled bar; fills.parquet holds its "
            "orders"
        )
    known = [name for name in table["asset"].unique().tolist() if name]
    known = known or list(run["manifest"]["config"]["data"]["assets"])
    if asset is not None and asset not in known:
        assets = listed(known, most=8)
        hint = did_you_mean(asset, known)
        raise ConfigError(f"--asset was {asset!r}; the run's assets are {assets}{hint}")
    for time in _times_of(table, day):
        yield _moment(run, time)


def _day(date: str) -> pd.Timestamp:
    import pandas as pd

    try:
        day = pd.Timestamp(date)
    except ValueError:
        raise ConfigError(
            f"--date was {date!r}; expected YEAR-MONTH-DAY, such as 2008-03-03"
        ) from None
    utc = day.tz_localize("UTC") if day.tz is None else day.tz_convert("UTC")
    return utc.normalize()


def _times_of(table: pd.DataFrame, day: pd.Timestamp) -> pd.DatetimeIndex:
    """Return the times of a day's decisions."""
    import pandas as pd

    times = pd.DatetimeIndex(table["time"].unique())
    today = times[times.normalize() == day]
    if today.empty:
        before, after = times[times < day], times[times > day]
        near = [f"{t:%Y-%m-%d}" for t in (*before[-1:], *after[:1])]
        raise DataError(
            f"the run decided nothing on {day:%Y-%m-%d}; the nearest decisions are "
            f"{' and '.join(near)}"
        )
    return today


def _moment(run: Mapping[str, Any], time: pd.Timestamp) -> _Moment:
    index = run["nav"].index
    following = int(index.searchsorted(time, side="right"))
    memos = run["memos"]
    own = memos[memos["time"] == time]
    noted = zip(own["component"], own["notes"], strict=True)
    notes = {name: json.loads(text) for name, text in noted}
    table = run["decisions"]
    return _Moment(
        run=run,
        time=time,
        filled=index[following] if following < len(index) else None,
        rows=table[table["time"] == time].set_index("asset"),
        notes={name: note for name, note in notes.items() if note},
    )


def _lines(moment: _Moment, asset: str | None) -> Iterator[str]:
    yield from _head(moment)
    rows = moment.rows
    if list(rows.index) == [""]:
        yield f"no order: {rows['reason'].iloc[0]}"
        yield "its weights were left out of the tables, by `ledger: {decisions: traded}`"
        return
    names = [asset] if asset is not None else _most_changed(rows)
    for name in names:
        yield ""
        yield from _asset(moment, name)
    if len(names) < len(rows) and asset is None:
        yield ""
        shown = f"{len(names)} of {len(rows)} assets are shown"
        yield f"{shown}, those that change most; --asset names another"


def _head(moment: _Moment) -> Iterator[str]:
    """Yield when the decision was taken, and of which account."""
    config = moment.config
    when = "no bar followed, so nothing could fill"
    if moment.filled is not None:
        when = f"orders fill at {day_text(moment.filled)}"
    taken = f"decision of {day_text(moment.time)} ({config['schedule']})"
    yield f"{config['name']}: {taken}; {when}"
    nav = moment.run["nav"].loc[moment.time]
    cash = f"{nav['cash'] / nav['nav']:.2%} cash"
    yield f"NAV {nav['nav']:,.2f}, of which {cash}, gross exposure {nav['gross']:.2%}"


def _most_changed(rows: pd.DataFrame) -> list[str]:
    change = np.where(rows["fired"], rows["target"] - rows["drifted"], 0.0)
    order = np.lexsort((-np.abs(rows["target"].to_numpy()), -np.abs(change)))
    return [str(rows.index[place]) for place in order[:ASSETS]]


def _asset(moment: _Moment, name: str) -> Iterator[str]:
    """Yield the way of one asset through the pipeline, a line for each stage."""
    row = moment.rows.loc[[name]].to_dict("records")[0]
    yield name
    yield from _signal(moment, row)
    yield from _weights(moment, row)
    yield _line("triggers", _triggered(moment, row))
    yield _line("weight before", f"{row['drifted']:z.2%}")
    yield from _fills(moment, name, row)


def _signal(moment: _Moment, row: Mapping[Any, Any]) -> Iterator[str]:
    head = f"strategy {moment.config['strategy']['use']}"
    signal = f"signal {_number(row['signal'])}"
    yield _line(head, signal, _noted(moment, "strategy"))
    if not np.isfinite(row["signal"]):
        yield _line("", "not eligible: its target is 0")


def _weights(moment: _Moment, row: Mapping[Any, Any]) -> Iterator[str]:
    """Yield the weight after the sizer, each overlay and the limits."""
    weight = float(row["sized"])
    head = f"sizer {moment.config['sizer']['use']}"
    yield _line(head, f"{weight:z.2%} of NAV", _noted(moment, "sizer"))
    for number, overlay in enumerate(moment.config["overlays"]):
        after = float(row[f"overlay_{number + 1}_{overlay['use']}"])
        head = f"overlay {overlay['use']}"
        words = f"{after:z.2%}, {_change(weight, after)}"
        yield _line(head, words, _noted(moment, f"overlays.{number}"))
        weight = after
    yield _line("limits", _limited(row, weight))


def _change(before: float, after: float) -> str:
    if abs(after - before) <= _SAME:
        return "unchanged"
    return (
        f"{after / before:.4g} times {before:z.2%}" if before else f"from {before:z.2%}"
    )


def _limited(row: Mapping[Any, Any], weight: float) -> str:
    target = float(row["target"])
    if abs(target - weight) <= _SAME:
        return f"target {target:z.2%}, nothing cut"
    if not np.isfinite(row["signal"]):
        return f"target {target:z.2%}, because the asset is not eligible"
    moved = f"target {target:z.2%}, from {weight:z.2%}"
    if row["cut"]:
        return f"{moved}, cut by {row['cut']}"
    return f"{moved}, because what is not traded keeps its share of NAV"


def _triggered(moment: _Moment, row: Mapping[Any, Any]) -> str:
    triggers = moment.config["triggers"]
    names = ", ".join(item["use"] for item in triggers) or "none"
    notes = [_noted(moment, f"triggers.{place}") for place in range(len(triggers))]
    noted = "; ".join(note for note in notes if note)
    verdict = "may trade" if row["fired"] else "does not trade"
    words = f"{names}; this asset {verdict}: {row['reason']}"
    return f"{words} ({noted})" if noted else words


def _fills(moment: _Moment, name: str, row: Mapping[Any, Any]) -> Iterator[str]:
    """Yield what was ordered and filled, and the weight that came of it."""
    fills = moment.run["fills"]
    own = fills[(fills["decided_at"] == moment.time) & (fills["asset"] == name)]
    if own.empty:
        why = "nothing to change" if row["fired"] else "not traded"
        yield _line("order", f"none: {why}")
    for fill in own.to_dict("records"):
        yield from _fill(fill, _word(moment))
    if moment.filled is not None:
        weight = _weight_at(moment.run, moment.filled, name)
        yield _line(f"weight at {day_text(moment.filled)}", f"{weight:z.2%}")


def _word(moment: _Moment) -> str:
    """Return what the account trades: shares, or units of the total-return series."""
    return "shares" if moment.config["data"]["adjust"] == "none" else "units"


def _fill(fill: Mapping[Any, Any], word: str) -> Iterator[str]:
    never = fill["time"] != fill["time"]
    at = "never" if never else day_text(fill["time"])
    side = "buy" if fill["asked"] > 0 else "sell"
    yield _line("order", f"{side} {abs(fill['asked']):,.6g} {word}")
    if fill["filled"]:
        shares = f"{abs(fill['filled']):,.6g} {word} at {fill['price']:,.6g}"
        shares += _market_words(fill)
        costs = (
            f"commission {fill['commission']:,.2f}, slippage {fill['slippage']:,.2f}"
        )
        yield _line(f"fill {at}", f"{shares}, {costs}")
    if isinstance(fill["reason"], str):
        yield _line("" if fill["filled"] else f"not filled {at}", fill["reason"])


def _market_words(fill: Mapping[Any, Any]) -> str:
    """Return what a chart shows of a fill in units, where that differs."""
    price, shares = float(fill["market_price"]), float(fill["market_shares"])
    if np.isnan(price):
        return " (of a split-adjusted series; the source knows no splits)"
    if shares == fill["filled"]:
        return ""
    return f" (on the market {abs(shares):,.6g} shares at {price:,.6g})"


def _weight_at(run: Mapping[str, Any], time: pd.Timestamp, name: str) -> float:
    """Return an asset's weight at the close of a bar, from the positions."""
    positions = run["positions"]
    own = (positions["time"] == time) & (positions["asset"] == name)
    held = positions[own]["value"].sum()
    return float(held / run["nav"]["nav"][time])


def _noted(moment: _Moment, path: str) -> str:
    """Return what a component noted, as words."""
    note = moment.notes.get(path, {})
    return ", ".join(f"{key} {_number(value)}" for key, value in note.items())


def _line(head: str, text: str, more: str = "") -> str:
    return f"  {head:<{WIDTH}}{text}" + (f" ({more})" if more else "")


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if np.isfinite(value) else "none"
    return str(value)
