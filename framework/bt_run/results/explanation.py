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
from bt_run.text import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["explain"]

ASSETS = 10  # told when none is named: those that change most
WIDTH = 30  # of the first column
_SAME = 1e-12


@dataclass(frozen=True)
class _Moment:
    """Hold what the tables say about one decision. ``filled`` is the next bar, None at the end of
    the data.
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

    Without an asset, those that change most are told.

    Raises:
        ConfigError: the date is none, or the run has no such asset.
        DataError: the run decided nothing on that day; names the nearest decisions.
    """
    return "\n\n".join("\n".join(_lines(moment, asset)) for moment in _moments(run, date, asset))


def _moments(run: Mapping[str, Any], date: str, asset: str | None) -> Iterator[_Moment]:
    import pandas as pd

    try:
        day = pd.Timestamp(date)
    except ValueError:
        raise ConfigError(
            f"--date was {date!r}; expected YEAR-MONTH-DAY, such as 2008-03-03"
        ) from None
    day = (day.tz_localize("UTC") if day.tz is None else day.tz_convert("UTC")).normalize()
    table = run["decisions"]
    if table.empty:
        raise DataError(
            "the run has no decisions to explain: a Backtrader strategy placed its own orders "
            "(classic mode), or the "
            "run never reached a scheduled bar; fills.parquet holds its orders"
        )
    known = table["asset"].unique().tolist()
    if asset is not None and asset not in known:
        raise ConfigError(
            f"--asset was {asset!r}; the run's assets are "
            f"{_some(known)}{did_you_mean(asset, known)}"
        )
    times = pd.DatetimeIndex(table["time"].unique())
    today = times[times.normalize() == day]
    if today.empty:
        before, after = times[times < day], times[times > day]
        near = [f"{t:%Y-%m-%d}" for t in (*before[-1:], *after[:1])]
        raise DataError(
            f"the run decided nothing on {day:%Y-%m-%d}; the nearest decisions are "
            f"{' and '.join(near)}"
        )
    for time in today:
        yield _moment(run, time)


def _moment(run: Mapping[str, Any], time: pd.Timestamp) -> _Moment:
    index = run["nav"].index
    following = int(index.searchsorted(time, side="right"))
    memos = run["memos"]
    own = memos[memos["time"] == time]
    notes = {
        name: json.loads(text) for name, text in zip(own["component"], own["notes"], strict=True)
    }
    table = run["decisions"]
    return _Moment(
        run=run,
        time=time,
        filled=index[following] if following < len(index) else None,
        rows=table[table["time"] == time].set_index("asset"),
        notes={name: note for name, note in notes.items() if note},
    )


def _lines(moment: _Moment, asset: str | None) -> Iterator[str]:
    nav = moment.run["nav"].loc[moment.time]
    when = "no bar followed, so nothing could fill"
    if moment.filled is not None:
        when = f"orders fill at {_stamp(moment.filled)}"
    yield f"{moment.config['name']}: decision of {_stamp(moment.time)} ({moment.config['schedule']}); {when}"
    yield f"NAV {nav['nav']:,.2f}, of which {nav['cash'] / nav['nav']:.2%} cash, gross exposure {nav['gross']:.2%}"
    rows = moment.rows
    names = [asset] if asset is not None else _most_changed(rows)
    for name in names:
        yield ""
        yield from _asset(moment, name)
    if len(names) < len(rows) and asset is None:
        yield ""
        yield f"{len(names)} of {len(rows)} assets are told, those that change most; --asset names another"


def _most_changed(rows: pd.DataFrame) -> list[str]:
    change = np.where(rows["fired"], rows["target"] - rows["drifted"], 0.0)
    order = np.lexsort((-np.abs(rows["target"].to_numpy()), -np.abs(change)))
    return [str(rows.index[place]) for place in order[:ASSETS]]


