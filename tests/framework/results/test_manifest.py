"""The manifest: hashes of tables and of the list of orders."""

import hashlib

import pandas as pd
import pytest
from kit.made_results import PROVENANCE, make_tables

from bt_run.results.manifest import build_manifest, order_list_hash
from bt_run.results.result import TABLES


def test_order_list_ignores_money_and_the_last_digits():
    fills = make_tables()["fills"]
    close = fills.assign(price=fills["price"] * 2, filled=fills["filled"] * (1 + 1e-12))
    assert order_list_hash(close) == order_list_hash(fills)
    assert order_list_hash(fills.assign(filled=[5.0, -0.0])) == order_list_hash(fills)


@pytest.mark.parametrize("column", ["decided_at", "time", "asset", "asked", "filled"])
def test_order_list_sees_each_of_its_columns(column):
    fills = make_tables()["fills"]
    other = {"asset": "Z"}.get(
        column, 7.0 if column in ("asked", "filled") else pd.Timestamp(0, tz="UTC")
    )
    assert order_list_hash(fills.assign(**{column: other})) != order_list_hash(fills)


def test_order_list_is_hashed_line_by_line():
    fills = make_tables()["fills"]
    lines = [
        "\t".join(
            [
                "" if pd.isna(row.decided_at) else row.decided_at.isoformat(),
                row.time.isoformat(),
                row.asset,
                f"{row.asked + 0.0:.9g}",
                f"{row.filled + 0.0:.9g}",
            ]
        )
        for row in fills.itertuples()
    ]
    text = "".join(f"{line}\n" for line in lines)
    assert order_list_hash(fills) == hashlib.sha256(text.encode()).hexdigest()
    many = pd.concat(
        [fills] * 40_000, ignore_index=True
    )  # more than are put into one text
    assert order_list_hash(many) == hashlib.sha256((text * 40_000).encode()).hexdigest()


def test_manifest_hashes_each_table_by_its_values_alone():
    tables = make_tables()
    first = build_manifest("id", PROVENANCE, tables, [])["tables"]
    assert list(first) == list(TABLES)
    same = tables | {"fills": tables["fills"].astype({"asset": object}).copy()}
    same["nav"] = tables["nav"].set_axis(tables["nav"].index.as_unit("s"), axis=0)
    assert build_manifest("id", PROVENANCE, same, [])["tables"] == first
    other = tables | {"nav": tables["nav"].assign(cash=1.0)}
    changed = build_manifest("id", PROVENANCE, other, [])["tables"]
    assert [name for name in TABLES if changed[name] != first[name]] == ["nav"]
