"""The analyzer of factors: a regression as statsmodels has it, whole months, clear errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from kit.places import EXAMPLES

from bt_run import DataError, load_config, run
from bt_run_plugins.analyzers.factors import (
    ALPHA,
    FIT,
    REGRESSION,
    FactorsConfig,
    FactorTable,
    factor_table,
    regress,
    shared_periods,
)
from bt_run_plugins.sources.sample_series import french_factors


def made(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return returns (n,) whose errors remember, and grow with the first of the factors (n, 3)."""
    rng = np.random.default_rng(17)
    factors = rng.normal(0.0, 0.04, (count, 3))
    errors = np.convolve(rng.normal(0.0, 0.02, count + 2), [1.0, 0.6, 0.3], "valid")
    return 0.002 + factors @ [0.8, 0.3, -0.2] + errors * (
        1 + 10 * factors[:, 0] ** 2
    ), factors


@pytest.mark.parametrize("lags", [0, 1, 4, 12])
@pytest.mark.parametrize("count", [40, 240])
def test_a_regression_is_that_of_statsmodels(count: int, lags: int) -> None:
    returns, factors = made(count)
    found = regress(returns, factors, lags)
    theirs = sm.OLS(returns, sm.add_constant(factors)).fit(
        cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": False}
    )
    np.testing.assert_allclose(found.values, theirs.params, rtol=1e-9)
    np.testing.assert_allclose(found.errors, theirs.bse, rtol=1e-9)
    np.testing.assert_allclose(found.t, theirs.tvalues, rtol=1e-9)
    assert found.share == pytest.approx(theirs.rsquared, rel=1e-9)


def test_lags_follow_the_length_where_none_are_given() -> None:
    assert regress(*made(100)).lags == 4
    assert regress(*made(240)).lags == 4  # 4 x 2.4^(2/9) = 4.86
    assert regress(*made(1000)).lags == 6


def test_the_flagship_is_explained_by_months_of_fama_and_french() -> None:
    changes = ["analyzers=[factors]"]
    result = run(load_config(EXAMPLES / "spy_qqq.yaml", changes), reports=False)
    fit = result.analyses[FIT].set_index("what")["value"]
    # it starts on the third of January 2000, and the factors end in November 2018
    assert (fit["from"], fit["to"]) == ("2000-02", "2018-11")
    assert fit["months used"] == "226 of 227"
    nav = result.closes["nav"].resample("ME").last()["2000-01":"2018-11"]
    days, columns = french_factors()
    french = (
        pd.DataFrame(columns, index=pd.to_datetime(days)).loc["2000-02":"2018-11"] / 100
    )
    own = nav.pct_change().dropna().to_numpy() - french["RF"].to_numpy()
    x = sm.add_constant(french[["Mkt-RF", "SMB", "HML"]].to_numpy())
    theirs = sm.OLS(own, x).fit(cov_type="HAC", cov_kwds={"maxlags": 4})
    table = result.analyses[REGRESSION].set_index("number")
    assert list(table.index) == [ALPHA, "Mkt-RF", "SMB", "HML"]
    scale = [1200.0, 1.0, 1.0, 1.0]
    np.testing.assert_allclose(table["value"], theirs.params * scale, rtol=1e-9)
    np.testing.assert_allclose(table["t"], theirs.tvalues, rtol=1e-9)


def test_only_whole_months_of_the_run_count() -> None:
    days = np.arange(np.datetime64("2020-01-02"), np.datetime64("2020-04-29"))
    days = days[np.is_busday(days)]
    returns = np.full(len(days), 0.001)
    months = np.arange("2020-01", "2020-06", dtype="datetime64[M]").astype(
        "datetime64[D]"
    )
    table = FactorTable(months, ("A",), np.ones((5, 1)), np.zeros(5))
    assert table.monthly
    shared = shared_periods(days, returns, table)
    # the second of January is the day after a weekday of that month, and April is not over
    assert shared.periods.astype(str).tolist() == ["2020-02", "2020-03"]
    assert shared.rows.tolist() == [False, True, True, False, False]
    assert shared.returns[0] == pytest.approx(1.001**20 - 1)


def test_days_are_laid_beside_days() -> None:
    days = np.array(["2020-01-02", "2020-01-03", "2020-01-06"], dtype="datetime64[D]")
    table = FactorTable(days[1:], ("A",), np.ones((2, 1)), np.zeros(2))
    shared = shared_periods(days, np.array([0.1, 0.2, 0.3]), table)
    assert shared.returns.tolist() == [0.2, 0.3]
    assert shared.of == 3


def written(folder: Path, text: str) -> FactorsConfig:
    file = folder / "factors.csv"
    file.write_text(text)
    return FactorsConfig(file=file, unit="percent", rate="RF")


def test_a_file_is_read_in_its_unit_and_its_rate_is_no_factor(tmp_path: Path) -> None:
    table = factor_table(
        written(tmp_path, "date,M,RF\n2020-01-02,1.5,0.01\n2020-01-03,-2,0.01\n")
    )
    assert table.names == ("M",)
    np.testing.assert_allclose(table.values[:, 0], [0.015, -0.02])
    np.testing.assert_allclose(table.rate, 1e-4)
    assert not table.monthly


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "day,M\n2020-01-02,1\n",
            r"found columns day, M; expected date and a column for each",
        ),
        ("date,M\n2020-01-02,1\n", r"no column 'RF' for the risk-free return; found M"),
        (
            "date,M,RF\n2020-01-02,,1\n",
            r"column M has no number in row 1; expected a return",
        ),
        ("date,M,RF\n2020-01-02,high,1\n", r"column M: .*'high'; expected returns"),
        (
            "date,M,RF\n2020-01-03,1,0\n2020-01-02,1,0\n",
            r"expected rising dates and at least",
        ),
        ("date,RF\n2020-01-02,1\n", r"expected rising dates and at least one factor"),
    ],
)
def test_what_is_no_table_of_factors_is_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        factor_table(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv: no such file of factors"):
        factor_table(FactorsConfig(file=tmp_path / "none.csv"))


def test_too_little_or_too_much_alike_is_refused() -> None:
    returns, factors = made(14)
    with pytest.raises(
        DataError, match=r"found 11 periods that .*expected at least 12 for 4"
    ):
        regress(returns[:11], factors[:11])
    same = np.column_stack([factors[:, 0], 2.0 * factors[:, 0]])
    with pytest.raises(
        DataError, match=r"one factor is constant or a mixture of the others"
    ):
        regress(returns, same)


def test_a_month_in_two_rows_is_refused() -> None:
    days = np.array(["2020-01-02", "2020-01-31", "2020-02-28"], dtype="datetime64[D]")
    table = FactorTable(days, ("A",), np.ones((3, 1)), np.zeros(3))
    with pytest.raises(DataError, match="a month stands in two rows"):
        shared_periods(days, np.zeros(3), table)
