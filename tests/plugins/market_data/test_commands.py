"""The commands ``bt-run data ...``: what they print, write and return."""

import datetime as dt
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kit.libraries import hide

from bt_run.cli.entry import main
from bt_run_plugins.market_data.fetching.job import Outside
from bt_run_plugins.market_data.fetching.yahoo import Trouble, YahooAnswer
from bt_run_plugins.market_data.store.frames import symbol_frame
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.records import Extent, KnownDays, RawFacts
from bt_run_plugins.market_data.store.store import Store

NOW = dt.datetime(2020, 3, 6, 23, 0, tzinfo=dt.UTC)
RUN = """
name: indices
data:
  source: {use: store, source: sample_indices}
  assets: {SPY: SP500, QQQ: NASDAQ}
  benchmark: SPY
  start: 2001-01-02
  end: 2003-12-31
strategy: buy_and_hold
sizer: equal_weight
broker: {use: simulated, fill: next_close}
"""


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BT_RUN_STORE", str(tmp_path / "store"))
    return Store(tmp_path / "store")


@pytest.fixture
def asked(monkeypatch):
    """Put a Yahoo that knows SPY, QQQ and the indices in the place of the real one, and note what
    it is asked.
    """
    questions = []

    def ask(question):
        questions.append(question)
        dates = pd.bdate_range(question.first or "2000-01-03", question.last)
        close = 100.0 + np.arange(len(dates))
        known = {"SPY", "QQQ", "SP500", "NASDAQ"}
        frames = {
            s: symbol_frame({"date": dates, "close": close})
            for s in question.symbols
            if s in known
        }
        return YahooAnswer(
            frames,
            {s: Trouble("unknown", "404") for s in question.symbols if s not in known},
            "1.7.0",
        )

    def outside(done):
        return Outside(ask=ask, now=lambda: NOW, sleep=lambda seconds: None, done=done)

    monkeypatch.setattr("bt_run_plugins.market_data.fetch_commands.Outside", outside)
    return questions


def run(capsys, *words):
    code = main(["data", *words])
    out, err = capsys.readouterr()
    return code, out, err


def test_fetch_shows_each_symbol_and_fails_softly(store, asked, capsys):
    code, out, err = run(
        capsys, "fetch", "SPY", "NOPE", "--start", "2020-01-02", "--end", "2020-03-06"
    )
    assert (code, err) == (3, "")
    lines = out.splitlines()
    assert lines[0] == "symbol  rows  span                      what happened"
    assert lines[1] == "SPY       47  2020-01-02 to 2020-03-06  fetched: all of it"
    assert lines[2].startswith(
        "NOPE       0  -                         failed: Yahoo knows no such symbol"
    )
    assert lines[3] == f"1 of 2 symbols are there; store: {store.folder}"
    code, out, _ = run(capsys, "fetch", "SPY", "--start", "2020-01-02")
    assert (code, len(asked)) == (0, 1)
    assert "up to date: nothing is missing" in out


def test_fetch_takes_symbols_from_a_file(store, asked, capsys):
    Path("symbols.txt").write_text("# the ETFs\nSPY\n\nQQQ  # of the Nasdaq\n")
    assert run(capsys, "fetch", "--file", "symbols.txt")[0] == 0
    assert (asked[0].symbols, asked[0].first) == (("SPY", "QQQ"), None)
    code, _, err = run(capsys, "fetch", "--file", "nowhere.txt")
    assert (code, err) == (
        2,
        "bt-run: nowhere.txt: cannot be read: No such file or directory\n",
    )


def test_fetch_takes_symbols_and_dates_from_a_run(store, asked, capsys):
    Path("run.yaml").write_text(RUN)
    assert run(capsys, "fetch", "--run", "run.yaml")[0] == 0
    assert (asked[0].symbols, asked[0].first, asked[0].last) == (
        ("SP500", "NASDAQ"),
        None,
        dt.date(2003, 12, 31),
    )
    run(
        capsys,
        "fetch",
        "--run",
        "run.yaml",
        "--whole",
        "--start",
        "2001-01-02",
        "--end",
        "2001-02-01",
    )
    assert asked[1].last == dt.date(2001, 2, 1)


def test_fetch_without_symbols_is_refused(store, capsys):
    code, _, err = run(capsys, "fetch")
    assert (code, "no symbols: name some" in err) == (2, True)


