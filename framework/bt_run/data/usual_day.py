"""A session as most of a run's are: when it opens and closes, and when its bars end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bt_run.data.bars import Bars
from bt_run.data.calendars import calendar_zone, scheduled_opens

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["UsualDay", "usual_day_of"]


@dataclass(frozen=True)
class UsualDay:
    """A session by the exchange's clock: its scheduled ``open`` and ``close``, and the ``ends`` of
    its bars, rising.
    """

    open: pd.Timestamp
    close: pd.Timestamp
    ends: tuple[pd.Timestamp, ...]


def usual_day_of(bars: Bars) -> UsualDay:
    """Return the last session with as many bars as most sessions have."""
    import pandas as pd

    first = np.flatnonzero(np.diff(bars.sessions, prepend=np.datetime64("NaT", "D")))
    counts = np.diff(np.append(first, len(bars.sessions)))
    values, often = np.unique(counts, return_counts=True)
    usual = values[np.argmax(often)]
    row = int(first[np.flatnonzero(counts == usual)[-1]])
    zone = calendar_zone(bars.calendar)
    opens = scheduled_opens(bars.calendar, bars.sessions[row : row + 1])
    times = np.concatenate(
        [opens, bars.scheduled_closes[row : row + 1], bars.ends[row : row + usual]]
    )
    local = pd.DatetimeIndex(times, tz="UTC").tz_convert(zone)
    return UsualDay(local[0], local[1], tuple(local[2:]))
