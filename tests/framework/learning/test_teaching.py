"""What a learner is promised: rehearsal, cutoffs, and bars that end there."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kit.learners import PLUGIN, RUN, learned_run

from bt_run import ConfigError, PluginError, load_result, play, prepare, run
from bt_run.backtest.lessons import taught
from bt_run.backtest.playing import due_bars, market_of
from bt_run.backtest.playing import play as play_market
from bt_run.causality.futures import noise_after
from bt_run.checks.reproduction import reproduce
from bt_run.data.slices import until
from bt_run.learning.cutoffs import rehearsal_cutoffs, run_cutoffs
from bt_run.results.manifest import table_hash

TWO = RUN.replace(
    "  - {use: mean}\n", "  - {use: mean}\n  - {use: mean, reads: notes}\n"
)
PICKED = RUN.replace(
    "{use: trend, fast: 20, slow: 100}", "{use: picker, refit: quarter}"
)


def notes_of(ledger):
    return [(one.bar, dict(one.notes), dict(one.memos)) for one in ledger.decisions]


def played(ready, bars):
    """Return the ledger of a run on other bars, and its fits."""
    config = ready.config
    parts, fits = taught(config, ready.parts.on(bars), bars)
    market = market_of(config, parts, bars)
    return play_market(config, parts, market, due_bars(config, parts, bars)), fits


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    return prepare(learned_run(tmp_path_factory.mktemp("one")))


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    return prepare(learned_run(tmp_path_factory.mktemp("two"), TWO))


def test_a_run_is_taught_before_its_start_and_in_every_later_period(ready) -> None:
    bars = ready.bars
    cutoffs = run_cutoffs(bars, "year")
    assert cutoffs[0] == bars.start - 1
    days = [str(bars.sessions[bar]) for bar in cutoffs]
    assert days == ["2002-12-31", "2004-01-02"]
    early = rehearsal_cutoffs(bars, "year", 60)
    assert [str(bars.sessions[bar]) for bar in early][:3] == [
        "2000-01-03",
        "2001-01-02",
        "2002-01-02",
    ]


def test_a_model_serves_from_the_bar_after_its_cutoff(ready) -> None:
    ledger, fits = played(ready, ready.bars)
    digests = {fit.cutoff: fit.fitted.digest for fit in fits}
    assert len(digests) == 2
    for decision in ledger.decisions:
        newest = max(cutoff for cutoff in digests if cutoff < decision.bar)
        assert decision.notes["overlays.0"]["model"] == digests[newest]


def test_a_lesson_is_what_the_stages_before_would_have_done_alone(ready) -> None:
    """The mean is that of a plain run of the sizer which begins where the rehearsal does."""
    _, fits = played(ready, ready.bars)
    without = ready.changed({"overlays": []})
    early = replace(without.bars, start=60)
    parts = without.parts.on(early)
    market = market_of(without.config, parts, early)
    due = due_bars(without.config, parts, early)
    nav = play_market(without.config, parts, market, due).nav
    for fit in fits:
        own = nav[60 : fit.cutoff + 1]
        mean = float((own[1:] / own[:-1] - 1.0).mean())
        assert json.loads(fit.fitted.text)["mean"] == pytest.approx(mean, abs=1e-15)


@pytest.mark.parametrize("share", [0.05, 0.6])
def test_nothing_changes_where_the_future_is_cut_or_noise(two, share) -> None:
    bars = two.bars
    t = bars.start + int(share * (len(bars) - bars.start))
    whole, fits = played(two, bars)
    before = [one for one in notes_of(whole) if one[0] <= t]
    noise = noise_after(bars, t, 300, np.random.default_rng(1))
    for other in (until(bars, t), noise):
        ledger, again = played(two, other)
        assert [one for one in notes_of(ledger) if one[0] <= t] == before
        for one, two_ in zip(whole.decisions, ledger.decisions, strict=False):
            if one.bar <= t:
                np.testing.assert_array_equal(one.target, two_.target)
        early = [(f.path, f.cutoff, f.fitted.digest) for f in fits if f.cutoff <= t]
        same = [(f.path, f.cutoff, f.fitted.digest) for f in again if f.cutoff <= t]
        assert same == early


def test_a_later_learner_learns_from_what_the_earlier_said_out_of_sample(two) -> None:
    """In the rehearsal the first one is taught every year from its own bar 60 on."""
    ledger, fits = played(two, two.bars)
    second = [fit for fit in fits if fit.path == "overlays.1"]
    # weeks of 2000 and later have notes, so there are fewer rows than bars
    rows = json.loads(second[0].fitted.text)["rows"]
    weeks = len({str(day)[:10] for day in _weeks(two.bars, "2000-01-04", "2002-12-31")})
    assert rows == weeks
    said = {notes["overlays.1"]["p"] for _, notes, _ in notes_of(ledger)}
    assert said <= {0.5, 1.0}


def _weeks(bars, first, last):
    sessions = bars.sessions.astype("datetime64[D]")
    week = (sessions.astype(int) + 3) // 7
    new = np.append(True, week[1:] != week[:-1])
    inside = (sessions >= np.datetime64(first)) & (sessions <= np.datetime64(last))
    return sessions[new & inside]


def test_too_few_rows_are_no_model(tmp_path: Path) -> None:
    text = RUN.replace("{use: mean}", "{use: mean, rows: 1100}")
    result = run(learned_run(tmp_path, text))
    notes = [json.loads(note) for note in result.memos["notes"]]
    early = result.memos["time"] < "2004-01-05"
    states = np.array([note.get("state") for note in notes], dtype=object)
    assert set(states[early.to_numpy()]) == {"no model"}
    assert set(states[~early.to_numpy()]) == {None}
    assert result.models is not None
    assert str(result.models["cutoff"].min())[:10] == "2004-01-02"


def test_a_lesson_that_begins_after_the_run_is_taught_when_it_can(
    tmp_path: Path,
) -> None:
    text = RUN.replace("{use: mean}", "{use: mean, learn_from: 1100}")
    result = run(learned_run(tmp_path, text))
    assert result.models is not None
    assert [str(time)[:4] for time in result.models["cutoff"]] == ["2004"]


def test_a_strategy_learns_without_weights(tmp_path: Path) -> None:
    result = run(learned_run(tmp_path, PICKED))
    assert result.models is not None
    assert list(result.models["component"].unique()) == ["strategy", "overlays.0"]
    assert result.manifest["look_ahead"]["verdict"] == "no difference"
    texts = result.models["text"][result.models["component"] == "strategy"]
    assert len(texts) == 8
    last = json.loads(texts.iloc[-1])
    signals = result.decisions[result.decisions["time"] > "2004-10-04"].groupby("asset")
    assert 0.5 < min(last) < 0.9 < max(last)
    for place, (_, rows) in enumerate(signals):
        assert set(rows["signal"]) == {float(last[place] > 0.6)}


def test_processes_change_nothing(tmp_path, monkeypatch) -> None:
    config = learned_run(tmp_path, TWO)
    one = run(config)
    monkeypatch.setenv("BT_RUN_WORKERS", "2")
    many = run(config)
    assert one.run_id == many.run_id
    for name, table in one.tables.items():
        assert table_hash(table) == table_hash(many.tables[name]), name


def test_a_wrong_number_of_processes_is_refused(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("BT_RUN_WORKERS", "two")
    with pytest.raises(
        ConfigError, match="the environment says 'two'; expected a number"
    ):
        run(learned_run(tmp_path))


def test_the_tables_lie_in_the_folder_and_are_read_back(tmp_path: Path) -> None:
    result = run(learned_run(tmp_path), tmp_path / "runs", reports=False)
    assert result.folder is not None
    again = load_result(result.folder)
    for name in ("models", "folds"):
        assert (result.folder / f"{name}.parquet").is_file()
        assert name in result.manifest["tables"]
        assert table_hash(again.tables[name]) == result.manifest["tables"][name]
    assert list(again.models.columns) == [
        "component",
        "cutoff",
        "digest",
        "text",
        "summary",
    ]
    assert list(again.folds.columns) == [
        *("component", "cutoff", "kind", "first", "last"),
        *("label_end_last", "rows", "effective_rows"),
    ]
    assert (again.folds["label_end_last"] <= again.folds["cutoff"]).all()
    assert reproduce(result.folder).identical


def test_a_changed_model_is_named(tmp_path: Path) -> None:
    result = run(learned_run(tmp_path), tmp_path / "runs", reports=False)
    (tmp_path / "learners.py").write_text(
        PLUGIN.replace('"rows": len(values)}', '"n": 1}')
    )
    found = reproduce(result.folder)
    assert "models: row 0" in found.text
    assert "component source" in found.text


def test_a_run_without_a_learner_has_no_such_tables(tmp_path: Path) -> None:
    text = RUN.replace("overlays:\n  - {use: mean}\n", "")
    result = run(learned_run(tmp_path, text))
    assert result.models is None
    assert result.folds is None
    assert not {"models", "folds"} & set(result.tables)
    assert "lessons" not in result.timings


def test_a_play_is_taught_like_the_run(ready) -> None:
    ledger = play(ready)
    result = run(ready.config)
    np.testing.assert_array_equal(ledger.nav[ledger.bars.start :], result.nav["nav"])


def test_the_spot_check_fits_once_more(tmp_path: Path) -> None:
    """A fit that draws without a seed answers differently, and is named."""
    config = learned_run(tmp_path)
    drawn = PLUGIN.replace(
        '"mean": float(values.mean())',
        '"mean": float(values.mean() + np.random.default_rng().normal() * 1e-9)',
    )
    (tmp_path / "learners.py").write_text(drawn)
    result = run(config)
    assert (
        "overlays.0 mean: fitted again on the bars up to 2002-12-31"
        in result.look_ahead
    )


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "return Fitted(text",
            "return 3.0 or Fitted(text",
            "gave a float; expected a model as",
        ),
        (
            "return json.loads(text)",
            "return json.loads('{')",
            "reading its model of 2002-12-31",
        ),
        (
            "text = json.dumps({",
            "text = 1 / 0, ({",
            "fitting at 2002-12-31: failed: ZeroDiv",
        ),
    ],
)
def test_what_a_learner_does_wrong_is_said(tmp_path, old, new, text) -> None:
    config = learned_run(tmp_path)
    assert PLUGIN.count(old) >= 1
    (tmp_path / "learners.py").write_text(PLUGIN.replace(old, new, 1))
    with pytest.raises(PluginError, match=text):
        run(config)


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (
            "refit: day",
            "overlays.0 'mean': refit was 'day'; expected one of session, week",
        ),
        ("learn_from: -1", "learn_from was -1; expected a number of bars, 0 or more"),
    ],
)
def test_a_wrong_period_is_refused(tmp_path, key, text) -> None:
    with pytest.raises(PluginError, match=text):
        run(learned_run(tmp_path, RUN.replace("{use: mean}", f"{{use: mean, {key}}}")))


def test_what_cannot_be_taught_may_not_learn(tmp_path: Path) -> None:
    text = RUN.replace(
        "{use: trend, fast: 20, slow: 100}", "{use: top_n, n: 1, score: {use: picker}}"
    )
    expected = (
        "strategy.score: strategy 'picker' learns; only an overlay of the run and"
    )
    with pytest.raises(ConfigError, match=expected):
        prepare(learned_run(tmp_path, text))
