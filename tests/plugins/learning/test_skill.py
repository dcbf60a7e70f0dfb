"""A learned probability: who is elected, what it may see, and the same text every time."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bt_run_plugins.learning.calibrate import platt, shrunk, tempered, with_gain
from bt_run_plugins.learning.classifiers import (
    Rows,
    TreeCaps,
    fit_logistic,
    fit_tree,
    read_classifier,
    select_columns,
)
from bt_run_plugins.learning.skill import Learned, Recipe, learn
from bt_run_plugins.learning.splits import Purge

NAMES = tuple("abcdefgh")
CAPS = TreeCaps(2, 30, 0.1, 0)
RECIPE = Recipe(Purge(20, 1, 5), CAPS)


def made(strength: float, signs=(0,) * 8, count: int = 1400, seed: int = 4) -> Rows:
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(count, 8))
    # labels that last as long as those of 20 bars do
    x[:, 0] = np.convolve(draw.normal(size=count + 29), np.ones(30) / 5.5, "valid")
    y = (strength * x[:, 0] + draw.normal(size=count) > 0.0).astype(float)
    return Rows(x, y, np.full(count, 0.05), signs)


def test_a_signal_is_found_and_noise_is_none() -> None:
    found, choice, folds = learn(made(1.5), NAMES, 100, RECIPE)
    assert found.kind in ("twin", "tree")
    assert "a" in found.columns
    assert len(found.columns) <= max(5, int(1400 / 21 / 10))
    assert choice.losses[found.kind] < choice.losses["base"]
    noise = [learn(made(0.0, seed=seed), NAMES, 100, RECIPE)[0] for seed in range(6)]
    nothing = [one for one in noise if one.kind == "base"]
    assert len(nothing) >= 4
    assert (nothing[0].raw(np.zeros((3, 0))) == nothing[0].base).all()
    kinds = [rows.kind for rows in folds]
    assert kinds == ["train", *["validate"] * 4, "calibrate"]
    for rows in folds:
        assert rows.label_end == rows.last + 21
    assert folds[0].last == 1499


def test_no_fold_sees_its_block_or_the_gap_before_it() -> None:
    """What is changed in a block and the gap before it leaves the classifier of that fold alone."""
    rows = made(1.5)
    seen = []
    import bt_run_plugins.learning.skill as skill

    original = skill._fitted

    def spy(own, kind, recipe):
        seen.append(len(own.y))
        return original(own, kind, recipe)

    skill._fitted = spy
    try:
        learn(rows, NAMES, 0, RECIPE)
    finally:
        skill._fitted = original
    block = 1400 // 2 // 4
    starts = [1400 - block * (4 - place) for place in range(4)]
    assert [starts[place] - 26 for place in range(4) for _ in range(2)] == seen[:8]
    assert seen[8:] == [1400]


def test_the_text_is_the_model() -> None:
    rows = made(1.5)
    found = learn(rows, NAMES, 0, RECIPE)[0]
    text = json.dumps(found.told(), sort_keys=True)
    again = Learned.of(json.loads(text))
    columns = [NAMES.index(name) for name in found.columns]
    x = np.ascontiguousarray(rows.x[:50, columns])
    assert again.raw(x).tobytes() == found.raw(x).tobytes()
    assert json.dumps(again.told(), sort_keys=True) == text
    assert json.dumps(learn(rows, NAMES, 0, RECIPE)[0].told(), sort_keys=True) == text
    # one row alone gives the same bits
    alone = np.concatenate([again.raw(x[place : place + 1]) for place in range(50)])
    assert alone.tobytes() == found.raw(x).tobytes()


@pytest.mark.parametrize("fit", [fit_logistic, lambda rows: fit_tree(rows, CAPS)])
def test_a_sign_is_kept(fit) -> None:
    """Where the rows say more, a constrained model never says so."""
    rows = made(1.5, signs=(-1, *[0] * 7))
    model = read_classifier(fit(rows).told())
    grid = np.linspace(-3.0, 3.0, 40)
    for row in rows.x[:50]:
        x = np.tile(row, (40, 1))
        x[:, 0] = grid
        assert (np.diff(model.logit(x)) <= 0.0).all()


def test_the_elastic_net_keeps_what_matters() -> None:
    assert 0 in select_columns(made(1.5), 3)
    assert len(select_columns(made(1.5), 3)) <= 3
    assert select_columns(made(1.5), 8) == list(range(8))


def test_one_class_is_its_base_rate() -> None:
    rows = made(1.5)
    same = Rows(rows.x, np.ones(1400), rows.weight, rows.signs)
    found, _, _ = learn(same, NAMES, 0, RECIPE)
    assert (found.kind, found.base) == ("base", 1.0)
    assert learn(rows.at(slice(0, 40)), NAMES, 0, RECIPE) is None


def test_calibration_finds_what_a_score_is_worth() -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(size=20_000) * 2.0
    y = (draw.random(20_000) < 1.0 / (1.0 + np.exp(-(0.5 * logits - 0.3)))).astype(
        float
    )
    slope, intercept = platt(logits, y)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert intercept == pytest.approx(-0.3, abs=0.05)


def test_a_temperature_keeps_the_order() -> None:
    np.testing.assert_allclose(
        tempered(np.array([0.7, 0.2, 0.1]), 2.0), [0.5229, 0.2795, 0.1976], atol=5e-5
    )


def test_shrinkage_and_gain() -> None:
    assert shrunk(0.9, 0.5, 100.0, 100.0) == pytest.approx(0.7)
    assert with_gain(0.7, 0.5, 1.0) == 0.7
    assert with_gain(0.6, 0.6, 4.0) == pytest.approx(0.6)
    odds = 0.7 / 0.3
    assert with_gain(0.7, 0.5, 2.0) == pytest.approx(odds**2 / (1 + odds**2))
