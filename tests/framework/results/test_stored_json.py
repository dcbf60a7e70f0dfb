"""JSON that somebody else wrote: what is refused, and in which words."""

import pytest

from bt_run.results.stored_json import (
    check_manifest,
    check_metrics,
    parsed_json,
    read_json,
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff", r"^x: not UTF-8 \(byte 0\)$"),
        (b"{", "^x: not JSON: Expecting property name"),
        (b'{"a": Infinity}', "x: not JSON: found Infinity; expected numbers or null"),
        (b"[" * 70 + b"]" * 70, "^x: nested too deep; expected 60 levels at most$"),
        (b"[" * 10**6 + b"]" * 10**6, "^x: nested too deep"),
    ],
)
def test_what_is_no_plain_json_is_refused(content, words):
    with pytest.raises(ValueError, match=words):
        parsed_json(content, "x")


def test_plain_json_is_read():
    assert parsed_json(b'{"a": [1, null, "\xc3\xa9"]}', "x") == {"a": [1, None, "é"]}


def test_a_file_that_is_too_long_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("bt_run.results.stored_json.MOST_BYTES", 3)
    (tmp_path / "a.json").write_text("[1, 2]")
    with pytest.raises(ValueError, match=r"a\.json: found 6 bytes; expected 3 at most"):
        read_json(tmp_path / "a.json")


def test_a_manifest_lacks_nothing():
    with pytest.raises(ValueError, match=r"manifest\.json: run_id: Field required"):
        check_manifest({})
    with pytest.raises(ValueError, match=r"manifest\.json: Input should be"):
        check_manifest([])
    words = dict.fromkeys(("run_id", "data", "orders"), "a")
    keys = ("config", "files", "sources", "versions", "tables")
    tables: dict[str, object] = {key: {} for key in keys}
    with pytest.raises(ValueError, match=r"tables: no hash of cash_flows, decisions"):
        check_manifest(words | tables | {"notes": []})


def test_metrics_are_numbers_or_nothing():
    check_metrics({"cagr": {"run": 0.1, "benchmark": None}})
    with pytest.raises(ValueError, match=r"metrics\.json: cagr\.run: Input should be"):
        check_metrics({"cagr": {"run": "much"}})
