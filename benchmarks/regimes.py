"""Count how often `meta` has the right one of two strategies, in worlds whose regimes are known.

Run by ``make evidence``; ``--quick`` takes four worlds. Phases trend and turn back by turns; a
world is one asset, all worlds of a line are played in one run. The last part plays worlds without
any regime, and counts in how many the choice is better than 95 % of its own rotations in time,
which should be one in twenty.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bt_run import Ledger, RunConfig, play, prepare
from bt_run.account.sleeves import sleeve_returns

Array = NDArray[np.float64]
ROWS, WARM_UP, SETTLED, COST = 2520, 240, 20, 3e-4
PULL = np.log(2) / 5  # half of a deviation is gone in five sessions
DEVIATION = 0.012
DWELL = 5
MEMBERS = (
    {"use": "trend", "fast": 10, "slow": 40, "short": True},
    {"use": "mean_reversion", "lookback": 10, "entry": 1.0, "short": True},
)
LINES = ((0.0015, 120), (0.003, 120), (0.0045, 120), (0.0015, 480), (0.003, 480))
ROTATIONS = 200


@dataclass(frozen=True)
class Worlds:
    """Log returns (T, N) of N worlds, and where they trend, (T, N)."""

    moves: Array
    trends: NDArray[np.bool_]


def made_worlds(count: int, drift: float, phase: int) -> Worlds:
    """Make ``count`` worlds, their phases of ``phase`` sessions."""
    parts = [_world(seed, drift, phase) for seed in range(count)]
    moves, trends = zip(*parts, strict=True)
    return Worlds(np.array(moves).T, np.array(trends).T)


def _world(seed: int, drift: float, phase: int) -> tuple[Array, NDArray[np.bool_]]:
    random = np.random.default_rng(seed)
    moves, trends = np.zeros(ROWS), np.zeros(ROWS, dtype=bool)
    side, place = 1.0, 0.0
    for t in range(ROWS):
        if t % phase == 0:
            side, place = random.choice([-1.0, 1.0]), 0.0
        trends[t] = (t // phase) % 2 == 0
        noise = random.normal(0.0, DEVIATION)
        moves[t] = side * drift + noise if trends[t] else noise - PULL * place
        place += moves[t]
    return moves, trends


def noise_worlds(count: int) -> Worlds:
    """Make ``count`` worlds without any regime."""
    moves = np.random.default_rng(99).normal(0.0, DEVIATION, (ROWS, count))
    return Worlds(moves, np.zeros(moves.shape, dtype=bool))


def config(names: Sequence[str], days: pd.DatetimeIndex) -> RunConfig:
    """Return the run that decides every session."""
    return RunConfig.model_validate(
        {
            "name": "regimes",
            "data": {
                "source": "frames",
                "assets": list(names),
                "benchmark": names[0],
                "calendar": "24/5",
                "start": str(days[1].date()),
                "end": str(days[-1].date()),
            },
            "strategy": {"use": "meta", "members": list(MEMBERS), "dwell": DWELL},
            "sizer": "equal_weight",
            "schedule": "session",
            "limits": {"short": True},
            "broker": {
                "use": "simulated",
                "fill": "next_close",
                "slippage": {"bps": COST * 1e4},
            },
        }
    )


@dataclass(frozen=True)
class Played:
    """What was chosen and what it earned: rows of decisions.

    Attributes:
        rows: (n,) bars.
        trend: (n, N) whether the trend member was chosen.
        exposure: (T, N) of the choice. members: (2, T, N) of each member. closes: (T, N).
    """

    rows: NDArray[np.int_]
    trend: NDArray[np.bool_]
    exposure: Array
    members: Array
    closes: Array

    def earned(self, exposure: Array) -> Array:
        """Return the daily net returns of an exposure (T, N)."""
        found = sleeve_returns(exposure, self.closes, self.closes, "next_close", COST)
        return np.nan_to_num(found[WARM_UP:])


def played(worlds: Worlds) -> Played:
    """Play all worlds as the assets of one run."""
    days = pd.bdate_range("2000-01-03", periods=ROWS)
    closes = 100.0 * np.exp(worlds.moves.cumsum(axis=0))
    names = [f"W{number:02d}" for number in range(closes.shape[1])]
    frame = pd.DataFrame(closes, index=days, columns=names)
    prepared = prepare(config(names, days), bars=frame)
    ledger: Ledger = play(prepared)
    rows = np.array([decision.bar for decision in ledger.decisions])
    chosen = [
        [name == "trend" for name in decision.memos["strategy"]["member"].values()]
        for decision in ledger.decisions
    ]
    exposure = np.zeros(closes.shape)
    exposure[rows] = np.nan_to_num([one.signal for one in ledger.decisions])
    pipeline = prepared.parts.pipeline
    assert pipeline is not None
    signals = pipeline.on(ledger.bars).signals
    members = np.nan_to_num([signals[f"strategy.members.{k}"] for k in (0, 1)])
    return Played(rows, np.array(chosen), exposure, members, closes)


def sharpe(returns: Array) -> Array:
    """Return the yearly Sharpe ratios (N,) of daily returns (T, N)."""
    return np.asarray(np.sqrt(252) * returns.mean(axis=0) / returns.std(axis=0))


def line(drift: float, phase: int, count: int) -> str:
    """Play one kind of world and return its line of the table."""
    worlds = made_worlds(count, drift, phase)
    found = played(worlds)
    late = (found.rows >= WARM_UP) & (found.rows % phase >= SETTLED)
    right = (found.trend == worlds.trends[found.rows])[late].mean(axis=0)
    knowing = np.where(worlds.trends, found.members[0], found.members[1])
    ratios = [
        np.median(sharpe(found.earned(exposure)))
        for exposure in (found.exposure, *found.members, knowing)
    ]
    cells = " | ".join(f"{ratio:.2f}" for ratio in ratios)
    return f"| {drift:.2%} | {phase} | {np.median(right):.1%} | {cells} |"


def lucky(count: int) -> int:
    """Return in how many worlds without regimes the choice beats 95 % of its rotations."""
    found = played(noise_worlds(count))
    random = np.random.default_rng(5)
    chosen = np.zeros(found.closes.shape, dtype=bool)
    chosen[found.rows] = found.trend
    own = sharpe(found.earned(np.where(chosen, *found.members)))
    better = np.zeros(count)
    for shift in random.integers(WARM_UP, ROWS - WARM_UP, ROTATIONS):
        turned = np.where(np.roll(chosen, shift, axis=0), *found.members)
        better += sharpe(found.earned(turned)) >= own
    return int(((1.0 + better) / (1.0 + ROTATIONS) < 0.05).sum())


def main() -> None:
    """Print the table and the count."""
    quick = "--quick" in sys.argv[1:]
    count = 4 if quick else 20
    print(
        "| drift a session | sessions a phase | right | meta | trend | reversion | always right |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for drift, phase in LINES[:2] if quick else LINES:
        print(line(drift, phase, count))
    worlds = 8 if quick else 30
    print(
        f"\nwithout regimes: {lucky(worlds)} of {worlds} beat 95 % of their rotations"
    )


if __name__ == "__main__":
    main()
