"""The components that plugins offer, by role and name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType

from bt_run.component import ROLES, Component
from bt_run.errors import ConfigError
from bt_run.text import did_you_mean

__all__ = ["Catalogue", "Offer"]


@dataclass(frozen=True)
class Offer:
    """A component together with where it comes from.

    ``origin`` is in human words: ``bt_run_strategies.trend``, ``my_dist 1.2 (my_pkg)`` or
    ``my_file.py``.
    """

    component: Component
    role: str
    origin: str
    module: ModuleType


@dataclass(frozen=True)
class Catalogue:
    """Every component that the installed plugins offer: role -> name -> offer."""

    offers: Mapping[str, Mapping[str, Offer]]

    def find(self, role: str, name: str) -> Offer:
        """Return the component called ``name``; say what there is when there is none."""
        if name in self.offers[role]:
            return self.offers[role][name]
        kind = ROLES[role].hook.removeprefix("bt_")
        known = ", ".join(sorted(self.offers[role])) or "none"
        for other, offers in self.offers.items():
            if name in offers:
                raise ConfigError(
                    f"{name!r} is a {other}, not a {role}; {kind} installed: {known}"
                )
        hint = did_you_mean(name, self.offers[role])
        raise ConfigError(
            f"no {role} {name!r} is installed; {kind} installed: {known}{hint}"
        )
