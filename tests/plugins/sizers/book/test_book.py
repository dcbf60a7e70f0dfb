"""Several strategies in one account."""

import numpy as np
import pandas as pd
import pytest

from bt_run import ConfigError, RunConfig, load_config, play, prepare
from bt_run_plugins.sizers.book.book import BookConfig

TREND = {"use": "trend", "fast": 5, "slow": 20}
REVERSION = {"use": "mean_reversion", "lookback": 10, "entry": 1.0, "short": True}
ASSETS = ["A", "B"]


def prices(rows=320, flat=()):
    random = np.random.default_rng(4)
    moves = random.normal(0.0003, 0.012, (rows, 2))
    moves[list(flat)] = 0.0
    days = pd.bdate_range("2010-01-04", periods=rows)
    return pd.DataFrame(50 * np.exp(moves.cumsum(axis=0)), index=days, columns=ASSETS)


def config(strategy=None, sizer=None, **keys):
    tree = {
        "name": "book",
        "data": {
            "source": "frames",
            "assets": ASSETS,
            "benchmark": "A",
            "calendar": "24/5",
            "start": "2010-03-01",
            "end": "2011-03-25",
        },
        "sizer": sizer,
        "schedule": "week",
        "limits": {"short": True},
        "broker": {"use": "simulated", "fill": "next_close", "commission": {"bps": 10}},
    }
    if strategy is not None:
        tree["strategy"] = strategy
    return RunConfig.model_validate(tree | keys)


def sleeve(budget, strategy=TREND, sizer="equal_weight", **keys):
    return {
        "use": "sleeve",
        "budget": budget,
        "strategy": strategy,
        "sizer": sizer,
        **keys,
    }


def book(*sleeves, **keys):
    return {"use": "book", "sleeves": list(sleeves), **keys}


def played(frame=None, **keys):
    return play(prepare(config(**keys), bars=prices() if frame is None else frame))


def orders(ledger):
    return [
        (fill.bar, *(getattr(fill, name).tobytes() for name in ("asked", "filled")))
        for fill in ledger.fills
    ]


def test_a_sleeve_with_all_the_capital_is_the_plain_run():
    plain = played(strategy=TREND, sizer="equal_weight")
    whole = played(sizer=book(sleeve(1.0), sleeve(0.0, REVERSION)))
    assert orders(whole) == orders(plain)
    assert whole.nav.tobytes() == plain.nav.tobytes()


def test_weights_are_the_budgets_times_those_of_the_sleeves():
    one = played(strategy=TREND, sizer="equal_weight")
    other = played(strategy=REVERSION, sizer="equal_weight")
    both = played(sizer=book(sleeve(0.6), sleeve(0.3, REVERSION)))
    for a, b, c in zip(one.decisions, other.decisions, both.decisions, strict=True):
        want = 0.6 * a.stages[0] + 0.3 * b.stages[0]
        np.testing.assert_allclose(c.stages[0], want, atol=1e-15)


def test_budgets_drift_or_return():
    keys = {"sizer": book(sleeve(0.6), sleeve(0.4, REVERSION), rebalance="never")}
    drifting = played(**keys).decisions[-1].notes["sizer"]["sleeves"]
    budgets = [one["budget"] for one in drifting.values()]
    assert budgets != [0.6, 0.4]
    assert sum(budgets) == pytest.approx(1.0)
    monthly = played(
        sizer=book(sleeve(0.6), sleeve(0.4, REVERSION), rebalance="month")
    ).decisions
    seen = [
        (decision.memos["sizer"]["month"], decision.memos["sizer"]["budgets"])
        for decision in monthly
    ]
    first = {}
    for month, found in seen:
        first.setdefault(month, found)
    assert all(found == [0.6, 0.4] for found in first.values())
    assert any(found != [0.6, 0.4] for _, found in seen)


def test_netting_saves_what_the_fills_did_not_cost():
    # no move on the day of the fill, so that what is decided is what is traded
    frame = prices(flat=range(1, 320, 5))
    sizes = book(sleeve(0.5, TREND), sleeve(0.5, REVERSION))
    ledger = played(frame, sizer=sizes)
    costs = {fill.bar - 1: float(fill.commission.sum()) for fill in ledger.fills}
    checked = 0
    for decision in ledger.decisions:
        notes = decision.notes["sizer"]
        nav = ledger.nav[decision.bar]
        if (
            abs(np.log(frame.iloc[decision.bar + 1] / frame.iloc[decision.bar])).max()
            > 0
        ):
            continue
        assert costs.get(decision.bar, 0.0) == pytest.approx(
            notes["costs netted"] * nav, rel=2e-3, abs=0.5
        )
        checked += 1
        assert notes["costs alone"] >= notes["costs netted"] - 1e-15
    assert checked > 20
    saved = [
        decision.notes["sizer"]["costs alone"] - decision.notes["sizer"]["costs netted"]
        for decision in ledger.decisions
    ]
    assert max(saved) > 1e-5