def _asset(moment: _Moment, name: str) -> Iterator[str]:
    """Yield the way of one asset through the pipeline, a line for each stage."""
    row = moment.rows.loc[[name]].to_dict("records")[0]
    config = moment.config
    yield name
    eligible = "" if np.isfinite(row["signal"]) else "not eligible: its target is 0"
    yield _line(
        f"strategy {config['strategy']['use']}",
        f"signal {_number(row['signal'])}",
        _told(moment, "strategy"),
    )
    if eligible:
        yield _line("", eligible)
    weight = float(row["sized"])
    yield _line(f"sizer {config['sizer']['use']}", f"{weight:z.2%} of NAV", _told(moment, "sizer"))
    for number, overlay in enumerate(config["overlays"]):
        after = float(row[f"overlay_{number + 1}_{overlay['use']}"])
        words = _change(weight, after)
        yield _line(
            f"overlay {overlay['use']}",
            f"{after:z.2%}, {words}",
            _told(moment, f"overlays.{number}"),
        )
        weight = after
    yield _line("limits", _limited(row, weight))
    yield _line("triggers", _triggered(moment, row))
    yield _line("weight before", f"{row['drifted']:z.2%}")
    yield from _fills(moment, name, row)


def _change(before: float, after: float) -> str:
    if abs(after - before) <= _SAME:
        return "unchanged"
    return f"{after / before:.4g} times {before:z.2%}" if before else f"from {before:z.2%}"


def _limited(row: Mapping[Any, Any], weight: float) -> str:
    target = float(row["target"])
    if abs(target - weight) <= _SAME:
        return f"target {target:z.2%}, nothing cut"
    if not np.isfinite(row["signal"]):
        return f"target {target:z.2%}, because the asset is not eligible"
    if row["cut"]:
        return f"target {target:z.2%}, from {weight:z.2%}, cut by {row['cut']}"
    return f"target {target:z.2%}, from {weight:z.2%}, because what is not traded keeps its share of NAV"


def _triggered(moment: _Moment, row: Mapping[Any, Any]) -> str:
    names = ", ".join(item["use"] for item in moment.config["triggers"]) or "none"
    told = "; ".join(
        filter(
            None, (_told(moment, f"triggers.{i}") for i in range(len(moment.config["triggers"])))
        )
    )
    verdict = "may trade" if row["fired"] else "does not trade"
    return f"{names}; this asset {verdict}: {row['reason']}" + (f" ({told})" if told else "")


def _fills(moment: _Moment, name: str, row: Mapping[Any, Any]) -> Iterator[str]:
    """Yield what was ordered and filled, and the weight that came of it."""
    fills = moment.run["fills"]
    own = fills[(fills["decided_at"] == moment.time) & (fills["asset"] == name)]
    if own.empty:
        why = "nothing to change" if row["fired"] else "not traded"
        yield _line("order", f"none: {why}")
    for fill in own.to_dict("records"):
        at = "never" if fill["time"] != fill["time"] else _stamp(fill["time"])
        side = "buy" if fill["asked"] > 0 else "sell"
        yield _line("order", f"{side} {abs(fill['asked']):,.6g} shares")
        if fill["filled"]:
            yield _line(
                f"fill {at}",
                f"{abs(fill['filled']):,.6g} shares at {fill['price']:,.6g}, commission "
                f"{fill['commission']:,.2f}, "
                f"slippage {fill['slippage']:,.2f}",
            )
        if isinstance(fill["reason"], str):
            yield _line("" if fill["filled"] else f"not filled {at}", fill["reason"])
    if moment.filled is None:
        return
    positions, nav = moment.run["positions"], moment.run["nav"]["nav"]
    held = positions[(positions["time"] == moment.filled) & (positions["asset"] == name)][
        "value"
    ].sum()
    yield _line(f"weight at {_stamp(moment.filled)}", f"{held / nav[moment.filled]:z.2%}")


def _told(moment: _Moment, path: str) -> str:
    """Return what a component noted, as words."""
    note = moment.notes.get(path, {})
    return ", ".join(f"{key} {_number(value)}" for key, value in note.items())


def _line(head: str, text: str, more: str = "") -> str:
    return f"  {head:<{WIDTH}}{text}" + (f" ({more})" if more else "")


def _number(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}" if np.isfinite(value) else "none"
    return str(value)


def _stamp(time: pd.Timestamp) -> str:
    return f"{time:%Y-%m-%d}" if time == time.normalize() else f"{time:%Y-%m-%d %H:%M}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
