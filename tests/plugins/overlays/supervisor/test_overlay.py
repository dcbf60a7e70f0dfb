"""The overlay: what it blends, in which state, and a run that has it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kit.two_assets import state

from bt_run import BuildContext, ConfigError, Model, Proposal, load_config, prepare, run
from bt_run.backtest.lessons import taught
from bt_run.data.slices import until
from bt_run.results.manifest import table_hash
from bt_run.testing import make_bars
from bt_run_plugins.learning.features import BOOK
from bt_run_plugins.learning.skill import Learned
from bt_run_plugins.overlays.supervisor.config import SupervisorConfig
from bt_run_plugins.overlays.supervisor.overlay import Supervisor

RUN = """\
name: supervised
data:
  source: {use: sample, set: indices}
  assets: {SPY: SP500, QQQ: NASDAQ}
  benchmark: SPY
  start: 2005-01-03
  end: 2007-06-29
  tables:
    baa: {symbol: BAA, source: {use: sample, set: macro}, lag: 1}
strategy: buy_and_hold
sizer: equal_weight
overlays:
  - {use: supervisor, series: {baa: -1}, trees: 20, KEYS}
schedule: week
broker: {use: simulated, commission: {bps: 1}}
"""


def nothing(base: float = 0.7, kind: str = "base") -> Learned:
    return Learned(
        base=base,
        effective=100.0,
        kind=kind,
        columns=(),
        lowest=np.empty(0),
        highest=np.empty(0),
        slope=1.0,
        intercept=0.0,
        shrink=100.0,
        classifier=None,
    )


class Line:
    """Log odds of 4 times the return of a week, whatever else."""

    def logit(self, x):
        return 4.0 * x[:, 0]


def overlay(book=None, **keys) -> Supervisor:
    children = {} if book is None else {"defensive": lambda state: book}
    context = BuildContext(costs=None, children=children)
    return Supervisor(SupervisorConfig(**keys), context)


def at(model=None, bars=None, **changes):
    bars = bars or make_bars({"A": [1.0] * 400, "B": [1.0] * 400})
    known = None if model is None else Model(model, 390, bars.sessions[390], "abc")
    return replace(state(bars), model=known, **changes)


def test_the_blend_is_that_of_the_page() -> None:
    bars = make_bars({name: [1.0] * 400 for name in "ABC"})
    told = at(nothing(), bars, weights=np.zeros(3), memo={"p": 0.7, "bars": 399})
    found = overlay(np.array([0.0, 0.0, 1.0])).adjust(told, np.array([0.6, 0.4, 0.0]))
    np.testing.assert_allclose(found.values, [0.42, 0.28, 0.30], atol=1e-12)
    cash = overlay().adjust(told, np.array([0.6, 0.4, 0.0]))
    np.testing.assert_allclose(cash.values, [0.42, 0.28, 0.0], atol=1e-12)


@pytest.mark.parametrize(
    ("model", "keys", "expected"),
    [
        (None, {}, ("no model", 0.5)),
        (nothing(), {"max_age": 5}, ("stale", 0.5)),
        (nothing(), {}, ("no skill", 0.7)),
    ],
)
def test_each_decision_says_its_state(model, keys, expected) -> None:
    found = overlay(**keys).adjust(at(model), np.array([0.5, 0.5]))
    assert (found.notes["state"], found.notes["raw"]) == expected
    np.testing.assert_allclose(found.values, [expected[1] / 2] * 2)
    assert found.notes.get("model") == (None if model is None else "abc")


def test_what_it_was_not_trained_on_is_said() -> None:
    model = replace(
        nothing(0.5, "twin"),
        columns=BOOK[:1],
        classifier=Line(),
        lowest=np.array([-0.02]),
        highest=np.array([0.02]),
    )
    rising = make_bars({name: list(1.001 ** np.arange(400)) for name in "AB"})
    told = overlay().adjust(at(model, rising), np.array([0.5, 0.5])).notes
    week = 5 * np.log(1.001)
    raw = 0.5 + 0.5 * (1.0 / (1.0 + np.exp(-4.0 * week)) - 0.5)
    assert (told["state"], told["raw"]) == ("ok", pytest.approx(raw))
    fast = make_bars({name: list(1.01 ** np.arange(400)) for name in "AB"})
    strange = overlay().adjust(at(model, fast), np.array([0.5, 0.5])).notes
    assert (strange["state"], strange["strange"]) == ("out of distribution", 1.0)
    short = make_bars({"A": [1.0] * 400, "B": [1.0] * 400}, start=0)
    day = short.sessions[50]
    deep = replace(model, columns=("drawdown 252",))
    young = replace(state(until(short, 100)), model=Model(deep, 50, day, "abc"))
    assert overlay().adjust(young, np.array([0.5, 0.5])).notes["state"] == "fallback"


def test_a_gain_moves_what_is_said_and_the_defensive_memo_is_kept() -> None:
    asked = []

    def book(state):
        asked.append(dict(state.memo))
        return Proposal(
            np.array([0.0, 1.0]), memo={"seen": 1 + state.memo.get("seen", 0)}
        )

    context = BuildContext(costs=None, children={"defensive": book})
    supervisor = Supervisor(SupervisorConfig(), context)
    first = supervisor.adjust(at(nothing()), np.array([1.0, 0.0]))
    second = supervisor.adjust(at(nothing(), memo=first.memo), np.array([1.0, 0.0]))
    assert asked == [{}, {"seen": 1}]
    assert second.memo["defensive"] == {"seen": 2}


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("depth: 4", "less than or equal to 3"),
        ("trees: 400", "less than or equal to 300"),
    ],
)
def test_complexity_is_capped(tmp_path: Path, keys: str, text: str) -> None:
    (tmp_path / "run.yaml").write_text(RUN.replace("trees: 20, KEYS", keys))
    with pytest.raises(ConfigError, match=text):
        load_config(tmp_path / "run.yaml")


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    folder = tmp_path_factory.mktemp("supervised")
    (folder / "run.yaml").write_text(RUN.replace(", KEYS", ""))
    return prepare(load_config(folder / "run.yaml"))


def test_a_run_says_what_it_learned(ready) -> None:
    result = run(ready.config)
    assert result.manifest["look_ahead"]["verdict"] == "no difference"
    summaries = [json.loads(text) for text in result.models["summary"]]
    assert [str(time)[:10] for time in result.models["cutoff"]] == [
        *("2004-12-31", "2006-01-03", "2007-01-03"),
    ]
    assert all({"tree", "twin", "base"} == set(one["losses"]) for one in summaries)
    validated = result.folds[result.folds["kind"] == "validate"]
    assert (validated["label_end_last"] <= validated["cutoff"]).all()
    notes = [json.loads(text) for text in result.memos["notes"]]
    assert {note["state"] for note in notes} <= {
        "ok",
        "no skill",
        "out of distribution",
    }
    raw = np.array([note["raw"] for note in notes])
    p = np.array([note["p"] for note in notes])
    assert (np.abs(np.diff(p)) <= 0.5 + 1e-12).all()
    first = next(iter(summaries))["base rate"]
    assert raw[0] == pytest.approx(first) or summaries[0]["model"] != "base"


def test_a_lesson_cut_or_with_columns_in_another_order_is_the_same(ready) -> None:
    bars = ready.bars
    _, fits = taught(ready.config, ready.parts.on(bars), bars)
    cut = until(bars, bars.start + 30)
    _, again = taught(ready.config, ready.parts.on(cut), cut)
    assert again[0].fitted.text == fits[0].fitted.text
    swapped = ready.config.data.assets
    other = ready.config.model_copy(
        update={
            "data": ready.config.data.model_copy(
                update={"assets": dict(reversed(swapped.items()))}
            )
        }
    )
    one, two = run(ready.config), run(other)
    for name in ("models", "nav", "memos"):
        assert table_hash(one.tables[name]) == table_hash(two.tables[name])


def test_too_many_features_are_refused_with_the_figure(ready) -> None:
    tree = {
        "overlays": [{"use": "supervisor", "series": {"baa": 0}, "learn_from": 900}]
    }
    with pytest.raises(ConfigError, match=r"11 features for \d\d independent rows"):
        run(ready.changed(tree).config)
