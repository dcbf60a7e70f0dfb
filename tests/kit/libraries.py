"""An installation without some libraries, or with other versions of them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import pytest

__all__ = ["another_version", "hide", "without_distribution"]


def hide(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    """Let ``modules`` look as if they were not installed."""

    def find(name: str) -> object:
        return None if name in modules else find_spec(name)

    monkeypatch.setattr("bt_run.libraries.find_spec", find)


def another_version(monkeypatch: pytest.MonkeyPatch, distribution: str) -> None:
    """Let a distribution be installed at a version that it never had."""
    _answer(monkeypatch, distribution, "999.0")


def without_distribution(monkeypatch: pytest.MonkeyPatch, distribution: str) -> None:
    """Let nobody know of a distribution, nor of the module of its name."""
    _answer(monkeypatch, distribution, None)

    def find(name: str) -> object:
        return None if name == distribution else find_spec(name)

    monkeypatch.setattr("bt_run.results.sources.find_spec", find)


def _answer(
    monkeypatch: pytest.MonkeyPatch, distribution: str, number: str | None
) -> None:
    def found(name: str) -> str | None:
        if name == distribution:
            return number
        try:
            return version(name)
        except (PackageNotFoundError, ValueError):
            return None

    # the lookup that keeps its answers, so that none from before is left
    monkeypatch.setattr("bt_run.results.sources._version", found)
