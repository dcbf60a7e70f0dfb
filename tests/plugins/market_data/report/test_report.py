"""The data page: whole, without network, true to the tables it shows."""

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from bt_run import DataError, exchange_sessions
from bt_run_plugins.market_data.cleaning import CleanConfig, clean
from bt_run_plugins.market_data.report import report as data_report
from bt_run_plugins.market_data.report.report import (
    csv_beside,
    report_page,
    write_report,
)
from bt_run_plugins.market_data.rules.findings import Finding, as_table
from bt_run_plugins.market_data.rules.validation import ValidateConfig, validate

DAYS = exchange_sessions(
    "XNYS", np.datetime64("2010-01-01"), np.datetime64("2010-12-31")
).astype("datetime64[ns]")
SECTIONS = ("Coverage", "Rules", "Sessions", "Findings", "Cleaning", "Provenance")
FACTS = {
    "title": "My prices",
    "calendar": "XNYS",
    "profile": "standard",
    "failed": False,
    "inputs": ["a", "b"],
}


class Page(HTMLParser):
    """Read tables (id -> rows of texts), strips (symbol -> boxes), headings and outside links of a
    page.
    """

    def __init__(self, text):
        super().__init__()
        self.tables, self.paths, self.headings, self.links = {}, {}, [], []
        self.text, self._into, self._strip = text, None, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.links += [given[name] for name in ("src", "href") if name in given]
        if tag == "table":
            self._rows = self.tables[given["id"].removesuffix("-table")] = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
            self._into = tag
        elif tag == "svg":
            self._strip = self.paths[given["aria-label"].split(":")[0]] = {}
        elif tag == "path" and self._strip is not None:
            self._strip[given["class"]] = given["d"]
        elif tag in ("h1", "h2"):
            self.headings.append("")
            self._into = tag

    def handle_endtag(self, tag):
        self._into = None if tag == self._into else self._into

    def handle_data(self, data):
        if self._into in ("td", "th"):
            self._rows[-1][-1] += data.strip()
        elif self._into in ("h1", "h2"):
            self.headings[-1] += data


def walk(seed, drop=()):
    close = 50 * np.exp(
        np.cumsum(np.random.default_rng(seed).normal(0, 0.01, len(DAYS)))
    )
    table = pd.DataFrame(
        {
            "date": DAYS,
            "open": close,
            "high": close * 1.01,
            "low": close * 0.99,
            "close": close,
        }
    )
    return table.assign(volume=1e6).drop(index=list(drop)).reset_index(drop=True)


def made(facts=FACTS, **frames):
    frames = frames or {
        "A": walk(1),
        "B": walk(2, [100, 101]),
        "C": walk(3, range(120)),
    }
    cleaned = clean(frames, CleanConfig(alignment="A" if "A" in frames else "none"))
    findings = validate(frames, {}, ValidateConfig()).findings
    return (
        Page(report_page(cleaned.frames, findings, cleaned.log, facts)),
        findings,
        cleaned.log,
    )


def test_the_page_says_what_was_checked_and_asks_nothing_of_the_network():
    page, _, _ = made()
    assert page.headings == ["My prices", "Summary", *SECTIONS]
    assert (
        "3 symbols, 634 daily rows, 2010-01-04 to 2010-12-31, on the calendar XNYS"
        in page.text
    )
    assert "1 of 3 cover all of its 252 sessions" in page.text
    assert "Passes the profile standard." in page.text
    assert [link for link in page.links if not link.startswith(("#", "data:"))] == []
    assert "://" not in page.text
    assert "default-src 'none'" in page.text


def test_every_finding_is_in_the_table_and_every_rule_in_the_counts():
    page, findings, _ = made()
    rows = page.tables["findings"][1:]
    assert {(row[0], row[1], row[2]) for row in rows} == {
        (item.symbol, f"{item.date:%Y-%m-%d}", item.rule)
        for item in findings.itertuples()
    }
    assert page.tables["rules"][1][:4] == ["missing_session", "warning", "1", "1"]


