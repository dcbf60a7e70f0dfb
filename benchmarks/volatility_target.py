"""Print the volatility that a target of 10 % reached by year on real prices, where no limit binds.

Run by ``make evidence``: two indices in equal parts, decided every session, for two lookbacks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bt_run import load_config, play, prepare

ROOT = Path(__file__).resolve().parent.parent
CHANGES = (
    "strategy=buy_and_hold",
    "sizer=equal_weight",
    "schedule=session",
    "limits={gross: 10, net: 10, name: 10}",
    "reports=[]",
)
LOOKBACKS = (21, 63)


def yearly(lookback: int) -> dict[int, float]:
    """Return the volatility of each year's daily returns, a fraction per year."""
    overlay = (
        f"overlays=[{{use: volatility_target, annual: 0.10, lookback: {lookback}}}]"
    )
    config = load_config(ROOT / "examples" / "spy_qqq.yaml", [*CHANGES, overlay])
    ledger = play(prepare(config))
    rows = slice(ledger.bars.start, None)
    nav = ledger.nav[rows]
    returns = nav[1:] / nav[:-1] - 1.0
    years = ledger.bars.sessions[rows][1:].astype("datetime64[Y]").astype(int) + 1970
    return {
        int(year): float(returns[years == year].std(ddof=1) * np.sqrt(252))
        for year in np.unique(years)
    }


def main() -> None:
    """Print the table."""
    found = [yearly(lookback) for lookback in LOOKBACKS]
    print("| year | " + " | ".join(f"lookback {n}" for n in LOOKBACKS) + " |")
    print("|---|" + "---:|" * len(LOOKBACKS))
    for year in found[0]:
        print(f"| {year} | " + " | ".join(f"{one[year]:.1%}" for one in found) + " |")


if __name__ == "__main__":
    main()
