"""The store: what is written is what is read, one writer at a time, and a death at any moment does
no harm.
"""

import datetime as dt
import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bt_run import DataError, atomic
from bt_run_plugins.market_data.store.manifest import MANIFEST, Key, escaped
from bt_run_plugins.market_data.store.records import (
    Extent,
    KnownDays,
    LoggedStep,
    ProcessedFacts,
    RawFacts,
    Request,
)
from bt_run_plugins.market_data.store.store import Store

SPY = Key("yahoo", "SPY")
RAW = RawFacts(
    fetched_at="2020-01-04T00:00:00+00:00",
    prices="split_adjusted",
    whole=True,
    covers=KnownDays(None, dt.date(2020, 1, 3)),
    series=Extent(rows=3, first="2020-01-01", last="2020-01-03"),
    notes=("as Yahoo has it",),
    request=Request(start=None, end=dt.date(2020, 1, 3), interval="1d"),
)
PROCESSED = ProcessedFacts(
    inputs=("0" * 64,),
    prices="split_adjusted",
    notes=(),
    steps=(
        LoggedStep(
            step="sort_dates", rows_before=3, rows_after=3, changed=0, text="none"
        ),
    ),
    findings={"error": 1},
    failed=False,
    settings={"clean": {"steps": ["sort_dates"], "share": 0.5}},
    calendar="XNYS",
    alignment="none",
    profile="standard",
    versions={"bt-run": "1.0"},
)


def frame(closes=(1.0, 2.0, 3.0), first="2020-01-01"):
    dates = (
        pd.bdate_range(first, periods=len(closes)).to_numpy().astype("datetime64[ns]")
    )
    return pd.DataFrame({"date": dates, "close": np.array(closes, dtype=float)})


def filled(folder, closes=(1.0, 2.0, 3.0)):
    store = Store(folder)
    with store.writing() as writer:
        writer.add_raw(SPY, frame(closes), RAW)
    return store


def files(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")
    )


def test_what_is_written_is_read_again(tmp_path):
    store = filled(tmp_path / "new" / "store")
    (entry,) = store.raw(SPY)
    assert (entry.rows, entry.first, entry.last) == (3, "2020-01-01", "2020-01-03")
    assert entry.facts == RAW
    assert entry.file.startswith("raw/source=yahoo/interval=1d/symbol=SPY/fetched=20")
    pd.testing.assert_frame_equal(store.read(entry), frame())
    np.testing.assert_array_equal(store.read_columns(entry)["close"], [1, 2, 3])
    assert store.keys() == (SPY,)


def test_raw_files_are_added_and_never_replaced(tmp_path):
    store = filled(tmp_path)
    with store.writing() as writer:
        writer.add_raw(SPY, frame((4.0,)), RAW)
        writer.add_raw(SPY, frame((5.0,)), RAW)
    assert [store.read(entry)["close"].iloc[0] for entry in store.raw(SPY)] == [1, 4, 5]
    assert len({entry.file for entry in store.raw(SPY)}) == 3


def test_the_newest_processed_file_and_findings_count(tmp_path):
    store = filled(tmp_path)
    for close in (6.0, 7.0):
        with store.writing() as writer:
            writer.put_processed(SPY, frame((close,)), PROCESSED)
            writer.put_findings(
                pd.DataFrame({"rule": ["gap"], "text": [f"found {close}"]})
            )
    assert store.read(store.processed(SPY))["close"].tolist() == [7]
    assert store.read(store.findings())["text"].tolist() == ["found 7.0"]


def test_an_intraday_entry_shows_times(tmp_path):
    store = Store(tmp_path)
    with store.writing() as writer:
        table = frame().assign(
            date=pd.date_range("2020-01-02 14:35", periods=3, freq="5min")
        )
        entry = writer.add_raw(Key("yahoo", "SPY", "5m"), table, RAW)
    assert (entry.first, entry.last) == ("2020-01-02T14:35:00Z", "2020-01-02T14:45:00Z")


def test_an_empty_folder_is_an_empty_store(tmp_path):
    store = Store(tmp_path / "nowhere")
    assert (store.keys(), store.raw(SPY), store.processed(SPY), store.findings()) == (
        (),
        (),
        None,
        None,
    )
    assert not (tmp_path / "nowhere").exists()


