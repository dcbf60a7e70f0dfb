"""`bt-run new`: what it writes runs, keeps the promises of its role, and overwrites nothing."""

import json
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner
from kit.places import ROOT

from bt_run import ConfigError, load_config, run
from bt_run.cli.new_command import new
from bt_run.cli.scaffolding import NEW_ROLES, Scaffold, scaffold
from bt_run.testing.conformance import kit as conformance

SHORT = ("data.start=2007-06-01", "data.end=2008-12-31")


def started(folder, role, *, full=False, single_file=False, name=""):
    name = name or f"my_{role}"
    paths = scaffold(Scaffold(role, name, full=full, single_file=single_file), folder)
    module = next(path for path in paths if path.name in ("plugin.py", f"{name}.py"))
    return module, folder / f"{name}.yaml"


def ran(module, yaml, tmp_path):
    """Run a generated run file over a year and a half, its module named as a local plugin."""
    plugins = (
        ()
        if module.parent == yaml.parent
        else (f"plugins={json.dumps([str(module)])}",)
    )
    overrides = (*SHORT, *plugins)
    config = load_config(yaml, overrides)
    assert config.reports[-1].use == "tear_sheet"
    own = [report.use for report in config.reports[:-1]]
    return run(
        load_config(yaml, (*overrides, f"reports={json.dumps(own)}")),
        tmp_path / "runs" if own else None,
    )


def tool(*words):
    return subprocess.run(
        [sys.executable, "-m", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


@pytest.mark.parametrize("full", [False, True], ids=["minimal", "full"])
@pytest.mark.parametrize("role", NEW_ROLES)
def test_a_package_runs_and_keeps_the_promises_of_its_role(role, full, tmp_path):
    module, yaml = started(tmp_path, role, full=full)
    result = ran(module, yaml, tmp_path)
    assert (result.fills["filled"] != 0).any()
    outcomes = conformance.check(str(module))
    assert (
        "\n".join(outcome.failure for outcome in outcomes if outcome.mark == "failed")
        == ""
    )
    assert sum(outcome.mark == "passed" for outcome in outcomes) >= len(outcomes) - 4
    assert {outcome.subject for outcome in outcomes} == {f"{role}:my_{role}"}


@pytest.mark.parametrize("role", NEW_ROLES)
def test_a_single_file_is_the_same_module_beside_its_run_file(role, tmp_path):
    module, yaml = started(tmp_path / "single", role, single_file=True)
    packaged, _ = started(tmp_path / "package", role)
    assert module.read_text() == packaged.read_text()
    assert sorted(path.name for path in module.parent.iterdir()) == [
        f"my_{role}.py",
        f"my_{role}.yaml",
    ]
    assert (ran(module, yaml, tmp_path).fills["filled"] != 0).any()


def test_the_full_packages_pass_the_tests_of_their_numbers(tmp_path):
    for role in NEW_ROLES:
        started(tmp_path / role, role, full=True)
    sources = os.pathsep.join(str(tmp_path / role / "src") for role in NEW_ROLES)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--import-mode=importlib",
            "-k",
            "not promises",
        ]
        + [str(tmp_path / role / "tests" / "test_numbers.py") for role in NEW_ROLES],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": sources},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) passed", done.stdout).group(1)) >= 2 * len(NEW_ROLES)


