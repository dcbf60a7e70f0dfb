"""Whether a component keeps state of its own: asked again, does it answer the same?"""

from __future__ import annotations

from bt_run.causality.differences import Difference, Noise, compare_decisions
from bt_run.decision.pipeline import Pipeline, decide
from bt_run.decision.state import Decision, Memos, PortfolioState

__all__ = ["MEMO", "asked_again", "own_state_text"]

MEMO = (
    "a run that is resumed would not have it: return what must survive as a memo, "
    "`Proposal(values, memo={...})`, and read it from state.memo"
)


def asked_again(
    pipeline: Pipeline, was: Decision, state: PortfolioState, memos: Memos
) -> Difference | None:
    """Take a decision again on the same state; return what differs, None where nothing does."""
    again = decide(pipeline, state, memos)
    assets = state.history.assets
    return compare_decisions(pipeline, assets, [was], [again], Noise())


def own_state_text(found: Difference, day: str) -> str:
    """Say which component it is, and at which decision it was asked again."""
    what = f"asked again at {day} it answers differently"
    return f"{found.component}: {what}; it keeps state of its own"
