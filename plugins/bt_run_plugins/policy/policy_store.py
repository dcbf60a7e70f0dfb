"""Where stored policies are."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["VARIABLE", "database_url"]

VARIABLE = "BT_RUN_POLICY_DB"


def database_url(environment: Mapping[str, str]) -> str:
    """Return the database that ``environment`` names, or that in the user's data folder."""
    return environment.get(VARIABLE) or _usual_place()


def _usual_place() -> str:
    from platformdirs import user_data_path

    return str(user_data_path("bt-run") / "policies.sqlite")