def test_the_store_lies_where_it_is_said_or_at_home(tmp_path, monkeypatch):
    monkeypatch.setenv("BT_RUN_STORE", str(tmp_path / "told"))
    assert Store.at(tmp_path).folder == tmp_path
    assert Store.at(None).folder == tmp_path / "told"
    monkeypatch.delenv("BT_RUN_STORE")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Store.at(None).folder == tmp_path / ".bt-run" / "store"


@pytest.mark.parametrize(
    ("symbol", "written"),
    [
        ("BRK-B", "BRK-B"),
        ("BRK.B", "BRK.B"),
        ("^GSPC", "^GSPC"),
        ("BTC/USD", "BTC%2FUSD"),
        ("CON", "CON"),
        ("brk", "%62%72%6B"),
        ("A.", "A%2E"),
        ("..", "%2E%2E"),
        ("A B", "A%20B"),
        ("A%2F", "A%252F"),
        ("Ä", "%C3%84"),
    ],
)
def test_a_symbol_has_a_safe_folder(symbol, written):
    assert escaped(symbol) == written


@given(st.text(min_size=1, max_size=12), st.text(min_size=1, max_size=12))
def test_two_symbols_never_share_a_folder_whatever_their_case(one, other):
    assert (escaped(one).lower() == escaped(other).lower()) == (one == other)
    assert not set(escaped(one)) & set('/\\:*?"<>| ')


def test_odd_symbols_live_side_by_side(tmp_path):
    store = Store(tmp_path)
    names = ("BRK-B", "^GSPC", "BTC/USD", "CON", "con", "nul", "A.", "A")
    with store.writing() as writer:
        for i, name in enumerate(names):
            writer.add_raw(Key("yahoo", name), frame((float(i + 1),)), RAW)
    known = store.keys()
    found = {
        key.symbol: store.read(store.raw(key)[0])["close"].iloc[0] for key in known
    }
    assert found == {name: i + 1 for i, name in enumerate(names)}


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (("Yahoo!", "SPY"), "source was 'Yahoo!'; expected a word of small letters"),
        (("../x", "SPY"), "source was '../x'"),
        (("yahoo", ""), "symbol was ''; expected 1 to 60 printable characters"),
        (("yahoo", "A\n"), "symbol was 'A\\\\n'"),
        (("yahoo", " A"), "symbol was ' A'"),
        (("yahoo", "A" * 61), "expected 1 to 60 printable characters"),
        (
            ("yahoo", "SPY", "daily"),
            "interval was 'daily'; expected a number and a unit",
        ),
    ],
)
def test_a_key_that_no_folder_can_carry_is_refused(parts, message):
    with pytest.raises(DataError, match=message):
        Key(*parts)


# -- damage ----------------------------------------------------------------------------------------


def test_a_changed_file_is_told_with_both_hashes(tmp_path):
    store = filled(tmp_path)
    (entry,) = store.raw(SPY)
    path = tmp_path / entry.file
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    found = hashlib.sha256(content).hexdigest()
    with pytest.raises(
        DataError,
        match=f"found the sha256 {found}, expected {entry.sha256}; fetch it again: `bt-run",
    ):
        store.read(entry)


def test_a_missing_file_is_told(tmp_path):
    store = filled(tmp_path)
    with store.writing() as writer:
        made = writer.put_processed(SPY, frame(), PROCESSED)
        other = writer.add_raw(Key("import", "SPY"), frame(), RAW)
        found = writer.put_findings(frame())
    for entry, cure in (
        (made, "make it again: `bt-run data clean SPY`"),
        (other, "import SPY again with `bt-run data import`"),
        (found, "make it again: `bt-run data validate`"),
    ):
        (tmp_path / entry.file).unlink()
        with pytest.raises(
            DataError,
            match=f"the file cannot be read: No such file or directory; {cure}",
        ):
            store.read(entry)