def test_fetch_moves_a_bar_on_a_terminal_only(store, asked, capsys, monkeypatch):
    assert run(capsys, "fetch", "SPY")[2] == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert "QQQ" in run(capsys, "fetch", "QQQ")[2]


def test_from_import_to_a_run_on_a_pack(store, capsys):
    """The way of a new user without a network, to the end."""
    code, out, _ = run(capsys, "import", "sample:indices")
    assert (code, out.splitlines()[-1]) == (
        0,
        f"2 symbols under sample_indices; store: {store.folder}; next: bt-run data clean",
    )
    assert (
        out.splitlines()[1] == "SP500   1d        5031  1999-01-04 to 2018-12-31  new"
    )
    code, out, _ = run(capsys, "list")
    assert out.splitlines()[1].split()[-2:] == ["no", "-"]
    code, out, _ = run(capsys, "clean")
    assert (code, out.splitlines()[0]) == (0, "sample_indices at 1d: 2 symbols cleaned")
    code, out, _ = run(capsys, "validate")
    assert (code, out.splitlines()[0]) == (
        0,
        "sample_indices at 1d, 2 symbols, profile standard: passes",
    )
    code, out, _ = run(capsys, "list")
    assert out.splitlines()[0] == (
        "source          symbol  interval  rows  span                      fetched     cleaned  "
        "findings"
    )
    assert "5031  1999-01-04 to 2018-12-31" in out
    assert out.splitlines()[-1] == f"2 series; store: {store.folder}"
    code, out, _ = run(capsys, "report", "-o", "page.html")
    assert (code, out) == (0, "report: page.html\n")
    assert "sample_indices at 1d" in Path("page.html").read_text()
    code, out, _ = run(capsys, "pack", "create", "--as-of", "2018-12-31")
    name = out.split()[1].rstrip(":")
    assert out.splitlines()[0] == f"pack {name}: 2 symbols as of 2018-12-31"
    assert "there already" in run(capsys, "pack", "create", "--as-of", "2018-12-31")[1]
    assert run(capsys, "pack", "verify", name)[:2] == (
        0,
        f"pack {name}: all 2 symbols are as they were made\n",
    )
    _, out, _ = run(capsys, "pack", "list")
    assert out.splitlines()[1].startswith(
        f"{name}  2018-12-31  2: NASDAQ, SP500  1999-01-04 to 2018-12-31  20"
    )
    fingerprints = set()
    for source in (
        "{use: store, source: sample_indices}",
        f"{{use: pack, id: {name}}}",
    ):
        Path("run.yaml").write_text(
            RUN.replace("{use: store, source: sample_indices}", source)
        )
        assert main(["run.yaml", "--no-reports"]) == 0
        fingerprints.add(Path("runs/indices/latest/fills.parquet").read_bytes())
    assert len(fingerprints) == 1
    (store.folder / "packs" / name / "symbol=SP500.parquet").unlink()
    capsys.readouterr()
    code, out, _ = run(capsys, "pack", "verify", name)
    assert (code, "SP500 cannot be read" in out) == (6, True)


@pytest.fixture
def broken(store):
    """A store with a close of 0, which fails the profile, in one of two sources."""
    dates = pd.bdate_range("2020-01-02", periods=30)
    close = 100.0 + np.arange(30)
    with store.writing() as writer:
        for source, values in (
            ("import", np.where(np.arange(30) == 9, 0.0, close)),
            ("mine", close),
        ):
            frame = symbol_frame({"date": dates[::-1], "close": values})
            facts = RawFacts(
                fetched_at="2020-03-01",
                prices=None,
                whole=True,
                covers=KnownDays(),
                series=Extent(rows=30, first="2020-01-02", last="2020-02-12"),
            )
            writer.add_raw(Key(source, "SPY"), frame, facts)
    return store


def test_validate_returns_6_where_findings_fail(broken, capsys):
    code, out, _ = run(capsys, "clean")
    assert code == 0
    assert "SPY     sort_dates           30          30" in out
    code, out, _ = run(capsys, "validate")
    assert code == 6
    assert "import at 1d, 1 symbols, profile standard: 1 findings fail" in out
    assert "mine at 1d, 1 symbols, profile standard: passes" in out
    assert run(capsys, "validate", "--source", "mine")[0] == 0
    assert "1 error" in run(capsys, "list", "--source", "import")[1]


