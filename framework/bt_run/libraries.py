"""Libraries that a component may need and an installation may lack, and what installs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.util import find_spec

from bt_run.errors import ConfigError

__all__ = [
    "install_command",
    "missing_libraries",
    "needs_text",
    "not_installed_text",
    "require_installed",
]


def missing_libraries(libraries: Mapping[str, str]) -> dict[str, str]:
    """Return those of ``libraries`` (module -> requirement that brings it) that cannot be imported.

    Nothing is imported to find out.
    """
    return {
        module: requirement
        for module, requirement in sorted(libraries.items())
        if find_spec(module) is None
    }


def install_command(requirements: Iterable[str]) -> str:
    """Return the command that installs ``requirements``, such as ``bt-run[tracker]``."""
    # quoted, because a shell may take brackets for a pattern
    quoted = [f"'{requirement}'" for requirement in sorted(set(requirements))]
    return f"pip install {' '.join(quoted)}"


def needs_text(what: str, missing: Mapping[str, str]) -> str:
    """Return ``WHAT needs A and B``."""
    return f"{what} needs {' and '.join(missing)}"


def not_installed_text(needs: Iterable[str], requirements: Iterable[str]) -> str:
    """Return in one line who needs what is missing, and the command that installs it all."""
    return f"{'; '.join(needs)}, not installed: {install_command(requirements)}"


def require_installed(what: str, libraries: Mapping[str, str]) -> None:
    """Refuse to go on without ``libraries`` (module -> requirement that brings it), which ``what``
    needs.

    Raises:
        ConfigError: some are not installed; it names them and the command that installs them.
    """
    missing = missing_libraries(libraries)
    if missing:
        text = not_installed_text([needs_text(what, missing)], missing.values())
        raise ConfigError(text)
