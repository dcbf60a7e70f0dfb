"""The analyzer `group_exposure`: what is wanted of each group, such as a sector, by decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from bt_run import BuildContext, Component, Config, Ledger, Prepared, hookimpl

if TYPE_CHECKING:
    import pandas as pd

NONE = "no group"


class GroupExposureConfig(Config):
    """Configuration of the groups."""

    table: str = Field(
        "sector", description="text table of data.tables that names each asset's group"
    )


@dataclass(frozen=True)
class GroupExposure:
    """Adds up target weights by the group that the table names at each decision."""

    config: GroupExposureConfig

    @property
    def reads(self) -> Mapping[str, str]:
        return {self.config.table: "text"}

    def decided(self, decision: Any) -> None:
        """Take no note: the ledger has all decisions."""

    def table(self) -> tuple[str, pd.DataFrame]:
        """Return what the other table is."""
        import pandas as pd

        what = f"target weights of each decision by the groups of {self.config.table}"
        return "groups", pd.DataFrame({"table": ["group exposure"], "what": [what]})

    def study(self, prepared: Prepared, played: Ledger) -> Mapping[str, pd.DataFrame]:
        """Return long, short, net and gross of each group at each decision, fractions of NAV."""
        import pandas as pd

        bars, rows = played.bars, []
        groups = bars.table(self.config.table)
        for decision in played.decisions:
            if decision.left_out:
                continue
            names = np.array([name or NONE for name in groups[decision.bar]])
            for group in sorted(set(names)):
                own = decision.target[names == group]
                long, short = own[own > 0.0].sum(), own[own < 0.0].sum()
                rows.append(
                    {
                        "time": bars.index[decision.bar],
                        "group": group,
                        "long": long,
                        "short": short,
                        "net": long + short,
                        "gross": long - short,
                    }
                )
        return {"group exposure": pd.DataFrame(rows)}


def _build(config: GroupExposureConfig, context: BuildContext) -> GroupExposure:
    return GroupExposure(config)


@hookimpl
def bt_analyzers() -> list[Component]:
    return [
        Component(
            name="group_exposure",
            config=GroupExposureConfig,
            build=_build,
            summary="target weights by group, such as a sector, at each decision",
        )
    ]
