"""Every built-in component keeps the promises of its role."""

from pathlib import Path

import pytest

from bt_run.cli.entry import main
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.testing.conformance import kit as conformance

BUILT_IN = tuple(
    f"{offer.role}:{name}"
    for offers in catalogue(get_plugin_manager()).offers.values()
    for name, offer in offers.items()
    if offer.origin.startswith(("bt_run_plugins.", "bt_run_strategies."))
)
SOUND = str(Path(__file__).with_name("sound.py"))
# what cannot be put to the test everywhere, and why; all else is
MAY_SKIP = {
    "returns no memo",
    "its config names assets",
    "holds no other components",
    "nothing bears interest",
    "no Backtrader strategy",
    "gives its signals event by event",
    "brings its own strategies",
}
CLASSIC = {
    "the params of a Backtrader strategy have no descriptions",
    "a Backtrader strategy is written for its data in their order",
    "a Backtrader strategy keeps its state in the object",
    "a Backtrader strategy places orders and gives no signals",
    "the sizes of a Backtrader strategy's orders go back to its first trade",
    "runs bar by bar on Backtrader's own clock",
}
REFUSALS = {
    "strategy:pairs": {"S12": "pairs names 'BBB', which is not an asset"},
    "sizer:rotation": {"Z10": "3 true ranges need 4 bars; the first decision"},
    "trigger:spread": {"T10": "the table 'spread' has no spread for AAA"},
    "sizer:policy_optimizer": {"Z10": "none of the 3 names wanted can be held"},
    "sizer:qp_tracker": {
        "Z10": "the benchmark has no return in the 1 bars",
        "Z12": "1 eligible name with cap 0.6",
    },
}


def broken(outcomes):
    return "\n".join(
        outcome.failure for outcome in outcomes if outcome.mark == "failed"
    )


@pytest.mark.parametrize(
    "label",
    [
        # matplotlib draws its pages four times
        pytest.param(
            label, marks=[pytest.mark.slow] if label == "report:tear_sheet" else []
        )
        for label in BUILT_IN
        if label not in ("source:yahoo", "source:store", "source:pack")
    ],
)
def test_a_built_in_keeps_its_promises(label):
    role, _, name = label.partition(":")
    outcomes = conformance.check(name, role)
    assert not broken(outcomes)
    for outcome in outcomes:
        if outcome.mark == "skipped" and outcome.text not in MAY_SKIP:
            assert REFUSALS[label][outcome.case.number] in outcome.text


def test_sources_of_the_store_keep_their_promises(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("BT_RUN_STORE", str(tmp_path))
    for words in (
        ["import", "sample:indices"],
        ["clean"],
        ["pack", "create", "--as-of", "2018-12-31"],
    ):
        assert main(["data", *words]) == 0
    pack = next(path.name for path in (tmp_path / "packs").iterdir())
    store = {"store": str(tmp_path)}
    for name, options in (
        ("store", {"source": "sample_indices"}),
        ("pack", {"id": pack, "max_age_days": 1_000_000}),
    ):
        outcomes = conformance.check(name, "source", store | options)
        assert {outcome.mark for outcome in outcomes} == {"passed"}, broken(outcomes)


def test_yahoo_is_not_asked_for_prices():
    outcomes = conformance.check("yahoo", "source")
    assert not broken(outcomes)
    assert all(
        "without the network" in outcome.text
        for outcome in outcomes
        if outcome.mark == "skipped"
    )


def test_sound_components_of_other_kinds_keep_their_promises():
    outcomes = conformance.check(SOUND)
    assert not broken(outcomes)
    assert {outcome.subject for outcome in outcomes} == {
        "strategy:mean",
        "strategy:steady",
        "strategy:cross_all",
        "trigger:patient",
        "analyzer:turnover",
    }
    assert {
        outcome.text for outcome in outcomes if outcome.mark == "skipped"
    } <= MAY_SKIP | CLASSIC


def test_the_kit_has_cases_for_every_role_with_numbers_of_their_own():
    numbers = [case.number for cases in conformance.CASES.values() for case in cases]
    assert len(numbers) == len(set(numbers))
    for cases in conformance.CASES.values():
        assert all(
            number in {case.number for case in cases}
            for case in cases
            for number in case.given
        )
        assert all(case.why and not case.why.endswith(".") for case in cases)
