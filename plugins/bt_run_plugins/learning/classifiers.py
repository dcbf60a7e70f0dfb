"""Binary classifiers that are kept as text: a shallow XGBoost, and its logistic twin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from bt_run import Array

__all__ = [
    "Classifier",
    "Logistic",
    "Rows",
    "Tree",
    "TreeCaps",
    "fit_logistic",
    "fit_tree",
    "log_loss",
    "read_classifier",
    "select_columns",
    "sigmoid",
]

SMALLEST = 1e-6  # a probability, so that a loss is finite
PATH = np.geomspace(0.003, 1.0, 12)  # of the elastic net: inverse strengths
THINNED = 5  # rows from one to the next where columns are selected
STRENGTH = 0.1  # inverse, of the twin's ridge penalty


@dataclass(frozen=True)
class Rows:
    """Rows to learn from: features ``x`` (n, K), labels ``y`` (n,) of 0 and 1, weights (n,), and
    the sign that each column must have, (K,).
    """

    x: Array
    y: Array
    weight: Array
    signs: tuple[int, ...]

    def at(self, rows: slice) -> Rows:
        """Return some of the rows."""
        return Rows(self.x[rows], self.y[rows], self.weight[rows], self.signs)

    def only(self, columns: Sequence[int]) -> Rows:
        """Return some of the columns."""
        kept = list(columns)
        signs = tuple(self.signs[column] for column in kept)
        return Rows(self.x[:, kept], self.y, self.weight, signs)

    @property
    def frequency(self) -> float:
        """Return how often y is 1, weighted: the base rate."""
        return float((self.y * self.weight).sum() / self.weight.sum())


@dataclass(frozen=True)
class TreeCaps:
    """How large a boosted tree may be."""

    depth: int
    trees: int
    rate: float
    seed: int


class Classifier(Protocol):
    """What gives log odds."""

    def logit(self, x: Array) -> Array:
        """Return log odds (n,) of features (n, K)."""
        ...

    def told(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        ...


@dataclass(frozen=True, eq=False)
class Logistic:
    """A logistic regression on standardised features: (K,) each."""

    mean: Array
    scale: Array
    coefficients: Array
    intercept: float

    def logit(self, x: Array) -> Array:
        scaled = (x - self.mean) / self.scale
        # one row after another in one order, so that a row gives the same bits alone
        return np.asarray((scaled * self.coefficients).sum(axis=1) + self.intercept)

    def told(self) -> dict[str, Any]:
        arrays = {
            "mean": self.mean,
            "scale": self.scale,
            "coefficients": self.coefficients,
        }
        plain: dict[str, Any] = {name: own.tolist() for name, own in arrays.items()}
        return {"kind": "logistic", "intercept": self.intercept} | plain


@dataclass(frozen=True, eq=False)
class Tree:
    """A boosted tree, as XGBoost's own JSON and as its booster."""

    text: str
    booster: Any

    def logit(self, x: Array) -> Array:
        found = self.booster.inplace_predict(x, predict_type="margin")
        return np.asarray(found, dtype=np.float64)

    def told(self) -> dict[str, Any]:
        return {"kind": "tree", "xgboost": self.text}


def fit_logistic(rows: Rows) -> Logistic:
    """Return a ridge logistic regression; what would have the wrong sign is left out."""
    from sklearn.linear_model import LogisticRegression

    mean, scale = _scaling(rows.x)
    z = (rows.x - mean) / scale
    kept = np.ones(z.shape[1], dtype=bool)
    signs = np.array(rows.signs)
    coefficients = np.zeros(z.shape[1])
    intercept = float(np.log(rows.frequency / (1.0 - rows.frequency)))
    while kept.any():
        model = LogisticRegression(C=STRENGTH, max_iter=1000)
        model.fit(z[:, kept], rows.y.astype(int), sample_weight=_normed(rows))
        coefficients = np.zeros(z.shape[1])
        coefficients[kept] = model.coef_[0]
        intercept = float(model.intercept_[0])
        wrong = kept & (signs * coefficients < 0.0)
        if not wrong.any():
            break
        kept &= ~wrong
        coefficients[wrong] = 0.0
    return Logistic(mean, scale, coefficients, intercept)


def fit_tree(rows: Rows, caps: TreeCaps) -> Tree:
    """Return shallow boosted trees, fitted in one thread and monotone where a sign says so.

    A leaf holds a twentieth of what the rows are worth.
    """
    from xgboost import XGBClassifier

    weight = _normed(rows)
    model = XGBClassifier(
        n_estimators=caps.trees,
        max_depth=caps.depth,
        learning_rate=caps.rate,
        min_child_weight=0.0125 * len(rows.y),
        monotone_constraints=tuple(rows.signs),
        n_jobs=1,
        tree_method="hist",
        device="cpu",
        subsample=1.0,
        random_state=caps.seed,
    )
    model.fit(rows.x, rows.y.astype(int), sample_weight=weight)
    return _tree(model.get_booster().save_raw("json").decode())


def read_classifier(told: Mapping[str, Any]) -> Classifier:
    """Return the classifier that ``told()`` wrote."""
    if told["kind"] == "tree":
        return _tree(told["xgboost"])
    return Logistic(
        mean=np.array(told["mean"]),
        scale=np.array(told["scale"]),
        coefficients=np.array(told["coefficients"]),
        intercept=float(told["intercept"]),
    )


def select_columns(rows: Rows, most: int) -> list[int]:
    """Return at most ``most`` columns: the largest set on the elastic net's path that is no larger,
    or all of them where that is few enough.
    """
    if rows.x.shape[1] <= most:
        return list(range(rows.x.shape[1]))
    from sklearn.linear_model import LogisticRegression

    # neighbouring rows say nearly the same: every fifth tells the columns apart
    thin = rows.at(slice(None, None, THINNED))
    if _one_class(thin.y):
        thin = rows
    mean, scale = _scaling(thin.x)
    z = (thin.x - mean) / scale
    found: list[int] = []
    model = LogisticRegression(
        l1_ratio=0.9,
        solver="saga",
        max_iter=200,
        tol=1e-2,
        random_state=0,
        warm_start=True,
    )
    for strength in PATH:
        model.set_params(C=strength)
        model.fit(z, thin.y.astype(int), sample_weight=_normed(thin))
        chosen = np.flatnonzero(model.coef_[0]).tolist()
        if len(chosen) > most:
            break
        found = chosen or found
    if found:
        return found
    covariance = (z * (thin.y - thin.frequency)[:, None]).sum(axis=0)
    return [int(np.argmax(np.abs(covariance)))]


def log_loss(probabilities: Array, y: Array) -> Array:
    """Return the log loss (n,) of ``probabilities`` (n,) on labels (n,) of 0 and 1."""
    p = np.clip(probabilities, SMALLEST, 1.0 - SMALLEST)
    return np.asarray(-(y * np.log(p) + (1.0 - y) * np.log(1.0 - p)))


def sigmoid(logits: Array) -> Array:
    """Return probabilities of log odds."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.asarray(logits, dtype=np.float64))))


def _tree(text: str) -> Tree:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(text.encode()))
    booster.set_param({"nthread": 1})
    return Tree(text, booster)


def _one_class(y: Array) -> bool:
    return bool((y == y[0]).all())


def _scaling(x: Array) -> tuple[Array, Array]:
    scale = x.std(axis=0)
    return x.mean(axis=0), np.where(scale > 0.0, scale, 1.0)


def _normed(rows: Rows) -> Array:
    return np.asarray(rows.weight * (len(rows.weight) / rows.weight.sum()))
