"""Calibration: what a score is worth as a probability, found on rows it was not trained on."""

from __future__ import annotations

import numpy as np

from bt_run import Array

__all__ = ["platt", "shrunk", "tempered", "with_gain"]


def platt(logits: Array, y: Array) -> tuple[float, float]:
    """Return slope and intercept of the log odds (n,): P = sigmoid(slope x + intercept).

    By scikit-learn's ``CalibratedClassifierCV(FrozenEstimator)``; Platt (1999).
    """
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.frozen import FrozenEstimator

    class Given(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
        """Log odds that are there already."""

        def fit(self, x: Array, y: Array) -> Given:
            self.classes_ = np.array([0, 1])
            return self

        def decision_function(self, x: Array) -> Array:
            return x[:, 0]

        def predict(self, x: Array) -> Array:
            return np.asarray(x[:, 0] > 0.0, dtype=np.int64)

    rows = logits.reshape(-1, 1)
    known = Given().fit(rows, y)
    model = CalibratedClassifierCV(FrozenEstimator(known), method="sigmoid")
    model.fit(rows, y.astype(int))
    found = model.calibrated_classifiers_[0].calibrators[0]
    return -float(found.a_), -float(found.b_)


def tempered(probabilities: Array, temperature: float) -> Array:
    """Return ``probabilities`` (..., K) at a ``temperature``: (.7, .2, .1) at 2 become (.5229,
    .2795, .1976). Their order never changes.
    """
    raised = np.asarray(probabilities, dtype=np.float64) ** (1.0 / temperature)
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def shrunk(p: Array | float, base: float, effective: float, k: float) -> Array:
    """Return ``p`` drawn to the ``base`` rate: base + n / (n + k) (p - base), n the effective
    rows.
    """
    return np.asarray(base + effective / (effective + k) * (np.asarray(p) - base))


def with_gain(p: Array | float, base: float, gain: float) -> Array:
    """Return ``p`` with its log odds ``gain`` times as far from those of ``base``; 1 changes
    nothing.
    """
    if gain == 1.0:
        return np.asarray(p)
    own = np.clip(np.asarray(p, dtype=np.float64), 1e-12, 1.0 - 1e-12)
    at = np.log(base / (1.0 - base))
    logit = at + gain * (np.log(own / (1.0 - own)) - at)
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))