def test_generated_code_is_clean(tmp_path):
    for role in NEW_ROLES:
        started(tmp_path / role, role)
        started(tmp_path / f"{role}_full", role, full=True, name=f"my_full_{role}")
    text = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert not re.findall(r"__[A-Z_]+__", text)
    assert (
        tool("ruff", "check", "--select", "E,F,W,I,B,UP,RUF", str(tmp_path)).returncode
        == 0
    )
    assert tool("ruff", "format", "--check", str(tmp_path)).returncode == 0
    folders = [tmp_path / "strategy", tmp_path / "strategy_full"]
    checked = tool(
        "mypy",
        "--config-file",
        str(ROOT / "setup.cfg"),
        *(str(f / "src") for f in folders),
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("single_file", [False, True])
def test_nothing_is_overwritten(single_file, tmp_path):
    _, yaml = started(tmp_path, "sizer", single_file=single_file)
    yaml.write_text("mine")
    for path in tmp_path.rglob("*"):
        if path.is_file() and path != yaml:
            path.unlink()
    with pytest.raises(
        ConfigError, match=r"my_sizer\.yaml exists already and is not overwritten"
    ):
        started(tmp_path, "sizer", single_file=single_file)
    assert yaml.read_text() == "mine"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [yaml]


@pytest.mark.parametrize(
    ("role", "name", "text"),
    [
        (
            "broker",
            "mine",
            "no template for the role 'broker'; there are strategy, sizer",
        ),
        (
            "sizer",
            "My-Sizer",
            "the name was 'My-Sizer'; expected a Python name of at most 40 small letters",
        ),
        ("sizer", "lambda", "the name was 'lambda'; expected a Python name"),
        ("sizer", "x" * 41, "expected a Python name of at most 40"),
        (
            "sizer",
            "trend",
            "'trend' is taken: bt_run_strategies.trend offers the strategy 'trend'",
        ),
        ("sizer", "numpy", "'numpy' is taken: an installed Python module is called so"),
    ],
)
def test_a_name_that_will_not_do_is_refused(role, name, text, tmp_path):
    with pytest.raises(ConfigError, match=re.escape(text)):
        scaffold(Scaffold(role, name), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_class_does_not_take_the_name_of_what_it_imports(tmp_path):
    module, _ = started(tmp_path, "strategy", name="component")
    assert "class ComponentStrategy:" in module.read_text()


def test_the_command_says_what_it_wrote_and_what_comes_next(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(new, ["strategy", "near_high", "--full"])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert lines[-1] == (
        "next: cd near_high && pip install -e . && bt-run near_high.yaml && pytest --bt-plugin "
        "near_high"
    )
    assert sorted(lines[:-1]) == sorted(
        str(path.relative_to(tmp_path))
        for path in tmp_path.rglob("*")
        if path.is_file()
    )
    done = CliRunner().invoke(
        new, ["exit", "even", "--single-file", "--folder", "mine"]
    )
    assert (
        done.output.splitlines()[-1]
        == "next: bt-run mine/even.yaml && pytest --bt-plugin mine/even.py"
    )


@pytest.mark.slow
def test_a_stranger_installs_the_package_runs_it_and_its_tests(tmp_path):
    folder, target = tmp_path / "near_high", tmp_path / "installed"
    started(folder, "strategy", full=True, name="near_high")
    environment = os.environ | {"PYTHONPATH": str(target)}

    def do(*words):
        done = subprocess.run(
            [sys.executable, *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    do("-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), ".")
    command = "import sys; from bt_run.cli.entry import main; sys.exit(main())"
    assert "tear_sheet.pdf" in do(
        "-c", command, "near_high.yaml", "--set", "data.end=2002-12-31"
    )
    assert (
        folder / "runs" / "near_high" / "latest" / "tear_sheet.pdf"
    ).stat().st_size > 10_000
    told = do(
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests",
        "--bt-plugin",
        "near_high",
    )
    assert re.search(r"4[0-9] passed", told)
    assert "brightgreen" in told


@pytest.mark.parametrize(
    ("there", "words"),
    [(True, "&& pytest "), (False, "&& pip install pytest && pytest ")],
)
@pytest.mark.parametrize("options", [(), ("--single-file",)])
def test_the_next_step_installs_pytest_where_it_is_missing(
    tmp_path, monkeypatch, there, words, options
):
    from click.testing import CliRunner

    from bt_run.cli import new_command

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        new_command, "find_spec", lambda name: object() if there else None
    )
    done = CliRunner().invoke(new_command.new, ["sizer", "capped", *options])
    assert done.exit_code == 0
    assert words in done.output.splitlines()[-1]