@pytest.mark.parametrize("damage", ["half", "flipped", "other"])
def test_a_damaged_manifest_is_told(tmp_path, damage):
    filled(tmp_path)
    path = tmp_path / MANIFEST
    text = path.read_text()
    damaged = {
        "half": text[: len(text) // 2],
        "flipped": text.replace('"rows": 3', '"rows": 4'),
        "other": "[]",
    }[damage]
    path.write_text(damaged)
    words = {
        "half": "is not what bt-run wrote",
        "flipped": "has the sha256",
        "other": "is not what bt-run wrote",
    }
    with pytest.raises(
        DataError,
        match=rf"manifest.json: the store's manifest {words[damage]}.*from a backup",
    ):
        Store(tmp_path).keys()
    with (
        pytest.raises(DataError, match="the store's manifest"),
        Store(tmp_path).writing(),
    ):
        pass
    assert path.read_text() == damaged
    assert len(files(tmp_path)) == 1


def test_a_manifest_that_cannot_be_read_is_told(tmp_path):
    filled(tmp_path)
    (tmp_path / MANIFEST).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="the store's manifest cannot be read"):
        Store(tmp_path).keys()


def test_a_manifest_of_another_format_is_told(tmp_path):
    filled(tmp_path)
    path = tmp_path / MANIFEST
    path.write_text(path.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(DataError, match="found format 2; this bt-run reads format 1"):
        Store(tmp_path).keys()


def test_a_lost_manifest_does_not_cost_the_data(tmp_path):
    store = filled(tmp_path)
    (tmp_path / MANIFEST).unlink()
    with pytest.raises(
        DataError, match="the manifest is missing, but files such as raw/source=yahoo"
    ):
        store.keys()
    with pytest.raises(DataError, match="the manifest is missing"), store.writing():
        pass
    assert len(files(tmp_path)) == 1


# -- one writer ------------------------------------------------------------------------------------


def test_a_second_writer_is_told_who_is_at_work(tmp_path):
    with (
        Store(tmp_path).writing(),
        pytest.raises(
            DataError,
            match=rf"another writer is at work there, process {os.getpid()} on .* since 20",
        ),
        Store(tmp_path).writing(),
    ):
        pass


def test_an_owner_without_words_is_told_as_such(tmp_path):
    with Store(tmp_path).writing():
        (tmp_path / ".lock").write_text("{}")
        with (
            pytest.raises(DataError, match="which has not said who it is"),
            Store(tmp_path).writing(),
        ):
            pass


def test_the_lock_of_a_dead_writer_is_taken_over_and_that_is_said(tmp_path):
    script = f"""
        import os, signal
        from pathlib import Path
        from bt_run_plugins.market_data.store.store import Store
        with Store(Path({str(tmp_path)!r})).writing():
            os.kill(os.getpid(), signal.SIGKILL)
    """
    dead = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert dead.returncode == -signal.SIGKILL
    told = []
    for _ in range(2):
        with Store(tmp_path, told.append).writing():
            pass
    assert len(told) == 1
    assert "died; its lock is taken over" in told[0]


def test_a_writer_that_failed_leaves_no_owner(tmp_path):
    with pytest.raises(RuntimeError), Store(tmp_path).writing():
        raise RuntimeError
    told = []
    with Store(tmp_path, told.append).writing():
        pass
    assert told == []


def test_a_place_that_cannot_lock_is_told(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(
        DataError,
        match=r"files cannot be locked there .*; keep the store on a local disk",
    ):
        Store(tmp_path).writing().__enter__()


def test_a_place_that_cannot_be_written_to_is_told(tmp_path):
    (tmp_path / ".lock").mkdir()
    with pytest.raises(
        DataError,
        match=r"\.lock: cannot be written: Is a directory; choose another store",
    ):
        Store(tmp_path).writing().__enter__()


def test_on_windows_the_lock_is_msvcrts(tmp_path, monkeypatch):
    calls = []

    class Msvcrt:
        LK_NBLCK = 3

        @staticmethod
        def locking(descriptor, mode, count):
            calls.append((os.lseek(descriptor, 0, os.SEEK_CUR), mode, count))

    path = tmp_path / ".lock"
    monkeypatch.setitem(sys.modules, "msvcrt", Msvcrt)
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with atomic.locked(path):
        pass
    assert calls == [(1 << 30, 3, 1)]


def test_a_place_where_no_folder_can_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(DataError, match="the store cannot be made there"),
        Store(tmp_path / "file" / "store").writing(),
    ):
        pass


# -- death and full disks --------------------------------------------------------------------------

STATES = ((1.0, 2.0, 3.0), (4.0, 5.0))


def write_more(folder):
    with Store(folder).writing() as writer:
        writer.add_raw(SPY, frame(STATES[1]), RAW)
        writer.put_processed(SPY, frame(STATES[1]), PROCESSED)
        writer.add_raw(Key("yahoo", "QQQ"), frame(STATES[1]), RAW)


def state_of(folder):
    """Return how many series are there, after reading every file that the manifest names."""
    store = Store(folder)
    known = store.keys()
    for key in known:
        for entry in (*store.raw(key), store.processed(key)):
            if entry is not None:
                assert len(store.read(entry)) == entry.rows
    return len(store.keys()), len(store.raw(SPY)), store.processed(SPY) is not None


OLD, NEW = (1, 1, False), (2, 2, True)


def steps(monkeypatch, folder, at=None):
    """Count the calls that touch the disk, and let call number ``at`` fail as on a full disk."""
    count = 0

    def counted(real):
        def call(*args, **kwargs):
            nonlocal count
            if real.__name__ == "open" and "wb" not in args:
                return real(*args, **kwargs)
            count += 1
            if count == at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args, **kwargs)

        return call

    for module, name in (
        (atomic.os, "replace"),
        (atomic.os, "fsync"),
        (Path, "open"),
        (Path, "mkdir"),
    ):
        monkeypatch.setattr(module, name, counted(getattr(module, name)))
    try:
        write_more(folder)
    finally:
        monkeypatch.undo()
    return count


