"""Call what a plugin wrote: whatever it raises is told as the plugin's, with where it happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bt_run.errors import BtRunError, PluginError

__all__ = ["guarded"]


def guarded(where: str, call: Callable[..., Any], *args: Any) -> Any:
    """Return ``call(*args)``.

    Raises:
        PluginError: the call raised, or asked the process to exit; ``where`` says who and when.
    """
    try:
        return call(*args)
    except BtRunError as error:
        error.add_note(f"{where}: stopped the run")
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"{where}: failed: {type(error).__name__}: {error}") from error
