"""A run's learners taught on its bars."""

from __future__ import annotations

from dataclasses import replace

from bt_run.arrays import Mask
from bt_run.backtest.building import Parts
from bt_run.backtest.playing import due_bars, market_of
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars
from bt_run.decision.lesson import Fit
from bt_run.learning.rehearsal import Classroom
from bt_run.learning.teaching import FitAll, fitted_by, teach

__all__ = ["classroom", "taught", "with_models"]


def classroom(config: RunConfig, parts: Parts, bars: Bars) -> Classroom:
    """Return in what the learners of a run are taught: its market and its schedule."""

    def due(own: Bars) -> Mask:
        return due_bars(config, parts, own)

    market = market_of(config, parts, bars)
    return Classroom(market, due, config.seed, parts.controls)


def with_models(config: RunConfig, parts: Parts, bars: Bars) -> Parts:
    """Return parts, which are those of ``parts.on(bars)``, with their learners taught on ``bars``
    in this process.
    """
    return taught(config, parts, bars)[0]


def taught(
    config: RunConfig,
    parts: Parts,
    bars: Bars,
    fit_all: FitAll | None = None,
    serving: int | None = None,
) -> tuple[Parts, tuple[Fit, ...]]:
    """Return parts, which are those of ``parts.on(bars)``, with their learners taught on ``bars``,
    and what they were taught; ``fit_all`` and ``serving`` as ``teach`` takes them.

    A run without a learner comes back as it is.

    Raises:
        PluginError: a learner failed, or broke its contract.
    """
    pipeline = parts.pipeline
    if pipeline is None or not parts.learns:
        return parts, ()
    room = classroom(config, parts, bars)
    found = teach(room, pipeline, fit_all or fitted_by(room, pipeline), serving)
    return replace(parts, pipeline=found.pipeline), found.fits