def test_a_disk_that_fills_at_any_step_leaves_the_old_state_or_the_new(
    tmp_path, monkeypatch
):
    filled(tmp_path / "count")
    total = steps(monkeypatch, tmp_path / "count")
    assert total > 15
    seen = set()
    for at in range(1, total + 1):
        folder = tmp_path / str(at)
        filled(folder)
        with pytest.raises(DataError, match="No space left on device") as told:
            steps(monkeypatch, folder, at)
        found = state_of(folder)
        assert found in (OLD, NEW)
        assert ("all is written" in str(told.value)) == (found == NEW)
        seen.add(found)
        write_more(folder)  # the next writer works, and what was left behind is gone
        assert set(files(folder)) == Store(folder).contents.named()
    assert seen == {OLD, NEW}


def test_a_full_disk_is_told_once_and_leaves_nothing(tmp_path, monkeypatch):
    filled(tmp_path)
    before = files(tmp_path)
    with pytest.raises(
        DataError,
        match=r"cannot be written: No space left.*the store is as it was after its last commit",
    ):
        steps(monkeypatch, tmp_path, 6)
    assert files(tmp_path) == before


def test_what_was_committed_before_a_failure_stays(tmp_path):
    def fail_later():
        with Store(tmp_path).writing() as writer:
            writer.add_raw(SPY, frame(), RAW)
            writer.commit()
            writer.add_raw(Key("yahoo", "QQQ"), frame(), RAW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_later()
    assert Store(tmp_path).keys() == (SPY,)
    assert len(files(tmp_path)) == 1


def test_what_was_made_of_a_series_is_read_again(tmp_path):
    store = filled(tmp_path)
    with store.writing() as writer:
        made = writer.put_processed(SPY, frame(), PROCESSED)
        writer.put_findings(frame())
    again = Store(tmp_path)
    assert again.processed(SPY) == made
    assert again.processed(SPY).facts == PROCESSED
    assert again.raw(SPY)[0].facts.covers.last == dt.date(2020, 1, 3)


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("covers", "2020"),
        ("whole", "yes"),
        ("prices", "adjusted"),
        ("cover", KnownDays()),
    ],
)
def test_facts_of_another_kind_are_never_written(fact, value):
    with pytest.raises(ValidationError, match=fact):
        RawFacts(**dict(RAW) | {fact: value})


