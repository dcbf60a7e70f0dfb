"""Luck and skill in simulated worlds: a small size of what `make evidence` counts."""

import importlib.util
import re
import sys

import pytest
from kit.places import BENCHMARKS, ROOT


@pytest.fixture(scope="module")
def luck():
    spec = importlib.util.spec_from_file_location("luck", BENCHMARKS / "luck.py")
    luck = importlib.util.module_from_spec(spec)
    # a dataclass looks its module up there
    sys.modules[spec.name] = luck
    spec.loader.exec_module(luck)
    yield luck
    del sys.modules[spec.name]


@pytest.mark.parametrize("correlation", [0.0, 0.55, 0.95])
def test_the_best_of_noise_is_rarely_called_significant(luck, correlation):
    called, _ = luck.false_calls(luck.SMALL, correlation)
    assert called <= 2  # of 20


def test_a_number_of_trials_reduced_for_their_correlation_is_a_mistake(luck):
    called, reduced = luck.false_calls(luck.SMALL, 0.55)
    assert reduced >= called + 5


def test_the_more_skill_the_more_often_it_is_found(luck):
    found = list(luck.skill_found(luck.SMALL, 45).values())
    assert found == sorted(found)
    assert found[0] <= 4  # a Sharpe ratio of 1.0 in five years among 45
    assert found[-1] >= 16  # and of 2.5


def test_noise_is_overfitted_and_one_that_stands_out_is_not(luck):
    noise = luck.overfitting_of(luck.SMALL, 0.0).mean()
    assert 0.3 < noise < 0.7
    assert luck.overfitting_of(luck.SMALL, luck.DOMINANT).mean() < 0.1


def test_words_follow_the_skill(luck):
    none, much = luck.words(12, 0.0), luck.words(6, 0.8)
    assert none["significant"] + none["some evidence"] <= 2
    assert none["inconclusive"] >= 8
    assert much["significant"] >= 5


def test_a_history_remembers_its_volatility(luck):
    values = luck.history(luck.np.random.default_rng(1), 20_000)
    assert values.std() == pytest.approx(1.0, abs=0.15)
    sizes = abs(values)
    assert luck.np.corrcoef(sizes[1:], sizes[:-1])[0, 1] > 0.1


def test_the_document_states_what_the_full_size_prints(luck):
    """Each line of the page has a part of the command behind it."""
    text = (ROOT / "docs" / "significance.md").read_text(encoding="utf-8")
    for correlation in luck.CORRELATIONS:
        assert re.search(rf"correlation {correlation:.2f} +\d+\.\d%", text)
    for skill in luck.SKILLS:
        assert re.search(rf"^ +{skill:.2f} +\d+\.\d% .*\d+\.\d%", text, flags=re.M)
    full = luck.FULL
    assert f"best of {full.strategies} strategies without skill" in text
    assert f"{full.worlds} worlds" in text
    assert f"{full.histories} histories" in text
