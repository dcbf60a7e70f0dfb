"""What the supervisor finds in made worlds: a planted regime, a weak one, and noise.

A regime s of +1 or -1 with a half-life of 120 days moves a market by m s a day beside noise of
1.2 %; a feature shows s times its signal-to-noise ratio beside noise of 1. The learner is that of
the overlay, taught every year, judged from the sixth year on. What is printed is the share of the
distance in Sharpe ratio between buy-and-hold and an oracle that knows s.

    python benchmarks/supervisor_worlds.py [SEEDS]
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from bt_run_plugins.learning.calibrate import with_gain
from bt_run_plugins.learning.classifiers import Rows, TreeCaps
from bt_run_plugins.learning.labels import beats, uniqueness
from bt_run_plugins.learning.skill import Recipe, learn
from bt_run_plugins.learning.splits import Purge
from bt_run_plugins.overlays.supervisor.confidence import Path, next_confidence

DAYS, YEAR, HALF_LIFE, SIGMA = 3780, 252, 120, 0.012
FIRST = 5 * YEAR  # the first day that is judged
HORIZON, LAG, COST = 20, 1, 0.0003
PATH = Path(alpha=0.8, max_change=0.10, floor=0.0)
FILTER = 0.1  # of the one-line filter: what a day adds


@dataclass(frozen=True)
class World:
    """A market's daily returns (T,), its regime (T,), and the feature (T,) that is seen."""

    returns: np.ndarray
    regime: np.ndarray
    seen: np.ndarray


def world(seed: int, drift: float, ratio: float) -> World:
    """Make a world; a ``ratio`` of 0 shows nothing."""
    draw = np.random.default_rng(seed)
    flips = draw.random(DAYS) < 1.0 - 0.5 ** (1.0 / HALF_LIFE)
    flips[0] = False
    regime = np.where(np.cumsum(flips) % 2, -1.0, 1.0)
    returns = drift * regime + SIGMA * draw.normal(size=DAYS)
    return World(returns, regime, ratio * regime + draw.normal(size=DAYS))


def ema(values: np.ndarray, half_life: float) -> np.ndarray:
    """Return the exponential mean (T,) of values (T,), from the first on."""
    keep = 0.5 ** (1.0 / half_life)
    out = np.empty(len(values))
    level = 0.0
    for place, value in enumerate(values):
        level = keep * level + (1.0 - keep) * value
        out[place] = level
    return out


def features(made: World) -> tuple[tuple[str, ...], np.ndarray]:
    """Return names and values (T, K): the feature and four means of it, and the market's own."""
    logs = np.log1p(made.returns)
    columns = {"seen": made.seen}
    columns |= {f"mean {n}": ema(made.seen, n) for n in (5, 10, 20, 40)}
    for n in (21, 63):
        rolled = np.lib.stride_tricks.sliding_window_view(logs, n)
        columns[f"return {n}"] = np.append(np.full(n - 1, np.nan), rolled.sum(axis=1))
        columns[f"volatility {n}"] = np.append(
            np.full(n - 1, np.nan), rolled.std(axis=1)
        )
    return tuple(columns), np.column_stack(list(columns.values()))


def learned(made: World, model: str = "best") -> tuple[np.ndarray, list[str]]:
    """Return the probabilities (T,) out of sample with gain 1 and 4, (T, 2), and what was chosen
    in each year.
    """
    names, x = features(made)
    value = np.cumprod(1.0 + made.returns)
    y = beats(value, np.ones(DAYS), HORIZON, LAG, COST)
    weight = uniqueness(y, HORIZON, LAG)
    first = int(np.flatnonzero(np.isfinite(x).all(axis=1))[0])
    recipe = Recipe(Purge(HORIZON, LAG, 5), TreeCaps(2, 80, 0.08, 0), model=model)
    p = np.full((DAYS, 2), np.nan)
    kinds = []
    for cutoff in range(FIRST - 1, DAYS, YEAR):
        rows = slice(first, cutoff - HORIZON - LAG + 1)
        own = Rows(x[rows], y[rows], weight[rows], (0,) * len(names))
        found = learn(own, names, first, recipe)
        assert found is not None
        model_, _, _ = found
        kinds.append(model_.kind)
        later = slice(cutoff + 1, min(DAYS, cutoff + 1 + YEAR))
        seen = x[later][:, [names.index(name) for name in model_.columns]]
        raw = model_.raw(np.ascontiguousarray(seen))
        for place, gain in enumerate((1.0, 4.0)):
            p[later, place] = with_gain(raw, model_.base, gain)
    return p, kinds


