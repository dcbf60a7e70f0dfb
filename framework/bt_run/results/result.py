"""What a run gives back, who it is, and how it is kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bt_run.config.run_config import RunConfig
from bt_run.results.metric_definitions import (
    COLUMNS,
    DEFINITIONS,
    HEADLINE,
    format_metric,
)
from bt_run.results.metrics import Metrics, session_closes
from bt_run.results.trial_facts import TrialFacts, trial_sentence

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["LEARNED", "TABLES", "TABLE_NAME", "BacktestResult", "tables_in"]

# what an analyzer may call a table, which is a file too
TABLE_NAME = r"[A-Za-z0-9][A-Za-z0-9_ .()%+-]{0,98}"
TABLES = ("nav", "positions", "fills", "decisions", "memos", "cash_flows")
# of a run that was taught something
LEARNED = ("models", "folds")


@dataclass(frozen=True, kw_only=True, eq=False)
class BacktestResult:
    """Everything that a run found out; money is in the account's currency.

    Times of daily bars are plain dates, those of others UTC; files hold UTC always.

    Attributes:
        config: what was run.
        run_id: the hash of configuration, data and code.
        nav: index ``time``; session, nav, cash, gross, net (fractions of NAV), benchmark,
            equal_weight, constant_mix. The first row is the close of the start, whose NAV is the
            cash.
        positions: time, asset, shares, price, value, stale, market_price, market_shares: a row for
            each asset held at each bar.
        fills: decided_at, time, asset, asked, filled (signed shares), price (slippage included),
            market_price, market_shares, commission, slippage (that money again, for information),
            reason.
        decisions: time, asset, signal, the weight after each stage, target, cut, drifted, fired,
            reason.
        memos: time, component, memo, notes (JSON).
        cash_flows: time, asset, kind, amount, ratio.
        models: component, cutoff, digest, text, summary (JSON); None where nothing learns.
        folds: component, cutoff, kind, first, last, label_end_last, rows, effective_rows; the same.
        metrics: metric -> value for run, benchmark, equal_weight, constant_mix; None = not defined.
        manifest: all that says what was run, as ``manifest.json`` holds it.
        analyses: the tables of analyzers, by name.
        notes: what a reader must know about the data, a sentence each.
        warnings: what in the configuration defeats itself, a sentence each.
        look_ahead: what the small look-ahead check of the run found, a sentence; empty of a run
            that was read back.
        timings: seconds by phase; never written to a file.
        places: where the paths lie that the manifest has names for: of this machine, and no part of
            the manifest.
        trial: which trial the run is, and what that makes of its Sharpe ratio: no part of what it
            gave. None where no ledger was kept.
        folder: where the run lies; None where it was not written.
        reports: the files that reports wrote.
        derived: what follows from all this and was made already, by who made it; never written.
    """

    config: RunConfig
    run_id: str
    nav: pd.DataFrame
    positions: pd.DataFrame
    fills: pd.DataFrame
    decisions: pd.DataFrame
    memos: pd.DataFrame
    cash_flows: pd.DataFrame
    metrics: Metrics
    manifest: dict[str, Any]
    analyses: dict[str, pd.DataFrame] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    look_ahead: str = ""
    timings: dict[str, float] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    trial: TrialFacts | None = None
    folder: Path | None = None
    models: pd.DataFrame | None = None
    folds: pd.DataFrame | None = None
    reports: tuple[Path, ...] = ()
    derived: dict[Any, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        import pandas as pd

        times = pd.DatetimeIndex(self.nav.index)
        daily = bool((times == times.normalize()).all())
        zone = None if daily else "UTC"
        for name in self._names:
            table = _in_zone(_as_read(getattr(self, name)), zone)
            object.__setattr__(self, name, table)

    @property
    def period(self) -> str:
        """Return the first and the last day in words, and whether the last was that of ruin."""
        first, last = self.nav.index[0], self.nav.index[-1]
        days = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
        return f"{days}, the day of its ruin" if self.manifest.get("ruined") else days

    @property
    def closes(self) -> pd.DataFrame:
        """Return the NAV table at each session's last bar, by session date, that bar's time in
        ``time``.
        """
        return session_closes(self.nav.assign(time=self.nav.index))

    @property
    def returns(self) -> pd.Series[float]:
        """Return daily returns of the NAV, fractions, one for each session after the start."""
        closes = session_closes(self.nav)["nav"]
        return (closes / closes.shift() - 1.0).iloc[1:].rename("returns")

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables by name, as they are written: all times in UTC."""
        return {name: _in_zone(getattr(self, name), "UTC") for name in self._names}

    @property
    def _names(self) -> tuple[str, ...]:
        taught = tuple(name for name in LEARNED if getattr(self, name) is not None)
        return (*TABLES, *taught)

    @property
    def trial_sentence(self) -> str:
        """Return which trial this is and what of its Sharpe ratio is luck, or that nobody
        counted.
        """
        return trial_sentence(self.trial)

    def summary(self) -> pd.DataFrame:
        """Return the headline metrics as text with units: a row for each, the run beside its
        baselines.
        """
        import pandas as pd

        rows = {
            DEFINITIONS[metric].label: [
                format_metric(metric, self.metrics[metric][name]) for name in COLUMNS
            ]
            for metric in HEADLINE
            if metric in self.metrics
        }
        columns = [name.replace("_", " ") for name in COLUMNS]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def __str__(self) -> str:
        """Return who the run is and its headline metrics."""
        return f"{self._title}\n{self.summary().to_string()}"

    def _repr_html_(self) -> str:
        """Show the run in a notebook: who it is, what the data are, the headline metrics."""
        title = escape(self._title)
        items = "".join(
            f"<li>{escape(text)}</li>"
            for text in (*self.notes, *self.warnings, self.trial_sentence)
        )
        return f"<div><b>{title}</b><ul>{items}</ul>{self.summary().to_html(border=0)}</div>"

    @property
    def _title(self) -> str:
        return f"{self.config.name} · {self.period} · run {self.run_id}"


def tables_in(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the tables of the run of a ``manifest``."""
    return (*TABLES, *(name for name in LEARNED if name in manifest["tables"]))


def _as_read(table: pd.DataFrame) -> pd.DataFrame:
    """Give text the type that it has when it is read back from a file."""
    import pandas as pd

    texts = [
        name for name in table.columns if pd.api.types.is_object_dtype(table[name])
    ]
    return table.assign(
        **{
            str(name): pd.Series(table[name].tolist(), index=table.index)
            for name in texts
        }
    )


def _in_zone(table: pd.DataFrame, zone: str | None) -> pd.DataFrame:
    """Return a table whose times, in UTC or plain, are in UTC, or plain (None)."""
    import pandas as pd

    def moved(times: Any) -> Any:
        here = times if times.tz is None else times.tz_localize(None)
        return here if zone is None else here.tz_localize(zone)

    columns = {
        str(name): moved(pd.DatetimeIndex(table[name]))
        for name in table.columns
        if pd.api.types.is_datetime64_any_dtype(table[name])
    }
    out = table.assign(**columns)
    if isinstance(table.index, pd.DatetimeIndex):
        out.index = moved(table.index)
    return out
