"""Components that keep their promises, of the kinds that bt-run has no built-in of."""

import backtrader as bt
import numpy as np
import pandas as pd
from pydantic import Field

from bt_run import Component, Config, Nested, Proposal, Verdict, hookimpl


class MeanConfig(Config):
    parts: list[Nested["strategy"]] = Field(  # noqa: F821
        min_length=1, description="their exposures are averaged"
    )


class Mean:
    """Average the exposures of other strategies, and count the calls."""

    def __init__(self, config, context):
        self.parts = context.children["parts"]

    def signal(self, state):
        answers = [part(state.child("parts", i)) for i, part in enumerate(self.parts)]
        values = [
            answer.values if isinstance(answer, Proposal) else answer
            for answer in answers
        ]
        memos = [
            dict(answer.memo or {}) if isinstance(answer, Proposal) else {}
            for answer in answers
        ]
        return Proposal(np.mean(values, axis=0), memo={"parts": memos})


class NoKeys(Config):
    """Needs no keys."""


class Steady:
    """Change sides only after three decisions on the other one."""

    def __init__(self, config, context):
        pass

    def signal(self, state):
        closes = state.history.close(10, asset_bars=True)
        now = np.where(state.history.tradable, closes[-1] > closes.mean(axis=0), np.nan)
        streak = state.memo.get("streak", {})
        names = state.history.assets
        grown = {
            name: streak.get(name, 0) + 1 if now[i] > 0 else 0
            for i, name in enumerate(names)
        }
        held = np.array([grown[name] >= 3 for name in names], dtype=float)
        return Proposal(np.where(np.isnan(now), np.nan, held), memo={"streak": grown})


class Cross(bt.Strategy):
    """Hold each asset above its moving average."""

    params = (("period", 20),)

    def __init__(self):
        self.averages = [
            bt.indicators.SMA(data, period=self.p.period) for data in self.datas
        ]

    def next(self):
        for data, average in zip(self.datas, self.averages, strict=True):
            target = 0.9 / len(self.datas) if data.close[0] > average[0] else 0.0
            self.order_target_percent(data, target=target)


class Turnover:
    """Note how much each decision trades."""

    def __init__(self, config, context):
        self.rows = []

    def decided(self, decision):
        self.rows.append(
            (decision.bar, float(np.abs(decision.target - decision.drifted).sum()))
        )

    def table(self):
        return "turnover by decision", pd.DataFrame(
            self.rows, columns=["bar", "two way"]
        )


class Patient:
    """Veto what follows a trade within a week."""

    def __init__(self, config, context):
        pass

    def check(self, state, target):
        last = state.last_trade
        early = last is not None and (state.history.session - last).astype(int) < 7
        return Verdict(
            fire=not early,
            veto=bool(early),
            reason="traded this week" if early else "a week has passed",
        )


@hookimpl
def bt_strategies():
    return [
        Component(
            name="mean",
            config=MeanConfig,
            build=Mean,
            summary="averages other strategies",
            example={"parts": [{"use": "trend", "fast": 3, "slow": 12}, "steady"]},
        ),
        Component(
            name="steady", config=NoKeys, build=Steady, summary="changes sides slowly"
        ),
        Component.from_backtrader(Cross, name="cross_all"),
    ]


@hookimpl
def bt_triggers():
    return [
        Component(
            name="patient",
            config=NoKeys,
            build=Patient,
            summary="a week between trades",
        )
    ]


@hookimpl
def bt_analyzers():
    return [
        Component(
            name="turnover",
            config=NoKeys,
            build=Turnover,
            summary="two-way turnover of each decision",
        )
    ]
