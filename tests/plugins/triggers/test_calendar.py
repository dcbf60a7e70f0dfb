"""Once a period."""

import numpy as np
from kit.two_assets import context, state

from bt_run.testing import make_bars
from bt_run_plugins.triggers.calendar import Calendar, CalendarConfig


def test_calendar_fires_once_a_period():
    bars = make_bars({"A": np.ones(30), "B": np.ones(30)})  # ends on 11 February 2020
    trigger = Calendar(CalendarConfig(every="month"), context())
    for last, fire in ((None, True), ("2020-01-31", True), ("2020-02-03", False)):
        day = None if last is None else np.datetime64(last, "D")
        assert trigger.check(state(bars, last_trade=day), np.zeros(2)).fire is fire
