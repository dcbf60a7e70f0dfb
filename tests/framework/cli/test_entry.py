"""The command line: what it prints, where, and its exit codes."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest
from kit.libraries import hide
from kit.places import EXAMPLES

from bt_run import RunConfig
from bt_run.cli.entry import main

Captured = pytest.CaptureFixture[str]

RUN = """\
name: mine
data:
  source: {use: sample, set: indices}
  assets: {SPY: SP500, QQQ: NASDAQ}
  benchmark: SPY
  start: 2016-01-04
  end: 2016-12-30
strategy: {use: trend, fast: 20, slow: 100}
sizer: equal_weight
schedule: month
broker: {use: simulated, cash: 100000, fill: next_close, commission: {bps: 1}, slippage: {bps: 2}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "run.yaml").write_text(RUN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put_in_the_place_of_run(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("bt_run.cli.entry.run_config", fail)


# -- help ------------------------------------------------------------------------------------------


def test_without_arguments_the_help_is_shown(capsys: Captured) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert "bt-run init my_tests" in out
    assert "Exit codes: 0 done" in out


@pytest.mark.parametrize("command", ["run", "validate", "plugins", "schema", "init"])
def test_every_command_explains_itself(capsys: Captured, command: str) -> None:
    assert main([command, "--help"]) == 0
    assert f"Usage: bt-run {command}" in capsys.readouterr().out


def test_the_version_is_reported(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("bt-run, version ")


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from bt_run.cli.entry import main; main(['--help']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"pandas", "backtrader", "matplotlib", "scipy", "pyarrow"} & set(
        done.stdout.split()
    )


def test_a_broken_installed_plugin_does_not_break_the_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    (tmp_path / "broken_commands.py").write_text("raise RuntimeError('two\\nlines')")
    info = tmp_path / "my_dist-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: my-dist\nVersion: 1.2\n"
    )
    (info / "entry_points.txt").write_text("[bt_run]\nmine = broken_commands\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["--help"]) == 0
    captured = capsys.readouterr()
    assert "Usage: bt-run" in captured.out
    assert captured.err.startswith(
        "bt-run: warning: commands of plugins are missing: the plugin broken_commands"
    )
    assert captured.err.count("\n") == 1


def test_a_plugin_adds_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    (tmp_path / "greeting.py").write_text(
        "import click\nfrom bt_run import hookimpl\n\n@hookimpl\ndef bt_commands(cli):\n"
        "    @cli.command()\n    def greet():\n        click.echo('hello')\n"
    )
    info = tmp_path / "my_dist-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: my-dist\nVersion: 1.2\n"
    )
    (info / "entry_points.txt").write_text("[bt_run]\nmine = greeting\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["greet"]) == 0
    assert capsys.readouterr().out == "hello\n"


# -- run -------------------------------------------------------------------------------------------


def test_a_run_prints_its_numbers_and_where_its_files_are(
    folder: Path, capsys: Captured
) -> None:
    assert main(["run.yaml"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(
        "mine: 2016-01-04 to 2016-12-30, SPY, QQQ; data: sample (set: indices)\n"
    )
    assert "data: " in captured.out
    head = next(
        line
        for line in captured.out.splitlines()
        if "benchmark" in line and "constant mix" in line
    )
    assert head.split() == ["run", "benchmark", "equal", "weight", "constant", "mix"]
    for label in (
        "Total return",
        "Volatility per year",
        "Sharpe ratio",
        "Worst drawdown",
        "Turnover per year",
    ):
        assert any(line.startswith(label) for line in captured.out.splitlines())
    assert Path(captured.out.splitlines()[-1].removeprefix("folder: ")).is_dir()


def test_the_table_is_aligned(folder: Path, capsys: Captured) -> None:
    main(["run.yaml"])
    lines = capsys.readouterr().out.splitlines()
    start = next(i for i, line in enumerate(lines) if "constant mix" in line)
    assert len({len(line) for line in lines[start : start + 8]}) == 1


def test_quiet_prints_only_the_folder(folder: Path, capsys: Captured) -> None:
    assert main(["run", "run.yaml", "-q"]) == 0
    captured = capsys.readouterr()
    assert (captured.out.count("\n"), captured.err) == (1, "")
    assert (Path(captured.out.strip()) / "nav.parquet").is_file()


def test_verbose_prints_the_time_of_each_phase(folder: Path, capsys: Captured) -> None:
    assert main(["run", "run.yaml", "-v"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n{phase} " in out for phase in ("configuration", "data", "decisions"))


def test_results_go_where_out_says(folder: Path, capsys: Captured) -> None:
    assert (
        main(["run", "run.yaml", "--out", "elsewhere", "--set", "name=other", "-q"])
        == 0
    )
    assert (folder / "elsewhere" / "other" / "latest").exists()


def test_no_reports_writes_the_tables_only(folder: Path, capsys: Captured) -> None:
    assert (
        main(["run", "run.yaml", "--set", "reports=[tear_sheet]", "--no-reports", "-q"])
        == 0
    )
    written = Path(capsys.readouterr().out.strip())
    assert (written / "nav.parquet").is_file()
    assert not list(written.glob("*.pdf"))


def test_progress_is_silent_when_stderr_is_not_a_terminal(
    folder: Path, capsys: Captured
) -> None:
    main(["run", "run.yaml"])
    assert "%" not in capsys.readouterr().err


def test_progress_is_shown_on_a_terminal(
    folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert main(["run", "run.yaml"]) == 0
    assert "100%" in capsys.readouterr().err


# -- errors ----------------------------------------------------------------------------------------


def test_a_missing_file_is_one_line_and_exit_code_2(
    folder: Path, capsys: Captured
) -> None:
    assert main(["nonsense.yaml"]) == 2
    assert capsys.readouterr().err == "bt-run: nonsense.yaml: no such file\n"


def test_a_misspelt_command_is_reported(folder: Path, capsys: Captured) -> None:
    assert main(["plugin"]) == 2
    assert (
        capsys.readouterr().err
        == "bt-run: plugin: no such file or command (did you mean 'plugins'?)\n"
    )


def test_an_unknown_option_is_a_usage_error(folder: Path, capsys: Captured) -> None:
    assert main(["run", "run.yaml", "--quit"]) == 2
    assert "No such option" in capsys.readouterr().err


def test_a_mistake_is_reported_without_a_traceback(
    folder: Path, capsys: Captured
) -> None:
    assert main(["run.yaml", "--set", "strategy.fsat=3"]) == 2
    err = capsys.readouterr().err
    assert err.startswith(
        "bt-run: --set strategy.fsat: strategy.fsat: unknown key; found 3"
    )
    assert "Traceback" not in err


def test_verbose_shows_the_traceback_of_a_mistake(
    folder: Path, capsys: Captured
) -> None:
    assert main(["run", "run.yaml", "-v", "--set", "strategy.fsat=3"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_wrong_data_are_exit_code_3(folder: Path, capsys: Captured) -> None:
    assert main(["run.yaml", "--set", "data.assets.SPY=NOSUCH"]) == 3
    assert "NOSUCH" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "words", "code"),
    [
        (errno.ENOSPC, "No space left on device", 3),
        (errno.EDQUOT, "Disk quota exceeded", 3),
        (errno.EACCES, "Permission denied", 2),
    ],
)
def test_a_full_disk_anywhere_is_exit_code_3(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
    number: int,
    words: str,
    code: int,
) -> None:
    put_in_the_place_of_run(monkeypatch, OSError(number, words, "runs/mine"))
    assert main(["run.yaml"]) == code
    assert capsys.readouterr().err == f"bt-run: runs/mine: {words}\n"


def test_a_broken_plugin_is_exit_code_5(folder: Path, capsys: Captured) -> None:
    (folder / "broken.py").write_text("import nothing_of_this_name")
    assert main(["run.yaml", "--set", "plugins=[broken.py]"]) == 5
    assert "broken.py:1: the plugin cannot be imported" in capsys.readouterr().err


def test_a_bug_is_exit_code_1_with_traceback_and_a_request(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    put_in_the_place_of_run(monkeypatch, ZeroDivisionError("oh"))
    assert main(["run.yaml"]) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError: oh" in err
    assert "please report it" in err


def test_an_interrupt_is_exit_code_130(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    put_in_the_place_of_run(monkeypatch, KeyboardInterrupt())
    assert main(["run.yaml"]) == 130
    assert capsys.readouterr().err.strip() == "bt-run: interrupted"


# -- the other commands ----------------------------------------------------------------------------


def test_validate_says_ok_in_one_line(folder: Path, capsys: Captured) -> None:
    assert main(["validate", "run.yaml"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("OK: run.yaml: ")
    assert "bars of 2 assets" in out
    assert out.count("\n") == 1
    assert not (folder / "runs").exists()


def test_validate_tells_what_is_wrong(folder: Path, capsys: Captured) -> None:
    assert main(["validate", "run.yaml", "--set", "data.source.use=bloomberg"]) == 2
    told = (
        "no source 'bloomberg' is installed; "
        "sources installed: csv, frames, pack, parquet, sample, store, yahoo"
    )
    assert told in capsys.readouterr().err


def test_plugins_lists_components_with_keys_and_origin(capsys: Captured) -> None:
    assert main(["plugins"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(
        line.startswith("  trend: ") and line.endswith("[bt_run_strategies.trend]")
        for line in lines
    )
    assert any(line.startswith("      short: true | false = false") for line in lines)


def test_plugins_lists_what_lacks_a_library_with_the_command(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["plugins"]) == 0
    assert "needs more" not in capsys.readouterr().out
    hide(monkeypatch, "osqp", "yfinance")
    assert main(["plugins"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, extra in (("qp_tracker", "tracker"), ("yahoo", "yahoo")):
        place = next(
            n for n, line in enumerate(lines) if line.startswith(f"  {name}: ")
        )
        assert lines[place + 1] == f"      needs more: pip install 'bt-run[{extra}]'"
    assert main(["plugins", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["sizer"]["qp_tracker"]["install"] == "pip install 'bt-run[tracker]'"
    assert found["sizer"]["equal_weight"]["install"] == ""


def test_plugins_lists_as_json(capsys: Captured) -> None:
    assert main(["plugins", "--json"]) == 0
    trend = json.loads(capsys.readouterr().out)["strategy"]["trend"]
    assert trend["origin"] == "bt_run_strategies.trend"
    assert [field["name"] for field in trend["fields"]] == [
        "fast",
        "slow",
        "band",
        "short",
    ]
    assert trend["fields"][0]["default"] == "50"


def test_plugins_and_schema_know_local_files(folder: Path, capsys: Captured) -> None:
    (folder / "local.py").write_text(
        "from bt_run import Component, Config, hookimpl\n\n@hookimpl\ndef bt_sizers():\n"
        "    return [Component(name='mine', config=Config, build=lambda c, x: None, "
        "summary='Mine')]\n"
    )
    for command in ("plugins", "schema"):
        assert main([command, "local.py"]) == 0
        assert "mine" in capsys.readouterr().out


def test_schema_is_printed_as_json(capsys: Captured) -> None:
    assert main(["schema"]) == 0
    assert (
        json.loads(capsys.readouterr().out)["$schema"]
        == "https://json-schema.org/draft/2020-12/schema"
    )


# -- the package -----------------------------------------------------------------------------------


def test_importing_bt_run_is_light() -> None:
    code = "import sys, bt_run; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert not {"pandas", "backtrader", "matplotlib", "ruamel.yaml"} & set(
        done.stdout.split()
    )


def test_every_public_name_is_there() -> None:
    import bt_run

    assert all(getattr(bt_run, name) is not None for name in bt_run.__all__)
    assert len(bt_run.__all__) == len(set(bt_run.__all__))
    assert bt_run.RunConfig is RunConfig


def test_run_is_the_function_whatever_was_imported_before() -> None:
    code = "import bt_run.backtest.running; from bt_run import run; assert callable(run), run"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_public_name_is_an_attribute_error() -> None:
    import bt_run

    with pytest.raises(AttributeError, match="module 'bt_run' has no attribute 'runn'"):
        bt_run.runn  # noqa: B018


def test_a_note_that_lists_many_assets_is_cut_and_says_where_it_stands_whole():
    from bt_run.cli.console import shortened

    note = ", ".join(f"A{i} starts at 2001-01-01" for i in range(90))
    cut = shortened(note)
    assert len(cut) < 240
    assert cut.endswith("2001-01-01, ... (whole in manifest.json)")
    assert shortened("short") == "short"


def test_an_output_that_cannot_be_written_is_one_line(
    folder: Path, capsys: Captured
) -> None:
    (folder / "taken").write_text("a file")
    example = EXAMPLES / "spy_qqq.yaml"
    assert main([str(example), "--out", str(folder / "taken" / "runs")]) == 2
    error = capsys.readouterr().err
    assert "Not a directory" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("words", [["rnu", "run.yaml"], ["rnu", "run.yaml", "--quiet"]])
def test_a_command_that_does_not_exist_is_named(
    folder: Path, capsys: Captured, words: list[str]
) -> None:
    assert main(words) == 2
    found = capsys.readouterr().err
    assert (
        found
        == "bt-run: no command 'rnu' (did you mean 'run'?); `bt-run --help` lists them\n"
    )


def test_a_wrong_option_of_a_known_command_is_clicks_own_error(
    folder: Path, capsys: Captured
) -> None:
    assert main(["validate", "run.yaml", "more"]) == 2
    assert "unexpected extra argument" in capsys.readouterr().err


def test_broken_commands_of_plugins_are_warned_of_once(
    folder: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise ValueError("no commands")

    monkeypatch.setattr("bt_run.cli.entry.get_plugin_manager", broken)
    assert main(["rnu", "run.yaml"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "commands of plugins are missing" in lines[0]
    assert lines[1].startswith("bt-run: no command 'rnu'")


@pytest.mark.parametrize(
    ("flag", "hinted"), [([], True), (["-v"], False), (["--verbose"], False)]
)
def test_the_traceback_is_offered_to_those_who_do_not_see_it(
    folder: Path, capsys: Captured, flag: list[str], hinted: bool
) -> None:
    plugin = folder / "fails.py"
    plugin.write_text(
        "from bt_run import Component, Config, hookimpl\n\n"
        "class FailsConfig(Config):\n    pass\n\n"
        "def build(config, context):\n    raise RuntimeError('no licence')\n\n"
        "@hookimpl\ndef bt_strategies():\n"
        "    return [Component(name='fails', config=FailsConfig, build=build, summary='fails')]\n"
    )
    changes = ["--set", "plugins=[fails.py]", "--set", "strategy={use: fails}"]
    assert main(["run.yaml", *changes, *flag]) == 5
    assert ("-v shows the whole traceback" in capsys.readouterr().err) is hinted
