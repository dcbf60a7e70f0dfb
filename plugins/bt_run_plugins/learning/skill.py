"""A probability learned from rows: tree, twin or base rate, whichever the rows themselves allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from bt_run import Array, FoldRows
from bt_run.studies.bootstrap import resampled_means
from bt_run.studies.folds import Window
from bt_run_plugins.learning.calibrate import platt, shrunk
from bt_run_plugins.learning.classifiers import (
    Classifier,
    Rows,
    TreeCaps,
    fit_logistic,
    fit_tree,
    log_loss,
    read_classifier,
    select_columns,
    sigmoid,
)
from bt_run_plugins.learning.labels import effective_rows
from bt_run_plugins.learning.splits import Purge, validation_windows

__all__ = ["Choice", "Learned", "Recipe", "learn"]

RESAMPLES = 500
FEWEST = 5  # rows of the rarer class in every part, else the base rate is all there is
OUTSIDE = (1.0, 99.0)  # percentiles of training features
Kind = Literal["tree", "twin", "base"]


@dataclass(frozen=True)
class Recipe:
    """How a probability is learned.

    Attributes:
        purge: horizon, lag and embargo.
        caps: how large the tree may be.
        folds: blocks of validation.
        shrink: effective rows that weigh as much as the base rate.
        model: which classifiers stand for election.
    """

    purge: Purge
    caps: TreeCaps
    folds: int = 4
    shrink: float = 100.0
    model: Literal["best", "tree", "twin", "base"] = "best"


@dataclass(frozen=True)
class Choice:
    """What validation said: the mean log loss of each, and the differences with their errors."""

    kind: Kind
    losses: Mapping[str, float]
    tree_over_twin: float
    over_base: float


@dataclass(frozen=True, eq=False)
class Learned:
    """A calibrated probability.

    Attributes:
        base: the base rate of the labels.
        effective: how many independent rows there were.
        kind: what gives it: tree, twin, or the base rate alone, which is no skill.
        columns: the names of the features that it sees, (k,).
        lowest, highest: their 1 and 99 % percentiles in training, (k,).
        slope, intercept: of the calibration, on log odds.
        shrink: as the recipe has it.
    """

    base: float
    effective: float
    kind: Kind
    columns: tuple[str, ...]
    lowest: Array
    highest: Array
    slope: float
    intercept: float
    shrink: float
    classifier: Classifier | None

    def raw(self, x: Array) -> Array:
        """Return calibrated and shrunk probabilities (n,) of features (n, k)."""
        if self.classifier is None:
            return np.full(len(x), self.base)
        logits = self.slope * self.classifier.logit(x) + self.intercept
        return shrunk(sigmoid(logits), self.base, self.effective, self.shrink)

    def strange(self, x: Array) -> float:
        """Return the share of features (k,) outside what was trained on."""
        if not len(self.columns):
            return 0.0
        return float(((x < self.lowest) | (x > self.highest)).mean())

    def told(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        plain = {
            name: getattr(self, name)
            for name in ("base", "effective", "kind", "slope", "intercept", "shrink")
        }
        return plain | {
            "columns": list(self.columns),
            "lowest": self.lowest.tolist(),
            "highest": self.highest.tolist(),
            "classifier": None if self.classifier is None else self.classifier.told(),
        }

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Learned:
        """Return what ``told()`` wrote."""
        kept = dict(told)
        arrays = {name: np.array(kept[name]) for name in ("lowest", "highest")}
        inner = kept["classifier"]
        kept["classifier"] = None if inner is None else read_classifier(inner)
        return cls(**(kept | arrays | {"columns": tuple(kept["columns"])}))


def learn(
    rows: Rows, names: tuple[str, ...], first: int, recipe: Recipe
) -> tuple[Learned, Choice, list[FoldRows]] | None:
    """Return what ``rows`` (n consecutive bars from bar ``first`` on) teach, what validation said
    of it, and the rows that were used; None where there are too few.

    Columns, scaling and classifiers of each fold are fitted inside it. Calibration is fitted on
    what the folds said of their blocks, which none of them was trained on; the classifier that is
    kept is then trained on all rows.
    """
    purge, count = recipe.purge, len(rows.y)
    folds = validation_windows(count, purge, recipe.folds)
    if not folds:
        return None
    later = slice(folds[0].test.start, count)
    told = [_fold("train", slice(0, count), first, purge)]
    told += [_fold("validate", fold.test, first, purge) for fold in folds]
    told.append(_fold("calibrate", later, first, purge))
    nothing = Learned(
        base=rows.frequency,
        effective=effective_rows(count, purge.horizon, purge.lag),
        kind="base",
        columns=(),
        lowest=np.empty(0),
        highest=np.empty(0),
        slope=1.0,
        intercept=0.0,
        shrink=recipe.shrink,
        classifier=None,
    )
    parts = [rows.at(fold.train) for fold in folds]
    if min(_rarer(part.y) for part in (*parts, rows.at(later))) < FEWEST:
        return nothing, Choice("base", {}, 0.0, 0.0), told
    blocks = _said(rows, folds, recipe)
    choice = _elect(blocks, rows.y[later], recipe)
    if choice.kind == "base":
        return nothing, choice, told
    slope, intercept = platt(blocks[choice.kind].logits, rows.y[later])
    if slope <= 0.0:
        # what the folds said was the wrong way round: that is no skill
        return nothing, replace(choice, kind="base"), told
    columns = _columns(rows, recipe)
    own = rows.only(columns)
    lowest, highest = np.percentile(own.x, OUTSIDE, axis=0)
    found = replace(
        nothing,
        kind=choice.kind,
        columns=tuple(names[column] for column in columns),
        lowest=lowest,
        highest=highest,
        slope=slope,
        intercept=intercept,
        classifier=_fitted(own, choice.kind, recipe),
    )
    return found, choice, told


def _rarer(y: Array) -> int:
    """Return how many labels (n,) of 0 and 1 the rarer class has."""
    return int(min(y.sum(), (1.0 - y).sum()))


def _columns(rows: Rows, recipe: Recipe) -> list[int]:
    worth = effective_rows(len(rows.y), recipe.purge.horizon, recipe.purge.lag)
    return select_columns(rows, max(5, int(worth / 10)))


def _fitted(rows: Rows, kind: Kind, recipe: Recipe) -> Classifier:
    return fit_tree(rows, recipe.caps) if kind == "tree" else fit_logistic(rows)


@dataclass(frozen=True)
class _Block:
    """What one classifier said of all validation rows (n,): log odds, and shrunk probabilities."""

    logits: Array
    p: Array


def _said(rows: Rows, folds: list[Window], recipe: Recipe) -> dict[str, _Block]:
    """Return what each classifier said of the blocks of validation, fitted before each."""
    purge = recipe.purge
    found: dict[str, list[_Block]] = {"base": []}
    for fold in folds:
        own, block = rows.at(fold.train), rows.at(fold.test)
        columns = _columns(own, recipe)
        own, block = own.only(columns), block.only(columns)
        base = np.full(len(block.y), own.frequency)
        found["base"].append(_Block(np.log(base / (1.0 - base)), base))
        worth = effective_rows(len(own.y), purge.horizon, purge.lag)
        for kind in _standing(recipe):
            logits = _fitted(own, kind, recipe).logit(block.x)
            p = shrunk(sigmoid(logits), own.frequency, worth, recipe.shrink)
            found.setdefault(kind, []).append(_Block(logits, p))
    return {
        kind: _Block(
            np.concatenate([block.logits for block in blocks]),
            np.concatenate([block.p for block in blocks]),
        )
        for kind, blocks in found.items()
    }


def _standing(recipe: Recipe) -> tuple[Kind, ...]:
    """Return the classifiers that stand for election; the twin always does."""
    both: dict[str, tuple[Kind, ...]] = {"base": (), "twin": ("twin",)}
    return both.get(recipe.model, ("twin", "tree"))


def _elect(blocks: Mapping[str, _Block], y: Array, recipe: Recipe) -> Choice:
    """Say which of tree, twin and base rate the validation blocks, labelled ``y`` (n,), speak for.

    The tree counts only where its log loss is better than the twin's by more than one standard
    error of a block bootstrap; what is not better than the base rate has no skill.
    """
    losses = {kind: log_loss(block.p, y) for kind, block in blocks.items()}
    means = {kind: float(own.mean()) for kind, own in losses.items()}
    kind: Kind = "base" if recipe.model == "base" else "twin"
    tree_over_twin = 0.0
    if "tree" in losses:
        tree_over_twin = _over(losses["twin"] - losses["tree"], recipe)
        if recipe.model == "tree" or tree_over_twin > 1.0:
            kind = "tree"
    over_base = 0.0 if kind == "base" else _over(losses["base"] - losses[kind], recipe)
    if over_base <= 0.0:
        kind = "base"
    return Choice(kind, means, tree_over_twin, over_base)


def _over(gain: Array, recipe: Recipe) -> float:
    """Return the mean of paired differences (n,) in standard errors of a block bootstrap."""
    block = recipe.purge.horizon
    means = resampled_means(gain[:, None], block, RESAMPLES, recipe.caps.seed)
    error = float(means.std(ddof=1))
    return float(gain.mean()) / error if error > 0.0 else 0.0


def _fold(
    kind: Literal["train", "validate", "calibrate"],
    rows: slice,
    first: int,
    purge: Purge,
) -> FoldRows:
    count = rows.stop - rows.start
    last = first + rows.stop - 1
    return FoldRows(
        kind=kind,
        first=first + rows.start,
        last=last,
        label_end=purge.label_end(last),
        rows=count,
        effective=effective_rows(count, purge.horizon, purge.lag),
    )
