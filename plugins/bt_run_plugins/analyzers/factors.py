"""The analyzer `factors`: a regression of a run's returns on factors, with t-values that hold where
errors are correlated and of unequal size (Newey and West 1987).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    BuildContext,
    Component,
    Config,
    DataError,
    DateForm,
    Ledger,
    Prepared,
    csv_table,
    hookimpl,
    sessions_per_year,
    whole_days,
    written_times,
)
from bt_run.arrays import Mask, Times
from bt_run.studies.measuring import measured
from bt_run.text import counted
from bt_run_plugins.sources.sample_series import french_factors

if TYPE_CHECKING:
    import pandas as pd

REGRESSION = "factors regression"
FIT = "factors fit"
ALPHA = "alpha, % a year"
SAMPLE = "Fama and French"
SAMPLE_RATE = "RF"
MONTHLY = 20  # days between rows from which a table is one of months
MONTHS = 12
FEWEST = 12  # periods, and three for each number that is estimated
PER_NUMBER = 3
SURE = 1.96
FLAT = 1e-12


class FactorsConfig(Config):
    """Configuration of the analyzer of factors."""

    file: Path | None = Field(
        None,
        description="csv with a column date and a column of simple returns for each factor, by "
        "day or by month; without it the market, size and value of Fama and French by month, which "
        "end in 2018",
    )
    rate: str | None = Field(
        None,
        description="column of the risk-free return, which is taken off the run's returns; "
        "without it they are whole. RF where no file is named",
    )
    unit: Literal["fraction", "percent"] = Field(
        "fraction", description="of the numbers in the file"
    )
    dates: DateForm = None
    lags: int | None = Field(
        None,
        ge=0,
        le=1000,
        description="periods over which errors may be correlated; the whole part of "
        "4 (n / 100)^(2/9) if not given",
    )


# -- the regression --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Regression:
    """A least-squares fit with a constant first; arrays (K,) over its numbers.

    ``errors`` are standard errors by Newey and West over ``lags`` periods, ``share`` is R squared.
    """

    values: Array
    errors: Array
    lags: int
    share: float

    @property
    def t(self) -> Array:
        with np.errstate(all="ignore"):
            return np.asarray(self.values / self.errors)


def regress(returns: Array, factors: Array, lags: int | None = None) -> Regression:
    """Regress ``returns`` (n,) on a constant and ``factors`` (n, K - 1).

    The covariance is (X'X)^-1 S (X'X)^-1 with S the sum of x_t e_t e_s x_s' weighted by
    1 - |t - s| / (lags + 1): Newey and West, Econometrica 55 (1987), without a correction for
    small samples.

    Raises:
        DataError: too few rows, or factors that are a mixture of one another.
    """
    count, number = len(returns), factors.shape[1] + 1
    if count < max(FEWEST, PER_NUMBER * number):
        raise DataError(
            f"factors: found {counted(count, 'period')} that the run and the factors share; "
            f"expected at least {max(FEWEST, PER_NUMBER * number)} for {number} numbers"
        )
    x = np.column_stack([np.ones(count), factors])
    if np.linalg.matrix_rank(x) < number:
        raise DataError(
            "factors: one factor is constant or a mixture of the others over the run; expected "
            "factors that differ"
        )
    inverse = np.linalg.inv(x.T @ x)
    values = inverse @ (x.T @ returns)
    left = returns - x @ values
    reach = int(4.0 * (count / 100.0) ** (2.0 / 9.0)) if lags is None else lags
    middle = _long_run(x * left[:, None], reach)
    errors = np.sqrt(np.diag(inverse @ middle @ inverse))
    spread = float(((returns - returns.mean()) ** 2).sum())
    share = 1.0 - float((left**2).sum()) / spread if spread > FLAT else 0.0
    return Regression(values, errors, reach, share)


def _long_run(moves: Array, lags: int) -> Array:
    """Return the weighted sum (K, K) of products of ``moves`` (n, K) up to ``lags`` rows apart."""
    total = moves.T @ moves
    for lag in range(1, min(lags, len(moves) - 1) + 1):
        apart = moves[lag:].T @ moves[:-lag]
        total += (1.0 - lag / (lags + 1.0)) * (apart + apart.T)
    return np.asarray(total)


# -- what is read ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class FactorTable:
    """Returns of factors: ``days`` (n,) rising, ``values`` (n, F) by ``names``, and the risk-free
    return ``rate`` (n,), 0 where none is named. ``monthly`` rows stand for calendar months.
    """

    days: Times
    names: tuple[str, ...]
    values: Array
    rate: Array

    @property
    def monthly(self) -> bool:
        if len(self.days) < 2:
            return False
        return bool(np.median(np.diff(self.days).astype(np.int64)) >= MONTHLY)


def factor_table(config: FactorsConfig) -> FactorTable:
    """Read what a configuration names.

    Raises:
        DataError: the file is missing or holds something else.
    """
    if config.file is None:
        days, table = french_factors()
        given = {name: values / 100.0 for name, values in table.items()}
        return _table(days, given, config.rate or SAMPLE_RATE, SAMPLE)
    if not config.file.exists():
        raise DataError(f"{config.file}: no such file of factors")
    frame = csv_table(config.file, missing=("", "nan", "NaN", "null", "NA"))
    if "date" not in frame.columns:
        raise DataError(
            f"{config.file}: found columns {', '.join(map(str, frame.columns))}; expected date and "
            "a column for each factor"
        )
    where = f"{config.file}: column date"
    days = whole_days(where, written_times(where, frame["date"], config.dates))
    size = 100.0 if config.unit == "percent" else 1.0
    names = [str(name) for name in frame.columns if name != "date"]
    columns = {name: _numbers(config.file, frame, name) / size for name in names}
    return _table(days, columns, config.rate, str(config.file))


def _numbers(file: Path, frame: pd.DataFrame, name: str) -> Array:
    try:
        values: Array = frame[name].to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{file}: column {name}: {error}; expected returns") from error
    missing = np.flatnonzero(~np.isfinite(values))
    if len(missing):
        raise DataError(
            f"{file}: column {name} has no number in row {missing[0] + 1}; expected a return in "
            "each row"
        )
    return values


def _table(
    days: Times, columns: Mapping[str, Array], rate: str | None, where: str
) -> FactorTable:
    if rate is not None and rate not in columns:
        raise DataError(
            f"{where}: no column {rate!r} for the risk-free return; found {', '.join(columns)}"
        )
    names = tuple(name for name in columns if name != rate)
    if not names or (np.diff(days).astype(np.int64) <= 0).any():
        raise DataError(f"{where}: expected rising dates and at least one factor")
    values = np.column_stack([columns[name] for name in names])
    free = np.zeros(len(days)) if rate is None else columns[rate]
    return FactorTable(days, names, values, free)


# -- the run beside them ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Shared:
    """Periods (n,) that a run and a table share, the run's returns (n,) and rows of the table (n,);
    ``of`` is how many periods the run has.
    """

    periods: Times
    returns: Array
    rows: Mask
    of: int


def shared_periods(sessions: Times, returns: Array, table: FactorTable) -> Shared:
    """Lay daily ``returns`` (n,) of ``sessions`` (n,) beside a table, by month where it is one of
    months: those that the run holds from their first session to their last.
    """
    days = sessions.astype("datetime64[D]")
    known = table.days
    if table.monthly:
        days, returns = _months(days, returns)
        known = known.astype("datetime64[M]")
        if len(np.unique(known)) < len(known):
            raise DataError(
                "factors: a month stands in two rows; expected one row a month"
            )
    both = np.isin(days, known)
    return Shared(days[both], returns[both], np.isin(known, days), len(days))


def _months(days: Times, returns: Array) -> tuple[Times, Array]:
    """Return whole months (m,) and the return over each."""
    months = days.astype("datetime64[M]")
    names, first = np.unique(months, return_index=True)
    grown = np.multiply.reduceat(1.0 + returns, first) - 1.0
    whole = np.ones(len(names), dtype=bool)
    # a weekday of the month before the first day, or after the last, was not in the run
    whole[0] &= (
        np.busday_offset(days[0], -1, roll="backward").astype("datetime64[M]")
        < names[0]
    )
    whole[-1] &= (
        np.busday_offset(days[-1], 1, roll="forward").astype("datetime64[M]")
        > names[-1]
    )
    return names[whole], grown[whole]


@dataclass(frozen=True)
class FactorsAnalyzer:
    """Regresses the returns of a run on factors once it is done."""

    config: FactorsConfig

    def decided(self, decision: Any) -> None:
        """Take no note: what is asked is asked after the run."""

    def table(self) -> tuple[str, pd.DataFrame]:
        """Return what the other tables are."""
        import pandas as pd

        rows = {
            REGRESSION: "what of the run's returns factors explain; t-values by Newey and West",
            FIT: "over which periods, and how much is explained",
        }
        return "factors", pd.DataFrame(
            {"table": list(rows), "what": list(rows.values())}
        )

    def study(self, prepared: Prepared, _: Ledger) -> Mapping[str, pd.DataFrame]:
        """Return the tables by name; the run is played once more for its daily returns."""
        table = factor_table(self.config)
        _metrics, sessions, returns, _warnings = measured(prepared)
        shared = shared_periods(sessions, returns, table)
        own = shared.returns - table.rate[shared.rows]
        found = regress(own, table.values[shared.rows], self.config.lags)
        per_year = MONTHS if table.monthly else sessions_per_year(sessions)
        return {
            REGRESSION: _regression_frame(found, table.names, per_year),
            FIT: self._fit_frame(found, shared, table),
        }

    def _fit_frame(
        self, found: Regression, shared: Shared, table: FactorTable
    ) -> pd.DataFrame:
        import pandas as pd

        what = "months" if table.monthly else "sessions"
        rate = self.config.rate or (SAMPLE_RATE if self.config.file is None else None)
        rows: dict[str, Any] = {
            f"{what} used": f"{len(shared.periods)} of {shared.of}",
            "from": str(shared.periods[0]),
            "to": str(shared.periods[-1]),
            "share explained, R squared": f"{found.share:.3f}",
            "lags of the t-values": str(found.lags),
            "factors": str(self.config.file.name if self.config.file else SAMPLE),
            "risk-free return": rate or "not taken off: no column is named for it",
        }
        return pd.DataFrame({"what": list(rows), "value": list(rows.values())})


def _regression_frame(
    found: Regression, names: tuple[str, ...], per_year: int
) -> pd.DataFrame:
    import pandas as pd

    scale = np.ones(len(found.values))
    scale[0] = 100.0 * per_year
    values, errors = scale * found.values, scale * found.errors
    return pd.DataFrame(
        {
            "number": [ALPHA, *names],
            "value": values,
            "standard error": errors,
            "t": found.t,
            "95% from": values - SURE * errors,
            "95% to": values + SURE * errors,
        }
    )


@hookimpl
def bt_analyzers() -> list[Component]:
    return [
        Component(
            name="factors",
            config=FactorsConfig,
            build=_build,
            summary="regresses the run's returns on factors, those of Fama and French or a "
            "file's, with t-values by Newey and West",
        )
    ]


def _build(config: FactorsConfig, _: BuildContext) -> FactorsAnalyzer:
    return FactorsAnalyzer(config)
