"""Closures that nobody could know a week before.

A schedule by the calendar must not know them: on the Monday before, the week's last session was
still to be a Friday. Every other holiday counts as published, whatever a calendar calls it.
Sources: the New York Stock Exchange's list of special closings since 1885; the notices of the Hong
Kong exchange on trading under typhoon signal 8 and black rainstorms.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from bt_run.arrays import Times

__all__ = ["UNFORESEEN", "unforeseen_closures"]

UNFORESEEN: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "XNYS": (
            "1963-11-25",  # funeral of President Kennedy
            "1968-04-09",  # day of mourning for Martin Luther King
            "1969-02-10",  # snow
            "1969-03-31",  # funeral of President Eisenhower
            "1969-07-21",  # the first landing on the moon
            "1972-12-28",  # funeral of President Truman
            "1973-01-25",  # funeral of President Johnson
            "1977-07-14",  # blackout
            "1985-09-27",  # hurricane Gloria
            "1994-04-27",  # funeral of President Nixon
            "2001-09-11",  # the attacks of that day, to the 14th
            "2001-09-12",
            "2001-09-13",
            "2001-09-14",
            "2004-06-11",  # day of mourning for President Reagan
            "2007-01-02",  # day of mourning for President Ford
            "2012-10-29",  # hurricane Sandy, to the 30th
            "2012-10-30",
            "2018-12-05",  # day of mourning for President Bush
            "2025-01-09",  # day of mourning for President Carter
        ),
        "XHKG": (
            "1992-07-22",  # typhoon Gary
            "1993-09-17",  # typhoon Becky
            "1999-09-16",  # typhoon York
            "2001-07-06",  # typhoon Utor
            "2001-07-25",  # typhoon Yutu
            "2008-08-06",  # typhoon Kammuri
            "2008-08-22",  # typhoon Nuri
            "2011-09-29",  # typhoon Nesat
            "2013-08-14",  # typhoon Utor
            "2016-08-02",  # typhoon Nida
            "2016-10-21",  # typhoon Haima
            "2017-08-23",  # typhoon Hato
            "2020-10-13",  # typhoon Nangka
            "2021-10-13",  # typhoon Kompasu
            "2023-07-17",  # typhoon Talim
            "2023-09-01",  # typhoon Saola
            "2023-09-08",  # black rainstorm
        ),
    }
)
# other names of the same exchanges
SAME = MappingProxyType(
    {"NYSE": "XNYS", "NASDAQ": "XNYS", "XNAS": "XNYS", "HKEX": "XHKG"}
)


def unforeseen_closures(calendar: str) -> Times:
    """Return the days on which an exchange was closed without a week's notice, datetime64[D]."""
    days = UNFORESEEN.get(SAME.get(calendar, calendar), ())
    return np.array(days, dtype="datetime64[D]")
