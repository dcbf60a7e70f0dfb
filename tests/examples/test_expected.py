"""The examples give what they gave: statistics, and the hash of the list of orders."""

import json

import pytest
from kit import expected as record

EXPECTED = json.loads(record.RECORD.read_text(encoding="utf-8"))


def test_every_example_that_can_run_is_recorded():
    assert sorted(EXPECTED) == sorted(record.NAMES)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_example_gives_what_it_gave(name):
    got = record.expected(name)
    for metric, values in EXPECTED[name]["statistics"].items():
        for column, value in values.items():
            found = got["statistics"][metric][column]
            assert found == (
                value if value is None else pytest.approx(value, rel=1e-6)
            ), f"{metric} of {column}"
    assert got["orders"] == EXPECTED[name]["orders"]
