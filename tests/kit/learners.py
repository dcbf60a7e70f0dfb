"""Learners of a few lines, and a run that has them."""

from __future__ import annotations

from pathlib import Path

from bt_run import RunConfig, load_config

PLUGIN = '''
from __future__ import annotations

import json
from typing import Literal

import numpy as np

from bt_run import Component, Config, Fitted, FoldRows, Proposal, hookimpl


class MeanConfig(Config):
    refit: str = "year"
    learn_from: int = 60
    rows: int = 20
    reads: Literal["track", "notes", "bars"] = "track"


class Mean:
    """Cut weights to a half where the mean return of what it follows was below 0."""

    def __init__(self, config, context):
        self.config, self.refit, self.learn_from = config, config.refit, config.learn_from

    def fit(self, lesson):
        if self.config.reads == "notes":
            noted = lesson.notes["overlays.0"]
            values = np.array([n["p"] for n in noted if n and n["p"] is not None])
        elif self.config.reads == "bars":
            values = lesson.history.returns(len(lesson.history))[1:].mean(axis=1)
        else:
            nav = lesson.nav[list(lesson.nav)[-1]]
            nav = nav[np.isfinite(nav)]
            values = nav[1:] / nav[:-1] - 1.0
        if len(values) < self.config.rows:
            return None
        last = len(lesson.history) - 1
        first = last - len(values) + 1
        rows = FoldRows("train", first, last, last, len(values), float(len(values)))
        text = json.dumps({"mean": float(values.mean()), "rows": len(values)})
        return Fitted(text, summary={"rows": len(values)}, folds=(rows,))

    def read(self, text):
        return json.loads(text)

    def adjust(self, state, weights):
        model = state.model
        if model is None:
            return Proposal(weights, notes={"p": None, "state": "no model"})
        p = 1.0 if model.value["mean"] > 0.0 else 0.5
        notes = {"p": p, "mean": model.value["mean"], "model": model.digest}
        return Proposal(weights * p, notes=notes)


class Picker:
    """An event-driven strategy that holds what rose since its lesson began."""

    def __init__(self, config, context):
        self.refit, self.learn_from = config.refit, config.learn_from

    def fit(self, lesson):
        assert not lesson.weights and not lesson.nav
        closes = lesson.history.close(len(lesson.history))
        return json.dumps((closes[-1] / closes[0]).tolist())

    def read(self, text):
        return np.array(json.loads(text))

    def signal(self, state):
        if state.model is None:
            return np.zeros(len(state.weights))
        return (state.model.value > 0.6).astype(float)


@hookimpl
def bt_overlays():
    return [Component(name="mean", config=MeanConfig, build=Mean, summary="a mean")]


@hookimpl
def bt_strategies():
    return [Component(name="picker", config=MeanConfig, build=Picker, summary="a pick")]
'''

RUN = """\
name: learned
seed: 3
plugins: [learners.py]
data:
  source: {use: sample, set: indices}
  assets: {SPY: SP500, QQQ: NASDAQ}
  benchmark: SPY
  start: 2003-01-02
  end: 2004-12-31
strategy: {use: trend, fast: 20, slow: 100}
sizer: equal_weight
overlays:
  - {use: mean}
schedule: week
broker: {use: simulated, commission: {bps: 1}}
"""


def learned_run(folder: Path, text: str = RUN, *overrides: str) -> RunConfig:
    """Write the plugin and a run file into a folder, and load it."""
    (folder / "learners.py").write_text(PLUGIN)
    (folder / "run.yaml").write_text(text)
    return load_config(folder / "run.yaml", overrides)
