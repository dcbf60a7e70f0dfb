"""Call what a plugin wrote: whatever it raises is reported as the plugin's, with where it
happened.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bt_run.errors import BtRunError, PluginError

__all__ = ["guarded"]

CORE = Path(__file__).parent


def guarded(
    where: str | Callable[[], str], call: Callable[..., Any], *args: Any
) -> Any:
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
        what = f"{type(error).__name__}: {error}"
        raise PluginError(
            f"{_words(where)}: failed: {what}{_hint(error)}{_line(error)}"
        ) from error


def _words(where: str | Callable[[], str]) -> str:
    return where if isinstance(where, str) else where()


def _hint(error: BaseException) -> str:
    if isinstance(error, ValueError) and "read-only" in str(error):
        return "; what a component is given is not its own: copy it first"
    return ""


def _line(error: BaseException) -> str:
    """Return the plugin's file and line: the innermost one beside the first that is not ours."""
    frames = traceback.extract_tb(error.__traceback__)
    strange = [frame for frame in frames if CORE not in Path(frame.filename).parents]
    if not strange:
        return ""
    home = Path(strange[0].filename).parent
    own = [frame for frame in strange if home in Path(frame.filename).parents]
    return f" ({own[-1].filename}, line {own[-1].lineno})"
