"""A session as most are."""

import numpy as np
from kit.intraday import five_minutes

from bt_run.data.usual_day import usual_day_of
from bt_run.testing import make_bars


def test_a_half_day_at_the_end_is_not_usual():
    day = usual_day_of(
        five_minutes(["A", "B"], "2013-07-01", "2013-07-03", "2013-07-01")
    )
    assert f"{day.open:%Y-%m-%d %H:%M}" == "2013-07-02 09:30"
    assert f"{day.close:%H:%M}" == "16:00"
    assert len(day.ends) == 78
    assert f"{day.ends[0]:%H:%M} {day.ends[-1]:%H:%M}" == "09:35 16:00"


def test_a_daily_bar_ends_at_the_close():
    day = usual_day_of(make_bars({"A": np.ones(3)}))
    assert day.ends == (day.close,)
