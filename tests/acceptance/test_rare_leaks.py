"""Leaks on few dates: none of six dates falls there, and a cut beside a rare event does."""

import numpy as np
import pandas as pd
import pytest

from bt_run import RunConfig
from bt_run.checks.lookahead import check_lookahead

RARE = '''
import numpy as np
from bt_run import Component, Config, hookimpl


def tomorrow(bars):
    out = np.zeros(bars.close.shape, dtype=bool)
    out[:-1] = bars.close[1:] > bars.close[:-1]
    return out


def average(bars):
    """Above the mean of all bars so far: clean."""
    seen = np.cumsum(np.ones_like(bars.close), axis=0)
    return bars.close > np.cumsum(np.nan_to_num(bars.close), axis=0) / seen


class AfterListing:
    """Knows tomorrow in the forty bars after a listing."""

    def signals(self, bars):
        young = (bars.counts > 0) & (bars.counts <= 40)
        known = np.where(young, tomorrow(bars), average(bars))
        return np.where(bars.tradable, known, np.nan)


class YearsEnd:
    """Knows tomorrow on the last session of a year."""

    def signals(self, bars):
        years = bars.sessions.astype("M8[Y]")
        last = np.append(years[1:] != years[:-1], False)
        known = np.where(last[:, None], tomorrow(bars), average(bars))
        return np.where(bars.tradable, known, np.nan)


class KeepsBars:
    """Knows tomorrow by what its file's hook was given before the run."""

    def signal(self, state):
        close, t = KEPT["bars"].close, len(state.history)
        up = close[t] > close[t - 1] if t < len(close) else np.ones(close.shape[1])
        return np.where(state.history.tradable, up, np.nan)


KEPT = {}


@hookimpl
def bt_before_run(config, bars):
    KEPT["bars"] = bars


@hookimpl
def bt_strategies():
    return [
        Component(name=kind.__name__.lower(), config=Config, summary="Leaks rarely.",
                  build=lambda config, context, kind=kind: kind())
        for kind in (AfterListing, YearsEnd, KeepsBars)
    ]
'''


@pytest.mark.parametrize(
    ("name", "quantity"),
    [("afterlisting", "signals"), ("yearsend", "signals"), ("keepsbars", "signal")],
)
def test_a_leak_on_rare_dates_or_by_a_hook_is_found(tmp_path, name, quantity):
    (tmp_path / "rare.py").write_text(RARE)
    folder = tmp_path / "prices"
    folder.mkdir()
    rng = np.random.default_rng(4)
    days = pd.bdate_range("2004-01-01", "2009-12-31")
    for place, asset in enumerate("ABC"):
        close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, len(days))))
        frame = pd.DataFrame({"date": days.strftime("%Y-%m-%d"), "close": close})
        frame.iloc[400 * place :].to_csv(folder / f"{asset}.csv", index=False)
    config = RunConfig.model_validate(
        {
            "name": "rare",
            "plugins": [str(tmp_path / "rare.py")],
            "data": {
                "source": {"use": "csv", "path": str(folder)},
                "assets": ["A", "B", "C"],
                "benchmark": "A",
                "calendar": "24/5",
                "start": "2004-01-02",
                "end": "2009-12-31",
            },
            "strategy": name,
            "sizer": "equal_weight",
            "schedule": "month",
            "broker": {"use": "simulated", "fill": "next_close"},
        }
    )
    found = check_lookahead(config)
    assert found.verdict == "leak"
    assert found.leaks[0].quantity == quantity
