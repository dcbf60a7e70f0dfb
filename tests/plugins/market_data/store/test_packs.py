"""Packs: the same prices have the same id anywhere, and nothing in one can change unseen."""

import datetime as dt
import json
import shutil

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bt_run import DataError
from bt_run_plugins.market_data.cleaning import CleanConfig
from bt_run_plugins.market_data.processing import process
from bt_run_plugins.market_data.rules.validation import ValidateConfig
from bt_run_plugins.market_data.store import packs as packs_module
from bt_run_plugins.market_data.store.frames import symbol_frame
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.packs import (
    content_hash,
    create,
    open_pack,
    packs_in,
    read_part,
    verify,
)
from bt_run_plugins.market_data.store.records import Extent, KnownDays, RawFacts
from bt_run_plugins.market_data.store.store import Store

AS_OF = dt.date(2020, 1, 31)
A, B = Key("import", "A"), Key("import", "B")
FACTS = RawFacts(
    fetched_at="2020",
    prices=None,
    whole=True,
    covers=KnownDays(),
    series=Extent(rows=30, first="2020-01-02", last="2020-02-12"),
)


def frame(base=100.0, rows=30):
    dates = pd.bdate_range("2020-01-02", periods=rows)
    return symbol_frame({"date": dates, "close": base + np.arange(rows)})


def filled(folder, frames=None, **config):
    store = Store(folder)
    frames = frames or {A: frame(), B: frame(50.0)}
    with store.writing() as writer:
        for key, table in frames.items():
            writer.add_raw(key, table, FACTS)
    process(store, list(frames), CleanConfig(**config), ValidateConfig())
    return store


@pytest.fixture
def store(tmp_path):
    return filled(tmp_path / "store")


def test_a_pack_holds_the_prices_up_to_its_day(store):
    pack, there = create(store, [A, B], AS_OF)
    assert (there, pack.as_of, pack.source, pack.interval, pack.calendar) == (
        False,
        AS_OF,
        "import",
        "1d",
        "XNYS",
    )
    assert [(part.symbol, part.rows, part.last) for part in pack.parts] == [
        ("A", 22, "2020-01-31"),
        ("B", 22, "2020-01-31"),
    ]
    np.testing.assert_array_equal(
        read_part(pack, pack.parts[1])["close"], 50.0 + np.arange(22)
    )
    assert verify(store, pack.id) == ()
    assert packs_in(store) == (pack,)


def test_the_same_prices_have_the_same_id_anywhere(store, tmp_path, monkeypatch):
    """Another store, order, file format, day of making and more history after the day: all of no
    matter.
    """
    pack, _ = create(store, [A, B], AS_OF)
    other = filled(tmp_path / "other", {B: frame(50.0, rows=25), A: frame(rows=40)})
    monkeypatch.setattr(packs_module, "parquet", lambda table: _uncompressed(table))
    again, there = create(other, [B, A], AS_OF)
    assert (again.id, there) == (pack.id, False)
    assert [part.content for part in again.parts] == [
        part.content for part in pack.parts
    ]
    assert again.parts[0].sha256 != pack.parts[0].sha256
    assert verify(other, again.id) == ()


def _uncompressed(table):
    out = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_pandas(table, preserve_index=False), out, compression="none"
    )
    return out.getvalue().to_pybytes()


def test_the_id_is_what_the_documentation_says(store):
    """The second method: hash the values by hand."""
    import hashlib

    pack, _ = create(store, [A], AS_OF)
    dates = (
        pd.bdate_range("2020-01-02", "2020-01-31")
        .to_numpy()
        .astype("datetime64[ns]")
        .astype("<i8")
    )
    closes = (100.0 + np.arange(22)).astype("<f8")
    content = hashlib.sha256(
        b'["A", null, ["date", "close"]]' + dates.tobytes() + closes.tobytes()
    ).hexdigest()
    said = f'[1, "2020-01-31", "1d", "XNYS", [["A", null, "{content}"]]]'
    assert pack.id == hashlib.sha256(said.encode()).hexdigest()[:16]


@pytest.mark.parametrize("change", ["close", "symbol", "day", "calendar", "prices"])
def test_other_content_has_another_id(tmp_path, store, change):
    pack, _ = create(store, [A], AS_OF)
    if change == "day":
        other, _ = create(store, [A], dt.date(2020, 1, 30))
    elif change == "calendar":
        other, _ = create(
            filled(tmp_path / "o", {A: frame()}, calendar="XLON"), [A], AS_OF
        )
    elif change == "symbol":
        other, _ = create(filled(tmp_path / "o", {B: frame()}), [B], AS_OF)
    elif change == "prices":
        columns = {name: frame()[name].to_numpy() for name in frame()}
        assert content_hash("A", None, columns) != content_hash(
            "A", "as_traded", columns
        )
        return
    else:
        other, _ = create(filled(tmp_path / "o", {A: frame(100.0 + 1e-9)}), [A], AS_OF)
    assert other.id != pack.id


def test_one_zero_and_one_nan_count():
    one = {"date": np.zeros(2, "datetime64[ns]"), "close": np.array([0.0, np.nan])}
    odd = np.array([-0.0, -np.nan])
    assert content_hash("A", None, one) == content_hash("A", None, one | {"close": odd})


