"""The analyzer `sectors`: to which group each asset belongs at the end, from a table of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from bt_run import BuildContext, Component, Config, Ledger, Prepared, hookimpl

if TYPE_CHECKING:
    import pandas as pd

NAME = "sectors"
UNKNOWN = "not in the table"


class SectorsConfig(Config):
    """Configuration of the analyzer of sectors."""

    table: str = Field(
        "sector", description="table of data.tables with a word for each asset, by time"
    )


@dataclass(frozen=True)
class SectorsAnalyzer:
    """Keeps the newest word that a table has for each asset."""

    config: SectorsConfig
    reads: Mapping[str, Literal["number", "text", "series"]]

    def decided(self, decision: Any) -> None:
        """Take no note: the table is there after the run."""

    def table(self) -> tuple[str, pd.DataFrame]:
        """Return what the other table is."""
        import pandas as pd

        rows = {
            NAME: f"the newest {self.config.table} of each asset, for what is held at the end"
        }
        frame = pd.DataFrame({"table": list(rows), "what": list(rows.values())})
        return "sectors of assets", frame

    def study(self, prepared: Prepared, played: Ledger) -> Mapping[str, pd.DataFrame]:
        """Return asset and sector as known at the last close of the run."""
        import pandas as pd

        last = len(played.bars) - 1
        words = prepared.bars.tables[self.config.table].by_bar[last]
        known = [
            UNKNOWN if pd.isna(word) or word == "" else str(word) for word in words
        ]
        frame = pd.DataFrame({"asset": list(prepared.bars.assets), "sector": known})
        return {NAME: frame}


@hookimpl
def bt_analyzers() -> list[Component]:
    return [
        Component(
            name="sectors",
            config=SectorsConfig,
            build=_build,
            summary="keeps the sector of each asset from a table, by which the page sums what is "
            "held at the end",
        )
    ]


def _build(config: SectorsConfig, _: BuildContext) -> SectorsAnalyzer:
    reads: dict[str, Literal["number", "text", "series"]] = {config.table: "text"}
    return SectorsAnalyzer(config, MappingProxyType(reads))
