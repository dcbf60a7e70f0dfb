"""Call what a plugin wrote: whatever it raises is told as the plugin's, with where it happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bt_run.errors import BtRunError, PluginError

__all__ = ["guarded"]


def guarded(where: str | Callable[[], str], call: Callable[..., Any], *args: Any) -> Any:
    """Return ``call(*args)``; ``where`` may be a function, for words that are expensive to make.

    Raises:
        PluginError: the call raised, or asked the process to exit; ``where`` says who and when.
    """
    try:
        return call(*args)
    except BtRunError as error:
        error.add_note(f"{_words(where)}: stopped the run")
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{_words(where)}: failed: {type(error).__name__}: {error}") from error


def _words(where: str | Callable[[], str]) -> str:
    return where if isinstance(where, str) else where()
