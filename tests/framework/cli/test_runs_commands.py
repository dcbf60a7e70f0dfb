"""bt-run runs list, show, open, and export."""

import click
import pytest
from kit.configured import folder_of_files
from kit.made_results import make_result

import bt_run
from bt_run.cli.entry import main
from bt_run.results.run_folder import write_run


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a folder with a run below ``runs``."""
    folder = folder_of_files(tmp_path_factory.mktemp("home"))
    config = bt_run.load_config(folder / "run.yaml")
    bt_run.run(config, folder / "runs", reports=False)
    return folder


@pytest.fixture
def said(home, monkeypatch, capsys):
    """Return what a command says and its exit code."""
    monkeypatch.chdir(home)

    def run(*words):
        code = main(list(words))
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def test_a_list_has_a_line_for_each_run(said, home):
    code, text = said("runs", "list")
    assert code == 0
    head, line = text.splitlines()
    assert head.split()[:4] == ["run", "id", "from", "to"]
    assert line.startswith("files*")
    assert (home / "runs" / "files" / "latest").resolve().name in line
    assert "2020-02-03  2020-06-30" in line


def test_a_folder_without_runs_says_so(said, tmp_path):
    assert said("runs", "list", "--in", str(tmp_path)) == (
        0,
        f"no runs in {tmp_path}\n",
    )


def test_a_damaged_run_is_told(said, tmp_path):
    write_run(make_result(), tmp_path)
    (tmp_path / "demo" / "0123456789ab" / "metrics.json").write_text("[]")
    code, text = said("runs", "list", "--in", str(tmp_path))
    assert code == 0
    assert "0123456789ab  damaged" in text
    assert "damaged: " in text
    assert "metrics.json" in text


def test_a_run_is_shown_with_its_numbers_and_files(said):
    code, text = said("runs", "show", "files")
    assert code == 0
    assert "2020-02-03 to 2020-06-30" in text
    assert "Sharpe ratio" in text
    assert "  nav.parquet" in text


def test_a_page_is_opened_where_there_is_one(said, home, monkeypatch):
    opened = []
    monkeypatch.setattr(click, "launch", opened.append)
    code, text = said("runs", "open", "files")
    assert code == 3
    assert "has no page; `reports: [html]` in the run file makes one" in text
    page = (home / "runs" / "files" / "latest").resolve() / "report.html"
    page.write_text("x")
    assert said("runs", "open", "files") == (0, f"page: {page}\n")
    assert opened == [str(page)]
    page.unlink()


def test_a_verdict_stands_beside_the_numbers(said):
    code, text = said("runs", "show", "files")
    assert code == 0
    assert "\nverdict: " in text


def test_a_page_and_a_sheet_are_written_of_a_run_that_is_done(said, home):
    code, text = said("report", "files", "-o", "pages")
    assert (code, text) == (0, "report: pages/report.html\n")
    code, text = said("report", "files", "--one-page", "-o", "pages")
    assert (code, text) == (0, "report: pages/one_page.html\n")
    sheet = (home / "pages" / "one_page.html").read_text(encoding="utf-8")
    assert '<div class="sheet">' in sheet
    assert said("report", "nothing")[0] == 2


def test_tables_are_exported(said, home):
    code, text = said(
        "export", "files", "--to", "csv", "--tables", "fills, nav", "-o", "out"
    )
    assert code == 0
    assert text == "table: out/fills.csv\ntable: out/nav.csv\n"
    assert (home / "out" / "fills.csv").read_text().startswith("decided_at,time,asset")
    code, text = said("export", "files", "--to", "parquet")
    run_id = (home / "runs" / "files" / "latest").resolve().name
    assert (code, (home / f"files_{run_id}" / "nav.parquet").exists()) == (0, True)


def test_what_cannot_be_exported_is_refused(said):
    assert said("export", "files", "--to", "csv", "--tables", "x")[0] == 2
    assert said("export", "nothing", "--to", "csv")[0] == 2
