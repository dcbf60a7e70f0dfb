"""Runs side by side: metrics, and what differs."""

from dataclasses import replace

import pytest
from kit.places import EXAMPLES

from bt_run import Component, Config, load_config, run, write_report
from bt_run.backtest.reporting import write_comparison
from bt_run.catalogue import Catalogue, Offer
from bt_run.cli.entry import main
from bt_run.errors import ConfigError, DataError, PluginError
from bt_run.results.comparison import compare
from bt_run.results.run_folder import load_result


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs")
    wanted = (
        ["data.end=2002-12-31"],
        ["data.end=2002-12-31", "strategy.fast=20"],
        ["data.start=2001-01-02"],
    )
    return [
        run(load_config(EXAMPLES / "spy_qqq.yaml", words), out, reports=False).folder
        for words in wanted
    ]


def test_result_reads_back_from_its_folder(folders):
    result = load_result(folders[0])
    assert result.config.name == "spy_qqq"
    assert result.run_id == folders[0].name
    assert len(result.returns) == result.metrics["sessions"]["run"]
    assert "stand-in" in result.notes[0]


def test_differences_name_keys_and_data(folders):
    found = compare(folders)
    first, second = (f"spy_qqq {folder.name}" for folder in folders[1:])
    assert found.differences[first] == ("config: strategy.fast was 50, is 20",)
    lines = found.differences[second]
    assert "config: data.start was '2000-01-03', is '2001-01-02'" in lines
    assert any(line.startswith("data: the fingerprint was") for line in lines)


def test_runs_are_measured_over_the_sessions_that_all_have(folders):
    found = compare(folders)
    first, last = found.window
    assert f"{first:%Y-%m-%d} {last:%Y-%m-%d}" == "2001-01-02 2002-12-31"
    closes = load_result(folders[0]).closes["nav"].loc[first:last]
    total = closes.iloc[-1] / closes.iloc[0] - 1
    assert found.metrics[0]["total_return"] == pytest.approx(total)
    assert found.metrics[0].get("costs") is None
    assert found.benchmark["beta"] == pytest.approx(1.0)
    assert "compared: 2001-01-02 to 2002-12-31, which all have" in found.text


def test_runs_of_one_period_keep_their_own_metrics(folders):
    found = compare(folders[:2])
    assert found.window is None
    result = load_result(folders[0])
    assert found.metrics[0]["costs"] == result.metrics["costs"]["run"]
    assert compare(folders, whole=True).window is None
    assert "compared: each over its own period" in found.text


def test_what_to_know_of_each_run_stands_beside_its_label(folders):
    found = compare(folders[:2])
    assert "\nall: QQQ is a stand-in" in found.text
    own = replace(found.results[1], notes=("only here",))
    other = replace(found, results=(found.results[0], own))
    assert f"\n{found.labels[1]}: only here" in other.text
    assert f"\n{found.labels[0]}: QQQ is a stand-in" in other.text


def test_text_holds_the_metrics_of_every_run(folders, capsys):
    assert main(["compare", "--whole", *map(str, folders)]) == 0
    out = capsys.readouterr().out
    values = [f"{load_result(folder).metrics['cagr']['run']:.2%}" for folder in folders]
    line = next(line for line in out.splitlines() if line.startswith("Return per year"))
    assert line.split()[3:6] == values


def test_equal_runs_say_so_and_have_different_labels(folders):
    found = compare([folders[0], folders[0], folders[0]])
    assert found.labels[1:] == (f"{found.labels[0]} #2", f"{found.labels[0]} #3")
    assert "the same configuration, data, sources and versions" in found.text


def test_page_overlays_growth_and_drawdowns(folders, tmp_path, capsys):
    page = tmp_path / "deep" / "both.html"
    assert main(["compare", *map(str, folders), "-o", str(page)]) == 0
    assert f"page: {page}" in capsys.readouterr().out
    text = page.read_text()
    # growth twice, one difference (the third earned what the first did), drawdowns, years
    assert text.count("<svg") == 5
    assert text.count("no ledger was kept: this number has no trial count") == 3
    assert "strategy.fast was 50, is 20" in text
    cagr = compare(folders).metrics[1]["cagr"]
    assert f'data-v="{cagr!r}"' in text
    main(["compare", *map(str, folders), "-o", str(tmp_path / "again.html")])
    assert (tmp_path / "again.html").read_text() == text


def test_page_of_equal_runs_says_that_nothing_differs(folders, tmp_path):
    write_comparison(compare(folders[:1] * 2), tmp_path / "x.html", "html")
    assert (
        "Configuration, data, sources and versions are the same."
        in (tmp_path / "x.html").read_text()
    )


def test_one_run_is_no_comparison(folders, capsys):
    with pytest.raises(
        ConfigError, match="1 run was named; a comparison needs two or more"
    ):
        compare(folders[:1])
    with pytest.raises(DataError, match=r"no manifest\.json"):
        compare([folders[0], folders[0] / "nothing"])


def test_report_that_cannot_compare_is_refused(folders, tmp_path, monkeypatch):
    component = Component(
        name="plain", config=Config, build=lambda c, x: object(), summary="Plain"
    )
    offers = {"report": {"plain": Offer(component, "report", "my.py", pytest)}}
    monkeypatch.setattr(
        "bt_run.backtest.reporting.catalogue", lambda pm: Catalogue(offers)
    )
    with pytest.raises(
        PluginError,
        match=r"the report 'plain' \(my\.py\) has no compare\(comparison, path\)",
    ):
        write_comparison(compare(folders[:2]), tmp_path / "x.html", "plain")


# -- a report of a result that exists


def test_result_writes_a_report_where_it_is_reported(folders, tmp_path):
    result = load_result(folders[0])
    assert write_report(result, "html", tmp_path / "new") == (
        tmp_path / "new" / "report.html",
    )
    assert write_report(result, "html") == (folders[0] / "report.html",)
    assert (folders[0] / "report.html").read_bytes() == (
        tmp_path / "new" / "report.html"
    ).read_bytes()


def test_report_without_a_folder_is_refused(folders):
    with pytest.raises(
        ConfigError,
        match="the report 'html' has no folder to go to: the run was not written",
    ):
        write_report(replace(load_result(folders[0]), folder=None), "html")


def test_report_that_is_not_installed_is_refused(folders):
    with pytest.raises(
        ConfigError, match=r"no report 'htm' is installed; .* \(did you mean 'html'\?\)"
    ):
        write_report(load_result(folders[0]), "htm")
