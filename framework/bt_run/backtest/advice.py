"""Combinations that defeat themselves, said before the first bar."""

from __future__ import annotations

from collections.abc import Iterator

from bt_run.backtest.building import Parts
from bt_run.backtest.classic_rules import classic_warnings
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars
from bt_run.data.controls import OBEYED
from bt_run.data.data_notes import stale_opens
from bt_run.data.usual_day import usual_day_of
from bt_run.guard import guarded
from bt_run.roles import Advises, Placed, Plan
from bt_run.text import listed, nearest

__all__ = ["warnings_of"]


def warnings_of(config: RunConfig, parts: Parts, bars: Bars) -> tuple[str, ...]:
    """Return what components, the broker and classic mode have to say against this run."""
    warnings = [
        *_advice(config, parts, bars),
        *_stale_opens(parts, bars),
        *_controls(config, parts),
    ]
    if parts.classic is not None:
        warnings += classic_warnings(bars)
    return tuple(warnings)


def _advice(config: RunConfig, parts: Parts, bars: Bars) -> Iterator[str]:
    """Ask the components of the pipeline, nested ones too, with what they do not go together."""
    placed = parts.placed
    day = usual_day_of(bars)
    for place, one in enumerate(placed):
        before, after = placed[:place], placed[place + 1 :]
        for own in (one, *_nested(parts, one)):
            if isinstance(own.component, Advises):
                plan = Plan(own, config.schedule, before=before, after=after, day=day)
                yield from guarded(
                    f"{own.path} {own.name!r}: advice", _sentences, own.component, plan
                )


def _nested(parts: Parts, one: Placed) -> Iterator[Placed]:
    names = parts.pipeline.names if parts.pipeline is not None else {}
    for path, built in parts.built.items():
        if path.startswith(f"{one.path}."):
            yield Placed(path, names.get(path, path), built)


def _sentences(component: Advises, plan: Plan) -> list[str]:
    return [str(sentence) for sentence in component.advice(plan)]


def _controls(config: RunConfig, parts: Parts) -> Iterator[str]:
    """Say which controls the pipeline may not obey as they were meant."""
    known = {key for one in parts.controls.known for key in one}
    for key in sorted(known - {*OBEYED}):
        near = nearest(key.lower(), OBEYED)
        if near is not None:
            yield (
                f"controls: {key!r} is left to components; the pipeline obeys {near!r}, if that "
                "was meant"
            )
    if known & {*OBEYED} and config.schedule not in ("bar", "session"):
        yield (
            f"controls: halt and flatten are looked at when the run decides, schedule: "
            f"{config.schedule}; a denser schedule with triggers obeys them sooner"
        )


def _stale_opens(parts: Parts, bars: Bars) -> Iterator[str]:
    if parts.broker.fill != "next_open":
        return
    stale = stale_opens(bars)
    if stale:
        yield (
            f"broker.fill: next_open, but the opens of {listed(stale)} often repeat the previous "
            "close, the very price the signal saw; next_close is honest here"
        )