def test_making_a_pack_again_changes_nothing_and_mends_a_damaged_one(store):
    pack, _ = create(store, [A, B], AS_OF)
    path = pack.folder / pack.parts[0].file
    before = path.stat().st_mtime_ns
    again, there = create(store, [A, B], AS_OF)
    assert (again, there, path.stat().st_mtime_ns) == (pack, True, before)
    path.unlink()
    mended, there = create(store, [A, B], AS_OF)
    assert (mended.id, there, verify(store, pack.id)) == (pack.id, False, ())
    (pack.folder / "pack.json").write_text("{}")
    create(store, [A, B], AS_OF)
    assert verify(store, pack.id) == ()


def test_a_pack_is_copied_as_a_folder(store, tmp_path):
    pack, _ = create(store, [A], AS_OF)
    shutil.copytree(pack.folder, tmp_path / "other" / "packs" / pack.id)
    assert verify(Store(tmp_path / "other"), pack.id) == ()


def test_a_changed_file_is_named_with_its_symbol(store):
    pack, _ = create(store, [A, B], AS_OF)
    path = pack.folder / "symbol=B.parquet"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)
    (text,) = verify(store, pack.id)
    assert f"{path}: the file of B was altered: found the sha256" in text
    path.unlink()
    (text,) = verify(store, pack.id)
    assert (
        f"{path}: B cannot be read: No such file or directory; copy the pack again"
        in text
    )


def test_prices_that_were_altered_with_their_file_hash_are_found(store):
    import hashlib

    pack, _ = create(store, [A], AS_OF)
    content = packs_module.parquet(frame(101.0, rows=22))
    (pack.folder / "symbol=A.parquet").write_bytes(content)
    path = pack.folder / "pack.json"
    facts = json.loads(path.read_text())
    facts["parts"][0]["sha256"] = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(facts))
    (text,) = verify(store, pack.id)
    assert "the prices of A were altered: found the hash" in text
    columns = {
        "date": frame(rows=22)["date"].to_numpy(),
        "close": 101.0 + np.arange(22),
    }
    facts["parts"][0]["content"] = content_hash("A", None, columns)
    path.write_text(json.dumps(facts))
    with pytest.raises(
        DataError,
        match=f"the pack was altered: what it says has the id .*, expected {pack.id}",
    ):
        verify(store, pack.id)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"parts": [{}]}'])
def test_a_pack_that_says_nonsense_is_told(store, text):
    pack, _ = create(store, [A], AS_OF)
    (pack.folder / "pack.json").write_text(text)
    with pytest.raises(DataError, match=r"pack.json: cannot be read as a pack: "):
        open_pack(store, pack.id)


@pytest.mark.parametrize("name", ["nothing", "../packs", "", ".."])
def test_a_pack_that_is_not_there_is_told(store, name):
    pack, _ = create(store, [A], AS_OF)
    with pytest.raises(
        DataError, match=f"no pack {name!r}; it has {pack.id}; make one with"
    ):
        open_pack(store, name)


def test_what_cannot_be_packed_is_told(tmp_path):
    other = Key("yahoo", "A")
    store = filled(tmp_path, {A: frame()})
    filled(tmp_path, {other: frame()})
    filled(tmp_path, {B: frame()}, calendar="XLON")
    with store.writing() as writer:
        writer.add_raw(Key("import", "RAW"), frame(), FACTS)
    for keys, day, message in (
        ([], AS_OF, "no series to pack"),
        ([A, other], AS_OF, "found import at 1d, yahoo at 1d; say `--source import`"),
        ([A, B], AS_OF, "a pack has one calendar; found XLON, XNYS"),
        (
            [Key("import", "RAW")],
            AS_OF,
            "RAW: it was never cleaned; run `bt-run data clean RAW --source import` first",
        ),
        ([A], dt.date(2019, 1, 1), "A: no prices up to 2019-01-01"),
        (
            [A],
            dt.date(2020, 3, 2),
            "the prices end at 2020-02-12, long before 2020-03-02",
        ),
    ):
        with pytest.raises(DataError, match=message):
            create(store, keys, day)
    with store.writing() as writer:
        writer.add_raw(A, frame(99.0), FACTS)
    with pytest.raises(DataError, match="A: prices came after it was cleaned; run"):
        create(store, [A], AS_OF)


def test_a_pack_that_cannot_be_written_is_not_there(store, monkeypatch):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packs_module, "replace_file", full)
    with pytest.raises(
        DataError, match="the pack cannot be written: No space left on device"
    ):
        create(store, [A], AS_OF)
    monkeypatch.undo()
    assert packs_in(store) == ()
    assert not list((store.folder / "packs").iterdir())


def test_the_half_of_a_pack_that_died_is_removed_by_the_next_writer(store):
    (store.folder / "packs" / ".tmp-0123").mkdir(parents=True)
    (store.folder / "packs" / ".tmp-0123" / "pack.json").write_text("{}")
    assert packs_in(store) == ()
    with store.writing():
        pass
    assert not list((store.folder / "packs").iterdir())
