"""Macro series that ship inside arch: corporate yields, the risk-free rate, oil, the VIX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bt_run import Array, DataError, require_installed
from bt_run.arrays import Times

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MACRO", "french_factors", "macro_series", "read_shipped"]

FRENCH = "data/frenchdata/frenchdata.csv.gz"


@dataclass(frozen=True)
class _Shipped:
    """A series that lies in arch: its file and column, and how its dates are to be read."""

    file: str
    column: str
    dated: Literal["day", "month end", "month start"]
    words: str


MACRO: Mapping[str, _Shipped] = MappingProxyType(
    {
        # the source dates a month's mean by its first day, when nobody knew it
        "AAA": _Shipped(
            "data/default/default.csv.gz",
            "AAA",
            "month end",
            "Moody's Aaa yield, percent, monthly mean",
        ),
        "BAA": _Shipped(
            "data/default/default.csv.gz",
            "BAA",
            "month end",
            "Moody's Baa yield, percent, monthly mean",
        ),
        # a bill's return over a month is known when the month begins
        "RF": _Shipped(
            FRENCH,
            "RF",
            "month start",
            "one-month Treasury bill, percent a month",
        ),
        "WTI": _Shipped(
            "data/wti/wti.csv.gz",
            "DCOILWTICO",
            "day",
            "crude oil at Cushing, dollars a barrel",
        ),
        "VIX": _Shipped(
            "data/vix/vix.csv.gz",
            "vix",
            "day",
            "the VIX, percent a year, 2014 to 2018",
        ),
    }
)


def read_shipped(
    package: str,
    file: str,
    requirement: str = "bt-run",
) -> pd.DataFrame:
    """Read a data file of an installed package without importing the package, which would cost a
    second; ``requirement`` is what brings the package.

    Raises:
        ConfigError: the package is not installed.
        DataError: its version has no such file.
    """
    import pandas as pd

    require_installed(f"the sample's {Path(file).name}", {package: requirement})
    spec = find_spec(package)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    if path is None or not path.exists():
        raise DataError(
            f"the installed {package} has no {file}; the versions in constraints.txt have it"
        )
    return pd.read_csv(path)


def macro_series(symbol: str) -> tuple[Times, Array]:
    """Return dates (n,) and values (n,) of a series; a day without a value has none.

    Raises:
        DataError: no such series.
    """
    if symbol not in MACRO:
        words = "; ".join(f"{name}: {shipped.words}" for name, shipped in MACRO.items())
        raise DataError(
            f"the sample set 'macro' has no series {symbol!r}; it has {words}"
        )
    shipped = MACRO[symbol]
    table = read_shipped("arch", shipped.file)
    # FRED writes a dot on a day without a value
    text = table[shipped.column].astype(str).replace(".", "nan")
    values = np.asarray(text, dtype=np.float64)
    dates = _dates(table.iloc[:, 0], shipped.dated).astype("datetime64[ns]")
    known = np.isfinite(values)
    return dates[known], values[known]


def french_factors() -> tuple[Times, dict[str, Array]]:
    """Return first days (n,) of months and the columns (n,) Mkt-RF, SMB, HML and RF of Fama and
    French, percent over each month.
    """
    table = read_shipped("arch", FRENCH)
    first, *names = table.columns
    days = _dates(table[first], "month start")
    return days, {str(name): table[name].to_numpy(dtype=np.float64) for name in names}


def _dates(written: pd.Series[Any], dated: str) -> Times:
    import pandas as pd

    style = "%Y%m" if written.dtype.kind == "i" else None
    times = pd.to_datetime(written.astype(str), format=style)
    days = times.to_numpy().astype("datetime64[D]")
    if dated != "month end":
        return days
    next_month = days.astype("datetime64[M]") + np.timedelta64(1, "M")
    return np.asarray(next_month.astype("datetime64[D]") - np.timedelta64(1, "D"))