def test_a_sleeve_is_worth_what_its_strategy_earns_alone():
    # decided at a close that is also that of the fill: nothing is lost in between
    frame = prices(flat=range(1, 320, 5))
    keys = {"broker": {"use": "simulated", "fill": "next_close"}}
    alone = played(frame, strategy=TREND, sizer="equal_weight", **keys)
    both = played(frame, sizer=book(sleeve(0.5), sleeve(0.5, REVERSION)), **keys)
    last = both.decisions[-1]
    value = last.notes["sizer"]["sleeves"]["trend"]["value"]
    growth = alone.nav[last.bar] / alone.nav[both.bars.start]
    assert value == pytest.approx(growth, rel=2e-3)


def test_tables_tell_values_and_savings():
    from bt_run import run

    result = run(
        config(
            sizer=book(sleeve(0.5, name="up"), sleeve(0.5, REVERSION)),
            analyzers=["book_sleeves"],
        ),
        bars=prices(),
        reports=False,
    )
    values = result.analyses["sleeve values"]
    assert set(values["sleeve"]) == {"up", "mean_reversion"}
    netting = result.analyses["sleeve netting"]
    assert (netting["saved"] == netting["alone"] - netting["netted"]).all()
    assert netting["saved"].sum() > 0


def test_two_sleeves_of_one_strategy_are_numbered():
    ledger = played(sizer=book(sleeve(0.5), sleeve(0.5)))
    assert list(ledger.decisions[0].notes["sizer"]["sleeves"]) == ["trend 0", "trend 1"]


@pytest.mark.parametrize(
    ("sizer", "text"),
    [
        (
            book(sleeve(0.7), sleeve(0.5)),
            "budgets 0.7, 0.5 sum to 1.2; expected 1 at most",
        ),
        (
            book({"use": "sleeve", "budget": 0.5, "strategy": "trend"}),
            "sizer.sleeves.0.sizer: missing key; found nothing; expected",
        ),
        (
            book(sleeve(0.5, sizer=book(sleeve(1.0)))),
            "sleeves.0.sizer was a book; a book holds no other, so list its sleeves here",
        ),
        (book("equal_weight"), "sleeves.0 was 'equal_weight'; expected {use: sleeve,"),
        (
            book(sleeve(0.5, {"use": "momentum", "kind": "score"})),
            "sizer.sleeves.0.sizer: 'equal_weight' accepts exposure, but strategy 'momentum' gives "
            "score",
        ),
        (
            sleeve(1.0),
            "sizer: 'sleeve' is a part of 'book' and nothing alone; expected `sizer",
        ),
    ],
)
def test_what_is_no_book_is_refused(sizer, text):
    with pytest.raises(ConfigError) as caught:
        prepare(config(sizer=sizer), bars=prices())
    assert text in str(caught.value)


def test_a_strategy_beside_a_book_is_refused():
    with pytest.raises(
        ConfigError,
        match="strategy: sizer 'book' brings its own strategies, and 'trend' would not",
    ):
        prepare(config(strategy=TREND, sizer=book(sleeve(1.0))), bars=prices())


def test_a_run_without_a_strategy_is_refused_with_its_place(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text(
        "name: a\ndata: {source: {use: sample, set: indices}, assets: {SPY: SP500}, "
        "benchmark: SPY, start: 2000-01-03, end: 2003-12-31}\nsizer: equal_weight\n"
    )
    with pytest.raises(
        ConfigError, match=r"run\.yaml:1:1: strategy: missing key; found"
    ):
        prepare(load_config(file))


def test_budgets_that_are_no_numbers_are_left_to_the_sleeve():
    assert BookConfig(sleeves=[sleeve("half")]).specs[0].options["budget"] == "half"
    with pytest.raises(
        ConfigError, match=r"sleeves\.0\.budget: wrong value; found 'half'"
    ):
        prepare(config(sizer=book(sleeve("half"))), bars=prices())
