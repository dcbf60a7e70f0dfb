"""A store of prices with a pack in it."""

import datetime as dt

import numpy as np
import pandas as pd

from bt_run_plugins.market_data.cleaning import CleanConfig
from bt_run_plugins.market_data.processing import process
from bt_run_plugins.market_data.rules.validation import ValidateConfig
from bt_run_plugins.market_data.store.frames import symbol_frame
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.packs import create
from bt_run_plugins.market_data.store.records import Extent, KnownDays, RawFacts
from bt_run_plugins.market_data.store.store import Store

LAST = dt.date(2020, 3, 6)


def filled_store(folder, prices, ended=()):
    """Return a store in ``folder`` with a year and more of closes that end at ``prices``, a month
    earlier for those in ``ended``, and the id of its pack.
    """
    holidays = ["2019-01-21", "2019-02-18", "2019-04-19", "2019-05-27", "2019-07-04"]
    holidays += ["2019-09-02", "2019-11-28", "2019-12-25", "2020-01-01", "2020-01-20"]
    days = pd.bdate_range("2019-01-02", LAST).difference(
        pd.to_datetime([*holidays, "2020-02-17"])
    )
    rng = np.random.default_rng(19)
    common = rng.normal(0, 0.008, len(days))
    store = Store(folder)
    with store.writing() as writer:
        for name, price in prices.items():
            moved = np.cumsum(common + rng.normal(0, 0.01, len(days)))
            close = np.round(price * np.exp(moved - moved[-1]), 4)
            dates = days
            if name in ended:
                dates, close = days[:-20], close[:-20]
            table = symbol_frame({"date": dates, "close": close})
            facts = RawFacts(
                fetched_at="2020-03-07",
                prices=None,
                whole=True,
                covers=KnownDays(),
                series=Extent(
                    rows=len(table), first="2019-01-02", last=str(dates[-1].date())
                ),
            )
            writer.add_raw(Key("import", name), table, facts)
    keys = [Key("import", name) for name in prices]
    process(store, keys, CleanConfig(), ValidateConfig())
    made, _ = create(store, keys, LAST)
    return store, made.id