def held(p: np.ndarray) -> np.ndarray:
    """Return the confidence (n,) that is held where the model says ``p`` (n,)."""
    out, before = np.empty(len(p)), None
    for place, raw in enumerate(p):
        before = next_confidence(before, float(raw), PATH, 1.0)
        out[place] = before
    return out


def sharpe(exposure: np.ndarray, returns: np.ndarray) -> float:
    """Return the Sharpe ratio per year of an ``exposure`` (n,) decided at each close and filled at
    the next, which earns from the day after on.
    """
    own = np.append(np.zeros(2), exposure[:-2])
    moved = np.abs(np.diff(own, prepend=0.0))
    net = (own * returns - COST * moved)[2:]
    return float(net.mean() / net.std(ddof=1) * np.sqrt(YEAR))


def rotation(exposure: np.ndarray, returns: np.ndarray, draws: int, seed: int) -> float:
    """Return the plus-one p of the Sharpe ratio among rotations of the ``exposure`` (n,)."""
    draw = np.random.default_rng(seed)
    own = sharpe(exposure, returns)
    shifts = draw.integers(YEAR // 2, len(exposure) - YEAR // 2, draws)
    better = sum(sharpe(np.roll(exposure, int(k)), returns) >= own for k in shifts)
    return (1 + better) / (1 + draws)


def judged(
    seed: int, drift: float, ratio: float, model: str = "best"
) -> dict[str, float]:
    """Return the Sharpe ratios of one world, and the p of the rotation test with both gains."""
    made = world(seed, drift, ratio)
    p, kinds = learned(made, model)
    rows = slice(FIRST, DAYS)
    returns = made.returns[rows]
    soft, hard = held(p[rows, 0]), held(p[rows, 1])
    one_line = (ema(made.seen, 1.0 / FILTER)[rows] > 0.0).astype(float)
    return {
        "hold": sharpe(np.ones(len(returns)), returns),
        "oracle": sharpe((made.regime[rows] > 0.0).astype(float), returns),
        "gain 1": sharpe(soft, returns),
        "gain 4": sharpe(hard, returns),
        "one-line filter": sharpe(one_line, returns),
        "matched": sharpe(np.full(len(returns), soft.mean()), returns),
        "p 1": rotation(soft, returns, 200, seed),
        "p 4": rotation(hard, returns, 200, seed),
        "no skill": float(np.mean([kind == "base" for kind in kinds])),
        "tree": float(np.mean([kind == "tree" for kind in kinds])),
    }


def recovered(found: list[dict[str, float]], name: str) -> float:
    """Return the median share of the distance from buy-and-hold to the oracle."""
    shares = [
        (one[name] - one["hold"]) / (one["oracle"] - one["hold"]) for one in found
    ]
    return float(np.median(shares))


def main() -> None:
    """Print a line for each world."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    for name, drift, ratio, count in (
        ("planted", 0.0015, 1.0, seeds),
        ("weak", 0.0010, 0.5, seeds),
        ("noise", 0.0, 0.0, 3 * seeds),
    ):
        found = [judged(seed, drift, ratio) for seed in range(count)]
        print(f"{name}: {count} seeds", end="")
        if ratio:
            for column in ("gain 1", "gain 4", "one-line filter"):
                better = np.mean([one[column] > one["hold"] for one in found])
                print(f"; {column} recovers {recovered(found, column):.2f}", end="")
                print(f", beats holding in {better:.0%}", end="")
        for column in ("p 1", "p 4"):
            low = sum(one[column] < 0.05 for one in found)
            print(f"; {column} < 0.05 in {low}", end="")
        gaps = np.array([one["gain 1"] - one["matched"] for one in found])
        error = gaps.std(ddof=1) / np.sqrt(count) if count > 1 else float("nan")
        print(f"; less matched {gaps.mean():+.3f} (SE {error:.3f})", end="")
        kinds = [
            float(np.mean([one[k] for one in found])) for k in ("tree", "no skill")
        ]
        print(f"; trees {kinds[0]:.0%}, no skill {kinds[1]:.0%}", flush=True)


if __name__ == "__main__":
    main()
