"""The examples give what they gave: statistics, and the hash of the list of orders."""

import importlib.util
import json
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("expected", Path(__file__).with_name("expected.py"))
record = importlib.util.module_from_spec(spec)
spec.loader.exec_module(record)
EXPECTED = json.loads(record.RECORD.read_text(encoding="utf-8"))


def test_every_example_that_can_run_is_recorded():
    assert sorted(EXPECTED) == sorted(record.NAMES)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_example_gives_what_it_gave(name):
    got = record.expected(name)
    for metric, values in EXPECTED[name]["statistics"].items():
        for column, value in values.items():
            found = got["statistics"][metric][column]
            assert found == (value if value is None else pytest.approx(value, rel=1e-6)), f"{metric} of {column}"
    assert got["orders"] == EXPECTED[name]["orders"]
