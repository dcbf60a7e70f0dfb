"""One made history, written as vendors write theirs, is read as the same prices."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bt_run import BuildContext, DataError, LoadRequest
from bt_run_plugins.sources.files import FilesConfig, _build_csv, _build_parquet

DAYS = pd.to_datetime(
    ["2022-12-29", "2022-12-30", "2023-01-03", "2023-01-04", "2023-01-05", "2023-01-06"]
)
NAMES = ("AAA", "BBB")
FIELDS = ["open", "high", "low", "close"]


def history(cents: list[int], lots: list[int]) -> dict[str, pd.DataFrame]:
    """Return prices in cents, and volumes in lots of 10,000, of two symbols."""
    frames = {}
    for place, name in enumerate(NAMES):
        close = np.array(cents[6 * place : 6 * place + 6]) / 100.0
        frames[name] = pd.DataFrame(
            {
                "date": DAYS,
                "open": close,
                "high": np.round(close + 1.5, 2),
                "low": close,
                "close": close,
                "volume": np.array(lots[6 * place : 6 * place + 6]) * 10_000.0,
            }
        )
    return frames


Prices = dict[str, pd.DataFrame]
Writer = Callable[[Path, Prices], dict[str, object]]
SHAPES: dict[str, Writer] = {}


def shape(write: Writer) -> Writer:
    """Put a writer of files among the shapes; it returns the keys with which they are read."""
    SHAPES[write.__name__] = write
    return write


def one_file_each(
    folder: Path, prices: Prices, write: Callable[[str, pd.DataFrame], None]
) -> None:
    for name, frame in prices.items():
        write(name, frame.copy())


def plain(number: float) -> str:
    return f"{number:.2f}"


def grouped(number: float) -> str:
    return f"{number:,.2f}"


@shape
def yahoo_csv(folder: Path, prices: Prices) -> dict[str, object]:
    for name, frame in prices.items():
        frame = frame.rename(columns=str.capitalize)
        frame.insert(5, "Adj Close", frame["Close"])
        frame.to_csv(folder / f"{name}.csv", index=False)
    return {"vendor": "yahoo_csv"}


@shape
def stooq(folder: Path, prices: Prices) -> dict[str, object]:
    for name, frame in prices.items():
        frame = frame.rename(columns=str.capitalize)
        frame.to_csv(folder / f"{name}_us_d.csv", index=False)
    return {"vendor": "stooq"}


@shape
def tiingo(folder: Path, prices: Prices) -> dict[str, object]:
    for name, frame in prices.items():
        out = frame[["date", "close", "high", "low", "open", "volume"]]
        out = out.assign(date=out["date"].dt.strftime("%Y-%m-%dT00:00:00.000Z"))
        for field in ("Close", "High", "Low", "Open", "Volume"):
            out[f"adj{field}"] = frame[field.lower()]
        out.assign(divCash=0.0, splitFactor=1.0).to_csv(
            folder / f"{name}.csv", index=False
        )
    return {"vendor": "tiingo"}


@shape
def alpha_vantage(folder: Path, prices: Prices) -> dict[str, object]:
    for name, frame in prices.items():
        out = frame.rename(columns={"date": "timestamp"})
        out.insert(5, "adjusted_close", out["close"])
        out = out.assign(dividend_amount=0.0, split_coefficient=1.0)[::-1]
        out.to_csv(folder / f"{name}.csv", index=False)
    return {"vendor": "alpha_vantage"}


@shape
def nasdaq(folder: Path, prices: Prices) -> dict[str, object]:
    for name, frame in prices.items():
        out = pd.DataFrame({"Date": frame["date"].dt.strftime("%m/%d/%Y")})
        out["Close/Last"] = "$" + frame["close"].map(plain)
        out["Volume"] = frame["volume"].astype(int)
        for field in ("Open", "High", "Low"):
            out[field] = "$" + frame[field.lower()].map(grouped)
        out[::-1].to_csv(folder / f"{name}.csv", index=False)
    return {"vendor": "nasdaq"}


@shape
def investing(folder: Path, prices: Prices) -> dict[str, object]:
    for name, frame in prices.items():
        out = pd.DataFrame({"Date": frame["date"].dt.strftime("%d/%m/%Y")})
        out["Price"] = frame["close"].map(grouped)
        for field in ("Open", "High", "Low"):
            out[field] = frame[field.lower()].map(grouped)
        out["Vol."] = [f"{volume / 1e6:.2f}M" for volume in frame["volume"]]
        out["Change %"] = "0.10%"
        out[::-1].to_csv(folder / f"{name}.csv", index=False, quoting=1)
    return {"vendor": "investing", "dates": "dayfirst"}


@shape
def quandl_wiki(folder: Path, prices: Prices) -> dict[str, object]:
    long = []
    for name, frame in prices.items():
        out = frame.assign(ticker=name, **{"ex-dividend": 0.0, "split_ratio": 1.0})
        for field in (*FIELDS, "volume"):
            out[f"adj_{field}"] = frame[field]
        long.append(out)
    pd.concat(long).to_csv(folder / "WIKI.csv", index=False)
    return {"vendor": "quandl_wiki", "path": str(folder / "WIKI.csv")}


@shape
def quandl_wiki_by_symbol(folder: Path, prices: Prices) -> dict[str, object]:
    for name, frame in prices.items():
        out = frame.rename(columns=str.capitalize)
        out = out.assign(**{"Ex-Dividend": 0.0, "Split Ratio": 1.0})
        for field in ("Open", "High", "Low", "Close", "Volume"):
            out[f"Adj. {field}"] = out[field]
        out.to_csv(folder / f"{name}.csv", index=False)
    return {"vendor": "quandl_wiki"}


@shape
def polygon_flat(folder: Path, prices: Prices) -> dict[str, object]:
    long = pd.concat([frame.assign(ticker=name) for name, frame in prices.items()])
    for day, rows in long.groupby("date"):
        start = rows["date"].dt.tz_localize("America/New_York").dt.tz_convert("UTC")
        out = rows.assign(
            window_start=start.dt.tz_localize(None)
            .astype("datetime64[ns]")
            .astype("int64"),
            transactions=5,
        )
        kept = ["ticker", "volume", *FIELDS, "window_start", "transactions"]
        out[kept].to_csv(folder / f"{day:%Y-%m-%d}.csv.gz", index=False)
    return {"vendor": "polygon_flat"}


@shape
def decimal_comma(folder: Path, prices: Prices) -> dict[str, object]:
    for name, frame in prices.items():
        out = frame.copy()
        for field in FIELDS:
            text = frame[field].map(grouped).str.replace(",", "_").str.replace(".", ",")
            out[field] = text.str.replace("_", ".")
        out["date"] = frame["date"].dt.strftime("%d.%m.%Y")
        out["volume"] = frame["volume"].astype(int)
        out.to_csv(folder / f"{name}.csv", index=False, sep=";")
    numbers = {"decimal": ",", "thousands": "."}
    return {"separator": ";", "numbers": numbers, "dates": "dayfirst"}


def _epoch(folder: Path, prices: Prices, unit: str) -> None:
    for name, frame in prices.items():
        counts = frame["date"].astype(f"datetime64[{unit}]").astype("int64")
        frame.assign(date=counts).to_csv(folder / f"{name}.csv", index=False)


@shape
def epoch_seconds(folder: Path, prices: Prices) -> dict[str, object]:
    _epoch(folder, prices, "s")
    return {"dates": "epoch_s"}


@shape
def epoch_milliseconds(folder: Path, prices: Prices) -> dict[str, object]:
    _epoch(folder, prices, "ms")
    return {"dates": "epoch_ms"}


@shape
def gzip(folder: Path, prices: Prices) -> dict[str, object]:
    for name, frame in prices.items():
        frame.to_csv(folder / f"{name}.csv.gz", index=False)
    return {}


@shape
def zip_each(folder: Path, prices: Prices) -> dict[str, object]:
    for name, frame in prices.items():
        frame.to_csv(folder / f"{name}.csv.zip", index=False)
    return {}


@shape
def yfinance_table(folder: Path, prices: Prices) -> dict[str, object]:
    made = {
        (field.capitalize(), name): frame.set_index("date")[field]
        for name, frame in prices.items()
        for field in (*FIELDS, "volume")
    }
    table = pd.DataFrame(made).rename_axis(columns=["Price", "Ticker"], index="Date")
    table.to_csv(folder / "table.csv")
    return {"wide": "fields", "path": str(folder / "table.csv")}


@shape
def symbols_above_fields(folder: Path, prices: Prices) -> dict[str, object]:
    table = pd.concat(
        {
            name: frame.set_index("date")[[*FIELDS, "volume"]]
            for name, frame in prices.items()
        },
        axis="columns",
        sort=True,
    )
    table.to_csv(folder / "table.csv")
    return {"wide": "fields", "path": str(folder / "table.csv")}


def read(folder: Path, keys: dict[str, object], **more: object):
    config = FilesConfig.model_validate({"path": str(folder), **keys, **more})
    request = LoadRequest(
        assets={"A": "AAA", "B": "BBB"},
        benchmark=("A", "AAA"),
        start=DAYS[0].date(),
        end=DAYS[-1].date(),
    )
    return _build_csv(config, BuildContext(costs=None)).load(request)


@pytest.mark.parametrize("name", SHAPES)
@settings(max_examples=4)
@given(
    cents=st.lists(st.integers(50, 900_000), min_size=12, max_size=12),
    lots=st.lists(st.integers(0, 90_000), min_size=12, max_size=12),
)
def test_every_shape_is_read_as_the_same_prices(tmp_path_factory, name, cents, lots):
    prices = history(cents, lots)
    folder = tmp_path_factory.mktemp("shape")
    bars = read(folder, SHAPES[name](folder, prices))
    assert bars.times.tolist() == DAYS.to_numpy().astype("datetime64[ns]").tolist()
    for field in (*FIELDS, "volume"):
        expected = np.column_stack([frame[field] for frame in prices.values()])
        assert bars.adjusted.field(field).tobytes() == expected.tobytes(), field


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_wide_table_of_closes_has_a_row_where_a_symbol_has_a_value(tmp_path, kind):
    prices = history([100] * 12, [1] * 12)
    wide = pd.DataFrame({name: frame["close"] for name, frame in prices.items()})
    wide.insert(0, "Date", DAYS)
    wide.loc[2, "BBB"] = np.nan
    path = tmp_path / f"closes.{kind}"
    if kind == "csv":
        wide.to_csv(path, index=False)
    else:
        wide.set_index("Date").to_parquet(path)
    config = FilesConfig(path=path, wide="close")
    request = LoadRequest(
        assets={"AAA": "AAA", "BBB": "BBB"},
        benchmark=("AAA", "AAA"),
        start=DAYS[0].date(),
        end=DAYS[-1].date(),
    )
    build = _build_csv if kind == "csv" else _build_parquet
    bars = build(config, BuildContext(costs=None)).load(request)
    assert bars.present[:, 1].tolist() == [True, True, False, True, True, True]
    assert bars.close[0].tolist() == [1.0, 1.0]


# -- what is refused says what to write ------------------------------------------------------------

GOOD = {"AAA": "date,close\n2022-12-29,1\n", "BBB": "date,close\n2022-12-29,2\n"}


@pytest.mark.parametrize(
    ("text", "keys", "message"),
    [
        ("date;close\n2022-12-29;1\n", {}, r'found one column, .*`separator: ";"`'),
        ('date,close\n2022-12-29,"1,002.50"\n', {}, r'`numbers: \{thousands: ","\}`'),
        (
            'date,close\n2022-12-29,"1.002,50"\n',
            {},
            r'`numbers: \{decimal: ",", thousands: "\."\}`',
        ),
        (
            "date,close,volume\n2022-12-29,1,1.2M\n",
            {},
            r"`numbers: \{.*multiples: true\}`",
        ),
        ("date,close\n2022-12-29,$1.20\n", {}, r'`numbers: \{.*currency: "\$"\}`'),
        ("date,close\n1672272000,1\n", {}, r"or `dates: epoch_s`"),
        ("date,close\n1672272000000,1\n", {}, r"or `dates: epoch_ms`"),
        (
            'date,close\n2022-12-29,"1,0"\n',
            {"numbers": {"thousands": ","}},
            r"'1,0' in row 1, though `numbers` says how they are written; .*decimal",
        ),
        (
            "date,close\nx,1\n",
            {"dates": "epoch_s"},
            r"'x' in row 1; expected seconds since 1970",
        ),
        (
            "date,close\n99999999999999,1\n",
            {"dates": "epoch_s"},
            r"'99999999999999' in row 1; expected seconds since",
        ),
        (
            "date,close\n2022-12-29,1\n",
            {"bar_minutes": 1},
            r"`bar_minutes` was 1, and the rows",
        ),
        (
            "Date,Close\n12/29/2022,1\n",
            {"vendor": "nasdaq"},
            r"expected 'Close/Last', which",
        ),
        (
            "date,close,volume\n2022-12-29,1,1\n",
            {"vendor": "tiingo"},
            r"expected 'divCash', which `columns` calls dividend",
        ),
    ],
)
def test_what_a_file_needs_is_said(tmp_path, text, keys, message):
    for name in NAMES:
        (tmp_path / f"{name}.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        read(tmp_path, keys)


@pytest.mark.parametrize(
    ("text", "keys", "message"),
    [
        (
            "open,high\n1,2\n",
            {"wide": "close"},
            "expected one called date, and a symbol in each",
        ),
        (
            "Price,Close\nTicker,AAA\n",
            {"wide": "fields"},
            "found 2 lines; expected two of heads",
        ),
        ("x,Close\nTicker,AAA\na,1\n", {"wide": "fields"}, "the first head was 'x'"),
        (
            "Price,X\nTicker,AAA\n2022-12-29,1\n",
            {"wide": "fields"},
            "one line of fields such as",
        ),
        (
            "Price,Close,Close\nTicker,AAA,AAA\n2022-12-29,1,2\n",
            {"wide": "fields"},
            "Close of AAA stands there twice",
        ),
        (
            "date,AAA\n2022-12-29,1\n",
            {"wide": "close"},
            "has no column BBB; it has 1, such as AAA",
        ),
    ],
)
def test_a_wide_table_of_another_kind_is_refused(tmp_path, text, keys, message):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read(path, keys)


def test_folders_and_names_of_files(tmp_path):
    for name, text in GOOD.items():
        (tmp_path / f"{name}.csv").write_text(text)
    (tmp_path / "AAA.csv.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"AAA\.csv and AAA\.csv\.gz are both of AAA"):
        read(tmp_path, {})
    with pytest.raises(
        DataError, match=r"no file is called \*\.txt; `files` names them"
    ):
        read(tmp_path, {"files": "*.txt"})
    with pytest.raises(
        DataError, match=r"a folder; expected a file, since `wide` is set"
    ):
        read(tmp_path, {"files": "*.csv", "wide": "close"})
    with pytest.raises(DataError, match=r"has no file AAA_x\.csv; it has none at all"):
        read(tmp_path, {"files": "{symbol}_x.csv"})
    (tmp_path / "BBB.csv").write_text("date,close,volume\n2022-12-29,2,1\n")
    (tmp_path / "AAA.csv.gz").unlink()
    with pytest.raises(
        DataError, match=r"BBB\.csv: found columns date, close, volume; expected"
    ):
        read(tmp_path, {"files": "*.csv"})


@pytest.mark.parametrize("other", ["QQQ", "AAA,BBB"])
def test_a_file_of_one_symbol_with_rows_of_another_is_refused(tmp_path, other):
    for name in NAMES:
        tickers = other.split(",") * 2
        rows = [
            f"{day:%Y-%m-%d},1,{one}" for day, one in zip(DAYS, tickers, strict=False)
        ]
        (tmp_path / f"{name}.csv").write_text("date,close,ticker\n" + "\n".join(rows))
    with pytest.raises(
        DataError, match=r"AAA\.csv: its rows are of .*, and its name says AAA"
    ):
        read(tmp_path, {})
    assert read(tmp_path, {"ignore": ["ticker"]}).close[0].tolist() == [1.0, 1.0]


def test_a_decimal_sign_and_a_thousands_sign_are_two():
    with pytest.raises(
        Exception, match=r"decimal and thousands were both ','; expected two"
    ):
        FilesConfig.model_validate(
            {"path": "x", "numbers": {"decimal": ",", "thousands": ","}}
        )


def test_bars_that_are_dated_by_their_start_end_later(tmp_path):
    text = "date,close\n2022-12-29T09:30:00-05:00,1\n2022-12-29T09:31:00-05:00,2\n"
    for name in NAMES:
        (tmp_path / f"{name}.csv").write_text(text)
    bars = read(tmp_path, {"bar_minutes": 1})
    assert str(bars.times[0]) == "2022-12-29T14:31:00.000000000"


def test_own_keys_go_before_the_vendors():
    given = {
        "path": "x",
        "vendor": "alpha_vantage",
        "columns": {"date": "day"},
        "ignore": ["x"],
    }
    config = FilesConfig.model_validate(given | {"prices": "split_adjusted"})
    assert config.columns["date"] == "day"
    assert config.columns["dividend"] == "dividend_amount"
    assert config.ignore == ("adjusted_close", "x")
    assert config.prices == "split_adjusted"
    with pytest.raises(Exception, match="vendor"):
        FilesConfig.model_validate({"path": "x", "vendor": "yaho"})
