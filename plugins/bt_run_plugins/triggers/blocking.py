"""What the triggers share that block names: they may ask for a trade of the others too."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from bt_run import Config, Plan, Verdict
from bt_run.arrays import Mask

__all__ = ["BlockingConfig", "blocking_advice", "blocking_verdict"]


class BlockingConfig(Config):
    """Configuration of what is blocked, and of whether the rest is traded."""

    fires: bool = Field(
        False,
        description="ask for a trade of the other names at every decision; needed where no other "
        "trigger fires",
    )


def blocking_verdict(config: BlockingConfig, blocked: Mask, reason: str) -> Verdict:
    """Return that ``blocked`` (N,) keep their shares, for a ``reason``."""
    return Verdict(config.fires, reason=reason, blocked=blocked)


def blocking_advice(config: BlockingConfig, plan: Plan) -> Iterator[str]:
    """Yield that nothing will ever be traded, where no other trigger could ask for it, or where one
    that needs this to fire waits in vain.
    """
    own = plan.own.path
    if config.fires:
        return
    if own.count(".") > 1:
        yield (
            f"{own}: {plan.own.name} only blocks names, so what needs it to fire never does; write "
            "it beside, in `triggers`"
        )
    elif not _other_triggers(plan):
        yield (
            f"{own}: {plan.own.name} only blocks names, and no other trigger fires, so nothing is "
            "ever traded; write `fires: true`"
        )


def _other_triggers(plan: Plan) -> list[str]:
    """Return the paths of the other triggers of a run."""
    others = (*plan.before, *plan.after)
    return [one.path for one in others if one.path.startswith("triggers")]
