"""Exposure by group, added up by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from bt_run_plugins.analyzers.group_exposure import GroupExposure, GroupExposureConfig


def test_target_weights_are_added_up_by_group():
    index = pd.date_range("2020-01-01", periods=3, tz="UTC")
    sectors = np.array([["tech", "oil", "tech", None]] * 3, dtype=object)
    played = SimpleNamespace(
        bars=SimpleNamespace(index=index, table=lambda name: {"sector": sectors}[name]),
        decisions=[
            SimpleNamespace(
                bar=1, left_out=False, target=np.array([0.3, 0.2, -0.1, 0.4])
            ),
            SimpleNamespace(bar=2, left_out=True, target=np.zeros(1)),
        ],
    )
    built = GroupExposure(GroupExposureConfig())
    assert built.reads == {"sector": "text"}
    table = built.study(None, played)["group exposure"].set_index("group")
    assert set(table["time"]) == {index[1]}
    np.testing.assert_allclose(
        table.loc["tech", ["long", "short"]].tolist(), [0.3, -0.1]
    )
    np.testing.assert_allclose(table.loc["tech", ["net", "gross"]].tolist(), [0.2, 0.4])
    assert table.loc["no group", "net"] == 0.4
