"""The tables of what was fitted: models.parquet and folds.parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bt_run.data.bars import Bars
from bt_run.decision.lesson import Fit

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["folds_table", "models_table"]


def models_table(bars: Bars, fits: Sequence[Fit]) -> pd.DataFrame:
    """Return component, cutoff, digest, text, summary (JSON): a row for each model."""
    import pandas as pd

    return pd.DataFrame(
        {
            "component": [fit.path for fit in fits],
            "cutoff": bars.index[np.array([fit.cutoff for fit in fits], dtype=np.intp)],
            "digest": [fit.fitted.digest for fit in fits],
            "text": [fit.fitted.text for fit in fits],
            "summary": [
                json.dumps(dict(fit.fitted.summary), sort_keys=True) for fit in fits
            ],
        }
    )


def folds_table(bars: Bars, fits: Sequence[Fit]) -> pd.DataFrame:
    """Return component, cutoff, kind, first, last, label_end_last, rows, effective_rows: a row for
    each use that a fit made of rows.
    """
    import pandas as pd

    told = [(fit, rows) for fit in fits for rows in fit.fitted.folds]

    def times(bar_numbers: list[int]) -> pd.DatetimeIndex:
        return bars.index[np.array(bar_numbers, dtype=np.intp)]

    return pd.DataFrame(
        {
            "component": np.array([fit.path for fit, _ in told], dtype=object),
            "cutoff": times([fit.cutoff for fit, _ in told]),
            "kind": np.array([rows.kind for _, rows in told], dtype=object),
            "first": times([rows.first for _, rows in told]),
            "last": times([rows.last for _, rows in told]),
            "label_end_last": times([rows.label_end for _, rows in told]),
            "rows": np.array([rows.rows for _, rows in told], dtype=np.int64),
            "effective_rows": np.array([rows.effective for _, rows in told]),
        }
    )
