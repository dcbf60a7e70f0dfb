"""How sizers share the capital among assets that may be flat or not eligible."""

from __future__ import annotations

import numpy as np

from bt_run import Array


def exposures(signals: Array) -> Array:
    """Return exposure (N,), 0 where an asset is not eligible."""
    return np.where(np.isnan(signals), 0.0, signals)


def share(
    shares: Array,
    signals: Array,
    redistribute: bool,
) -> Array:
    """Share 1 among the eligible assets in proportion to ``shares`` (N,), times exposure (N,).

    Eligible means a signal that is not NaN; with ``redistribute`` only names with an exposure
    share.
    """
    exposure = exposures(signals)
    sharing = exposure != 0.0 if redistribute else np.isfinite(signals)
    parts = np.where(sharing, shares, 0.0)
    total = float(parts.sum())
    if not total > 0.0:
        return np.zeros(len(signals))
    return parts / total * exposure
