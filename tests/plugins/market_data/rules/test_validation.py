"""Validation: all rules in one table, and what fails which profile."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from bt_run import ConfigError, exchange_sessions
from bt_run_plugins.market_data.rules.findings import FINDING_COLUMNS, SEVERITIES
from bt_run_plugins.market_data.rules.thresholds import Thresholds
from bt_run_plugins.market_data.rules.validation import (
    FATAL,
    RULES,
    STRICT,
    ValidateConfig,
    validate,
)

DAYS = exchange_sessions(
    "XNYS", np.datetime64("2010-01-01"), np.datetime64("2010-12-31")
)


def walk(seed=1):
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, len(DAYS))))
    open_ = np.append(close[0], close[:-1]) * 1.001
    high, low = np.maximum(open_, close) * 1.005, np.minimum(open_, close) * 0.995
    columns = {
        "date": DAYS.astype("datetime64[ns]"),
        "open": open_,
        "high": high,
        "low": low,
        "close": close,
    }
    return pd.DataFrame(
        columns | {"volume": rng.integers(8e5, 1.2e6, len(DAYS)).astype(float)}
    )


def judged(table, profile="standard", prices=None, **config):
    return validate(
        {"A": table}, {"A": prices}, ValidateConfig(profile=profile, **config)
    )


def test_good_rows_pass_both_profiles():
    for profile in ("standard", "strict"):
        result = judged(walk(), profile)
        assert not result.failed
        assert len(result.findings) == len(result.counts) == 0
        assert tuple(result.findings.columns) == FINDING_COLUMNS


def test_an_infinite_split_is_named_once_and_makes_no_other_finding():
    table = walk().assign(split=np.where(np.arange(len(DAYS)) == 100, np.inf, 1.0))
    found = judged(table, prices="as_traded").findings
    assert found["rule"].tolist() == ["negative_action"]
    assert found["text"].tolist() == ["split was inf; expected 0 or more"]


def test_a_missing_session_fails_strict_only():
    gap = walk().drop(index=[100]).reset_index(drop=True)
    assert not judged(gap).failed
    assert judged(gap).findings["severity"].tolist() == ["warning"]
    strict = judged(gap, "strict")
    assert strict.failed
    assert strict.failures["rule"].tolist() == ["missing_session"]
    assert strict.failures["severity"].tolist() == ["error"]


def test_an_error_that_a_run_can_bear_passes_standard_and_fails_strict():
    table = walk()
    table.loc[50, "high"] = table.loc[50, ["open", "close"]].min() * 1.0001
    table.loc[50, "low"] = table.loc[50, ["open", "close"]].min() * 0.999
    standard, strict = judged(table), judged(table, "strict")
    assert standard.findings["rule"].tolist() == ["outside_range"]
    assert not standard.failed
    assert strict.failed


def test_what_makes_a_run_impossible_fails_both():
    table = walk()
    table.loc[50, "close"] = -1.0
    for profile in ("standard", "strict"):
        result = judged(table, profile)
        assert result.failed
        assert result.failures["rule"].tolist() == ["price_not_positive"]


@pytest.mark.parametrize("rule", sorted(FATAL))
def test_every_fatal_rule_is_an_error(rule):
    assert {item.name: item.severity for item in RULES}[rule] == "error"


def test_a_frame_with_wrong_columns_does_not_stop_the_others():
    gap = walk(2).drop(index=[100])
    result = validate({"A": walk()[["date"]], "B": gap}, {}, ValidateConfig())
    assert result.findings[["symbol", "rule"]].to_numpy().tolist() == [
        ["A", "missing_column"],
        ["B", "missing_session"],
    ]
    assert result.failed


def test_rows_out_of_order_or_doubled_are_judged_all_the_same():
    table = pd.concat([walk(), walk().iloc[[7]]], ignore_index=True)
    rules = judged(table).findings["rule"].tolist()
    assert sorted(rules) == ["dates_not_rising", "dates_twice"]


def test_counts_are_by_rule_the_worst_first():
    table = walk().drop(index=[100, 150]).reset_index(drop=True)
    table.loc[50, "close"] = np.nan
    table.loc[60, "volume"] = 0.0
    counts = judged(table).counts
    assert counts["severity"].map(SEVERITIES.index).is_monotonic_increasing
    found = counts.set_index("rule")["findings"].to_dict()
    assert found == {"close_missing": 1, "missing_session": 2, "zero_volume": 1}


def test_thresholds_are_the_users():
    table = walk()
    table.loc[60, "high"] *= 1.15
    assert judged(table).counts["rule"].tolist() == ["range_spike"]
    assert len(judged(table, thresholds=Thresholds(spike=0.5)).findings) == 0


def test_findings_come_in_a_stable_order_and_nothing_is_changed():
    frames = {name: walk(seed).drop(index=[40, 90]) for seed, name in enumerate("CAB")}
    kept = {name: table.copy() for name, table in frames.items()}
    one = validate(frames, {}, ValidateConfig())
    other = validate(dict(sorted(frames.items())), {}, ValidateConfig())
    pd.testing.assert_frame_equal(one.findings, other.findings)
    assert one.findings["symbol"].tolist() == list("AABBCC")
    for name, table in frames.items():
        pd.testing.assert_frame_equal(table, kept[name])


def test_no_frames_at_all_is_no_failure():
    assert not validate({}, {}, ValidateConfig()).failed


def test_the_rules_are_unique_and_each_says_why():
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    assert set(names) >= STRICT | FATAL
    assert all(rule.why and rule.severity in SEVERITIES for rule in RULES)


def test_unknown_calendars_and_thresholds_are_refused():
    with pytest.raises(ConfigError, match="was 'XNYSE'"):
        judged(walk(), calendar="XNYSE")
    with pytest.raises(ConfigError, match="was 'XNYSE'"):
        validate({}, {}, ValidateConfig(calendar="XNYSE"))
    with pytest.raises(ValidationError, match="thresholds"):
        ValidateConfig(thresholds={"jumps": 3})


@pytest.mark.parametrize(
    ("table", "rules"),
    [
        (walk().iloc[:1], []),
        (walk().assign(close=np.nan).iloc[:3], ["close_missing"] * 3),
        (
            walk()
            .assign(date=pd.NaT, close=1.0)[["date", "close"]]
            .astype({"date": "datetime64[ns]"})
            .iloc[:1],
            ["date_missing"],
        ),
        (walk().iloc[:0], ["no_rows"]),
    ],
)
def test_frames_with_next_to_nothing_are_judged_too(table, rules):
    result = validate(
        {"A": table.reset_index(drop=True), "B": table.reset_index(drop=True)},
        {},
        ValidateConfig(),
    )
    assert result.findings["rule"].tolist() == rules * 2


def test_bars_within_the_day_are_checked_row_by_row_and_for_sessions():
    daily = walk().iloc[:40]
    hours = pd.concat(
        [
            daily.assign(date=daily["date"] + pd.Timedelta(hours=hour))
            for hour in (15, 16, 17, 18)
        ]
    )
    hours = hours.sort_values("date").reset_index(drop=True)
    hours.loc[3, "low"] = 0.0
    gap = hours[hours["date"].dt.normalize() != daily["date"][20]].reset_index(
        drop=True
    )
    found = judged(gap).findings
    assert found["rule"].tolist() == [
        "intraday_rows",
        "price_not_positive",
        "missing_session",
    ]