def test_strips_draw_the_coverage_month_by_month():
    page, _, _ = made()
    assert page.paths["A"] == {"l1": "M0 0h12v1h-12z"}
    # the 120 first sessions are missing: January to May, and 19 of the 22 in June
    assert page.paths["C"] == {"l1": "M6 0h6v1h-6z", "l4": "M5 0h1v1h-1z"}
    assert "B: 250 rows, 2010-01-04 to 2010-12-31, 2 missing between" in page.text


def test_the_cleaning_log_is_told():
    page, _, log = made()
    steps = [row[0] for row in page.tables["steps"][1:]]
    assert steps == list(dict.fromkeys(log["step"]))
    assert page.tables["log"][1] == [
        "B",
        "align A",
        "250",
        "250",
        "0",
        "2 of the 252 common sessions have no row",
    ]


def test_a_failed_profile_names_rules_and_symbols():
    broken = walk(1)
    broken.loc[5, "close"] = -1.0
    page, _, _ = made(FACTS | {"failed": True}, A=broken)
    assert "Fails the profile standard: price_not_positive (A)." in page.text
    page, _, _ = made(FACTS | {"failed": True, "profile": "strict"}, A=broken)
    assert "Fails the profile strict: price_not_positive (A)." in page.text


def test_the_worst_come_first_and_of_those_the_rarest():
    day = np.datetime64("2010-01-04")
    items = [
        Finding("A", day, rule, 1.0, severity, "")
        for rule, severity in (("x", "info"), ("y", "warning"))
    ]
    items += [Finding(name, day, "z", 1.0, "error", "") for name in "AB"] + [
        Finding("C", day, "w", 1.0, "error", "")
    ]
    page = Page(report_page({"A": walk(1)}, as_table(items), pd.DataFrame(), {}))
    assert [row[2] for row in page.tables["findings"][1:]] == ["w", "z", "z", "y", "x"]


def test_many_findings_go_to_a_csv_file_beside_the_page(tmp_path, monkeypatch):
    monkeypatch.setattr(data_report, "MOST", 3)
    day = np.datetime64("2010-01-04")
    items = as_table(
        [Finding(f"S{n}", day, "x", float(n), "info", "told") for n in range(5)]
    )
    path = write_report(
        tmp_path / "new" / "data.html", {"A": walk(1)}, items, pd.DataFrame(), FACTS
    )
    assert path == tmp_path / "new" / "data.html"
    page = Page(path.read_text(encoding="utf-8"))
    assert len(page.tables["findings"]) == 4
    assert "The worst 3 of 5 are here; all are in data.findings.csv" in page.text
    read = pd.read_csv(csv_beside(path))
    assert read["value"].tolist() == [0, 1, 2, 3, 4]


def test_few_findings_need_no_csv_file_and_equal_input_gives_equal_bytes(tmp_path):
    frames = {"A": walk(1, [7])}
    findings = validate(frames, {}, ValidateConfig()).findings
    pages = [
        write_report(tmp_path / name, frames, findings, pd.DataFrame(), FACTS)
        for name in ("a.html", "b.html")
    ]
    assert pages[0].read_bytes() == pages[1].read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.html"]


def test_findings_that_many_symbols_share_are_told_by_session():
    page, _, _ = made(**{name: walk(seed, [50]) for seed, name in enumerate("ABCD")})
    assert page.tables["sessions"][1] == ["2010-03-17", "missing_session", "4"]


def test_nothing_at_all_is_a_page_too():
    page = Page(report_page({}, as_table([]), pd.DataFrame(), {}))
    assert page.headings[0] == "Market data"
    assert page.text.count('class="missing"') == 6
    page = Page(report_page({"A": walk(1).iloc[:0]}, as_table([]), pd.DataFrame(), {}))
    assert "1 symbol without any row on a session of XNYS." in page.text


def test_names_are_escaped():
    page = Page(
        report_page(
            {"<b>": walk(1)},
            as_table([]),
            pd.DataFrame(),
            {"title": "<script>x</script>"},
        )
    )
    assert "<script>x" not in page.text
    assert "&lt;b&gt;" in page.text


def test_a_folder_in_the_files_place_is_refused(tmp_path):
    with pytest.raises(DataError, match="the report cannot be written: Is a directory"):
        write_report(tmp_path, {"A": walk(1)}, as_table([]), pd.DataFrame(), {})
