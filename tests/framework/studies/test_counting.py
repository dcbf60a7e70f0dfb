"""Which trials count together, and what that makes of one."""

import json
from dataclasses import replace

import numpy as np
import pytest
from kit.sweeps import make_sweep

import bt_run
from bt_run.studies.counting import (
    Judged,
    TrialSubject,
    counted_together,
    facts_of,
    ledger_path,
    trial_of,
    trial_of_run,
)
from bt_run.studies.statistics import deflated_sharpe, measure_moments
from bt_run.studies.trials import open_ledger

DAYS = np.arange("2010-01-01", "2014-01-01", dtype="datetime64[D]")
SESSIONS = DAYS[np.is_busday(DAYS)]
SUBJECT = TrialSubject(
    family="ideas", assets="AAA | AAA", components="{}", data="d", cell="c"
)


def noise(seed, sessions=SESSIONS, **changes):
    random = np.random.default_rng(seed)
    returns = random.normal(0.0002, 0.01, len(sessions))
    subject = replace(SUBJECT, cell=f"cell{seed:03d}", **changes)
    return trial_of(subject, sessions, returns, Judged("sharpe", None))


def test_periods_count_together_by_half_of_the_shorter():
    one = noise(1)
    inside = noise(2, SESSIONS[100:160])
    half = noise(3, SESSIONS[-100:])
    other = noise(4, family="else")
    late = noise(5, SESSIONS[600:] + np.timedelta64(700, "D"))
    found = counted_together([one, inside, half, other, late], one)
    assert [trial.cell for trial in found] == ["cell001", "cell002", "cell003"]


def test_facts_are_those_of_the_statistics(tmp_path):
    with open_ledger(tmp_path / "t.sqlite") as ledger:
        made = ledger.add([noise(seed) for seed in range(14)])
        ledger.add([noise(99, family="others")])
        facts = facts_of(made[4], ledger)
    assert (facts.number, facts.of, facts.others) == (5, 14, 1)
    assert facts.row == made[4].hash
    returns = made[4].returns.astype(float)
    sharpes = np.array([trial.sharpe for trial in made])
    by_hand = deflated_sharpe(measure_moments(returns), sharpes)
    assert facts.deflated == by_hand.probability
    assert facts.best_of_noise == pytest.approx(by_hand.threshold * np.sqrt(252))
    assert facts.sharpe == pytest.approx(
        np.sqrt(252) * returns.mean() / returns.std(ddof=1), rel=1e-5
    )
    assert facts.configurations == 14
    assert facts.overfitting is not None
    assert facts.years == 4.0


def test_few_trials_have_no_overfitting_and_say_why(tmp_path):
    with open_ledger(tmp_path / "t.sqlite") as ledger:
        (made,) = ledger.add([noise(0)])
        facts = facts_of(made, ledger)
    assert facts.overfitting is None
    assert "12" in facts.overfitting_reason
    assert (facts.number, facts.of, facts.clusters) == (1, 1, 1)


def test_a_run_is_a_trial_of_its_assets_unless_it_is_named(tmp_path):
    file = make_sweep(tmp_path, {"over": {"seed": [1]}})
    result = bt_run.run(bt_run.load_config(file))
    found = trial_of_run(result)
    assert found is not None
    assert found.family == found.assets == "AAA,BBB | AAA"
    assert found.cell == result.run_id
    assert json.loads(found.components)["sizer"] == "signal_weight"
    assert found.sharpe * np.sqrt(252) == pytest.approx(
        result.metrics["sharpe"]["run"], rel=1e-9
    )
    named = bt_run.run(bt_run.load_config(file, ["research=ideas"]))
    assert trial_of_run(named).family == "ideas"


def test_the_ledger_lies_beside_the_runs_unless_it_is_named(tmp_path):
    file = make_sweep(tmp_path, {"over": {"seed": [1]}})
    config = bt_run.load_config(file)
    assert ledger_path(config, tmp_path / "runs") == tmp_path / "runs/trials.sqlite"
    named = bt_run.load_config(file, [f"research.ledger={tmp_path}/own.sqlite"])
    assert ledger_path(named, tmp_path / "runs") == tmp_path / "own.sqlite"