def test_validate_tells_of_prices_that_came_later(store, capsys):
    run(capsys, "import", "sample:indices")
    run(capsys, "clean")
    with store.writing() as writer:
        key = Key("sample_indices", "SP500")
        facts = store.raw(key)[0].facts
        writer.add_raw(key, store.read(store.raw(key)[0]).head(9), facts)
    code, _, err = run(capsys, "validate")
    assert (code, err) == (
        0,
        "note: prices of SP500 came after they were cleaned; clean again\n",
    )
    assert "old: prices came after it was cleaned" in run(capsys, "list")[1]


def test_clean_takes_steps_and_cuts(broken, capsys):
    code, out, _ = run(
        capsys, "clean", "SPY", "--source", "mine", "--cut-before", "SPY=2020-01-10"
    )
    assert (code, broken.processed(Key("mine", "SPY")).rows) == (0, 24)
    assert "cut_before" in out
    assert broken.processed(Key("import", "SPY")) is None
    assert (
        run(
            capsys,
            "clean",
            "--steps",
            "sort_dates",
            "--align",
            "union",
            "--profile",
            "strict",
        )[0]
        == 0
    )
    facts = broken.processed(Key("mine", "SPY")).facts
    assert (facts.alignment, facts.profile, facts.settings["clean"]["steps"]) == (
        "union",
        "strict",
        ["sort_dates"],
    )


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (
            ("clean", "--steps", "wash"),
            2,
            "steps.0: was 'wash'; Input should be 'sort_dates'",
        ),
        (
            ("clean", "--cut-before", "SPY"),
            2,
            "--cut-before was 'SPY'; expected SYMBOL=DAY",
        ),
        (("clean", "SPI"), 3, "no prices of 'SPI'; did you mean 'SPY'?"),
        (
            ("clean", "123456"),
            3,
            "no prices of '123456'; `bt-run data list` shows what there is",
        ),
        (
            ("list", "--interval", "5m"),
            3,
            "nothing to work on; found import at 1d, mine at 1d",
        ),
        (
            ("validate",),
            3,
            "SPY of import at 1d was never cleaned; make it with `bt-run data clean SPY --source "
            "imp",
        ),
        (
            ("report",),
            3,
            "a report is on one source at one interval; found import at 1d, mine at 1d; say "
            "--source",
        ),
        (("pack", "verify", "x"), 3, "no pack 'x'; it has none"),
    ],
)
def test_what_cannot_be_done_is_told(broken, capsys, words, code, message):
    found, _, err = run(capsys, *words)
    assert found == code
    assert message in err


def test_an_empty_store_is_told(store, capsys):
    code, _, err = run(capsys, "list")
    assert (
        code,
        "nothing to work on; found an empty store; `bt-run data fetch` or" in err,
    ) == (
        3,
        True,
    )


def test_a_lock_that_is_taken_over_is_told(store, capsys):
    store.folder.mkdir()
    (store.folder / ".lock").write_text(
        '{"pid": 1, "host": "there", "command": "bt-run data fetch", "since": "then"}'
    )
    _, _, err = run(capsys, "import", "sample:indices", "SP500")
    assert (
        "the writer before, process 1 on there (`bt-run data fetch`), since then, died; its lock "
        "is taken over" in err
    )


def test_a_long_list_of_findings_is_cut(store, capsys):
    rows = [
        (f"S{i:02d}", day, 100.0)
        for i in range(25)
        for day in ("2020-01-02", "2020-01-03", "2020-01-03")
    ]
    pd.DataFrame(rows, columns=["ticker", "date", "close"]).to_csv(
        "all.csv", index=False
    )
    run(capsys, "import", "all.csv")
    _, out, _ = run(capsys, "clean")
    assert "and 5 more; `bt-run data report` shows them" in out


def test_fetching_without_the_library_names_the_extra_and_touches_nothing(
    store, monkeypatch, capsys
):
    hide(monkeypatch, "yfinance")
    assert main(["data", "fetch", "SPY"]) == 2
    assert capsys.readouterr().err == (
        "bt-run: bt-run data fetch needs yfinance, not installed: "
        "pip install 'bt-run[yahoo]'\n"
    )
    assert not store.folder.exists()


def test_importing_a_sample_without_its_package_names_the_extra(
    store, monkeypatch, capsys
):
    hide(monkeypatch, "bokeh_sampledata")
    assert main(["data", "import", "sample:stocks"]) == 2
    assert capsys.readouterr().err == (
        "bt-run: the sample's stocks.csv.gz needs bokeh_sampledata, not installed: "
        "pip install 'bt-run[samples]'\n"
    )
