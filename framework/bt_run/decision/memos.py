"""What a later pipeline finds of an earlier one's memos, on the same account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bt_run.decision.state import Memo, Memos

__all__ = ["carried_memos"]


def carried_memos(
    memos: Memos, before: Mapping[str, str], after: Mapping[str, str]
) -> Memos:
    """Return the memos of components that have the same name at the same path, nested ones too.

    ``before`` and ``after`` map the paths of two pipelines to names; what has no path in
    ``before``, such as the memory of exits, is the account's and stays.
    """
    return {
        path: _carried(memo, path, before, after)
        for path, memo in memos.items()
        if before.get(path) == after.get(path)
    }


def _carried(
    memo: Memo, path: str, before: Mapping[str, str], after: Mapping[str, str]
) -> Memo:
    """Return a memo with those of nested components; of others nothing is left."""

    def inner(value: Any, at: str) -> Any:
        if isinstance(value, list):
            return [inner(item, f"{at}.{place}") for place, item in enumerate(value)]
        if at not in before:
            return value
        return _carried(value, at, before, after) if before[at] == after.get(at) else {}

    return {key: inner(value, f"{path}.{key}") for key, value in memo.items()}
