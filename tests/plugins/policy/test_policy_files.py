"""Files of policies are read whole, or refused whole with every field that is wrong."""

import json

import pytest

from bt_run import ConfigError
from bt_run_plugins.policy.policy import (
    OptimizationPolicy,
    canonical_text,
    content_hash,
)
from bt_run_plugins.policy.policy_files import policies_in, shipped_policies


def written(place, tree):
    file = place / "house.json"
    file.write_text(tree if isinstance(tree, str) else json.dumps(tree))
    return file


def wrong(place, tree, defaults=None):
    with pytest.raises(ConfigError) as error:
        policies_in(written(place, tree), defaults)
    return str(error.value).replace(str(place), "")


def test_the_templates_that_ship_are_those_of_the_seed_by_their_numbers():
    found = {policy.id: policy for policy in shipped_policies()}
    assert list(found) == [
        "quality_focused",
        "aggressive_growth",
        "conservative_income",
    ]
    numbers = {
        name: (
            policy.min_quality_score,
            policy.max_single_position_pct,
            policy.max_sector_pct,
            policy.max_tracking_error_pct,
            policy.max_turnover_pct,
        )
        for name, policy in found.items()
    }
    assert numbers == {
        "quality_focused": (6.0, 0.10, 0.25, 0.02, 0.20),
        "aggressive_growth": (4.0, 0.15, 0.40, 0.05, 0.30),
        "conservative_income": (8.0, 0.08, 0.20, 0.015, 0.15),
    }
    for policy in found.values():
        assert policy.turnover_convention == "two_way"
        assert policy.method_version == "v1"
        assert (policy.commission_per_trade, policy.market_impact_bps) == (5.0, 15.0)
        assert (policy.min_trade_value, policy.risk_free_rate) == (100.0, 0.02)
        assert policy.annualization_factor == 252


def test_the_hash_is_of_the_content_and_not_of_how_it_was_written():
    one = OptimizationPolicy(id="a", max_single_position_pct=0.1)
    other = OptimizationPolicy.model_validate(
        {"max_single_position_pct": 0.10, "id": "a", "market_impact_bps": 15}
    )
    assert canonical_text(one) == canonical_text(other)
    assert content_hash(canonical_text(one)) == content_hash(canonical_text(other))


def test_defaults_stand_below_what_a_policy_says(tmp_path):
    defaults = tmp_path / "costs.json"
    defaults.write_text('{"commission_per_trade": 1.0, "min_trade_value": 50}')
    tree = {"policies": [{"id": "a", "min_trade_value": 70}]}
    (found,) = policies_in(written(tmp_path, tree), defaults)
    assert (found.commission_per_trade, found.min_trade_value) == (1.0, 70.0)


def test_every_field_that_is_wrong_is_named(tmp_path):
    rows = [
        {"id": "a", "max_single_position_pct": 10, "max_turnover_pct": 0.2},
        {"id": "B C", "max_sector": 0.2},
        {"name": "no id"},
        {"id": "d", "min_single_position_pct": 0.2, "max_single_position_pct": 0.1},
        "e",
    ]
    text = wrong(tmp_path, {"policies": rows})
    lines = text.splitlines()
    assert lines[0] == (
        "/house.json: policies.0.max_single_position_pct: a fraction is expected: found 10, which "
        "is 1000%; write 0.1 for 10 %"
    )
    assert any("policies.1.id: " in line and "'B C'" in line for line in lines)
    assert any(
        "policies.1.max_sector: unknown key; expected one of id, name" in line
        and "did you mean 'max_sector_pct'?" in line
        for line in lines
    )
    assert "/house.json: policies.2.id: missing" in lines
    assert any("expected min <= max" in line for line in lines)
    assert "/house.json: policies.4: found 'e'; expected a mapping with `id`" in lines
    assert lines[-1] == "/house.json: nothing of it was loaded"


def test_a_turnover_limit_needs_its_convention(tmp_path):
    text = wrong(tmp_path, {"policies": [{"id": "a", "max_turnover_pct": 0.2}]})
    assert "turnover_convention: missing; max_turnover_pct 0.2 means" in text


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        ("{", "house.json:1:2: not JSON: "),
        ({}, "house.json: holds no policies; expected"),
        ([1], "house.json: holds no policies; expected"),
        (
            {"policies": [{"id": "a"}, {"id": "a"}]},
            "house.json: 'a' stands there 2 times; expected once",
        ),
    ],
)
def test_what_is_no_file_of_policies_is_refused(tmp_path, tree, text):
    assert text in wrong(tmp_path, tree)


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"gone\.json: cannot be read: No such file"):
        policies_in(tmp_path / "gone.json")
    (tmp_path / "odd.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"odd\.json: is not UTF-8; save it as UTF-8"):
        policies_in(tmp_path / "odd.json")
    (tmp_path / "list.json").write_text("[1]")
    text = wrong(tmp_path, {"policies": [{"id": "a"}]}, tmp_path / "list.json")
    assert "the defaults are a list; expected a mapping" in text