def test_numbers_that_json_does_not_know_are_never_written(tmp_path):
    odd = PROCESSED.model_copy(update={"settings": {"ratio": float("nan")}})
    with (
        pytest.raises(ValueError, match="not JSON compliant"),
        Store(tmp_path).writing() as writer,
    ):
        writer.put_processed(SPY, frame(), odd)


def rewrite(folder, change):
    """Write a manifest whose contents are changed, with the hash that belongs to them."""
    path = folder / MANIFEST
    contents = json.loads(path.read_text())["contents"]
    change(contents)
    body = json.dumps(contents, sort_keys=True)
    digest = hashlib.sha256(body.encode()).hexdigest()
    path.write_text(f'{{"format": 1, "sha256": "{digest}", "contents":\n{body}\n}}\n')
    return path


def raw_of(contents):
    return contents["series"][0]["raw"][0]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (
            lambda contents: raw_of(contents)["facts"].update(
                cover=["2020-01-01", None]
            ),
            r"series\.0\.raw\.0\.facts\.cover was \['2020-01-01', None\]; Extra inputs are not",
        ),
        (
            lambda contents: raw_of(contents)["facts"].update(covers=[None, 20200103]),
            r"facts\.covers\.1 was 20200103; Input should be a valid date",
        ),
        (
            lambda contents: raw_of(contents)["facts"].update(whole="yes"),
            r"facts\.whole was 'yes'; Input should be a valid boolean",
        ),
        (
            lambda contents: raw_of(contents)["facts"].pop("series"),
            r"facts\.series was .*; Field required",
        ),
        (
            lambda contents: raw_of(contents).update(rows="3"),
            r"raw\.0\.rows was '3'; Input should be a valid integer",
        ),
        (
            lambda contents: contents["series"][0]["processed"]["facts"]["steps"][
                0
            ].pop("text"),
            r"processed\.facts\.steps\.0\.text was .*; Field required",
        ),
        (
            lambda contents: contents.update(packs=[]),
            r"packs was \[\]; Extra inputs are not permitted",
        ),
    ],
)
def test_facts_that_no_record_knows_are_refused_with_the_file(
    tmp_path, change, complaint
):
    store = filled(tmp_path)
    with store.writing() as writer:
        writer.put_processed(SPY, frame(), PROCESSED)
    path = rewrite(tmp_path, lambda contents: None)
    assert Store(tmp_path).keys() == (SPY,)
    rewrite(tmp_path, change)
    message = (
        rf"{path}: the store's manifest holds what bt-run did not write: .*{complaint}"
    )
    with pytest.raises(DataError, match=message):
        Store(tmp_path).keys()
    with pytest.raises(DataError, match=message), Store(tmp_path).writing():
        pass


def test_readers_remove_nothing_and_the_next_writer_does(tmp_path):
    store = filled(tmp_path)
    folder = (tmp_path / store.raw(SPY)[0].file).parent
    for name in (".tmp-1-fetched=x.parquet", "fetched=x.parquet"):
        (folder / name).write_bytes(b"half")
    (tmp_path / ".tmp-1-manifest.json").write_bytes(b"half")
    assert Store(tmp_path).keys() == (SPY,)
    assert len(list(folder.iterdir())) == 3
    with store.writing():
        pass
    assert len(list(folder.iterdir())) == 1
    assert not list(tmp_path.glob(".tmp-*"))


def test_a_reader_finishes_on_the_file_that_was_superseded_meanwhile(
    tmp_path, monkeypatch
):
    store = filled(tmp_path)
    with store.writing() as writer:
        old = writer.put_processed(SPY, frame((1.0,)), PROCESSED)
    with store.writing() as writer:
        writer.put_processed(SPY, frame((2.0,)), PROCESSED)
    assert store.read(old)["close"].tolist() == [1]
    monkeypatch.setattr(
        "bt_run_plugins.market_data.store.store._GRACE",
        pd.Timedelta(hours=-1).to_pytimedelta(),
    )
    with store.writing():
        pass
    with pytest.raises(DataError, match="the file cannot be read"):
        store.read(old)


def test_the_manifest_can_be_read_by_eye(tmp_path):
    filled(tmp_path)
    found = json.loads((tmp_path / MANIFEST).read_text())
    assert found["format"] == 1
    assert found["contents"]["series"][0]["symbol"] == "SPY"
