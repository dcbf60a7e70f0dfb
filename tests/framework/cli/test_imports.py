"""What each command may import: what it does not use costs every run of it time."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FLAGSHIP = Path(__file__).parents[3] / "examples" / "spy_qqq.yaml"
NOBODY = "BT_RUN_NO_LEDGER"  # who counts trials imports nothing else either
OURS = {"bt_run", "bt_run_plugins", "bt_run_strategies"}
# libraries by their top module, with what they bring along themselves
COMMANDS = {"click", "click_default_group", "pluggy"}
CONFIGURATION = {
    *("annotated_types", "numpy", "pydantic", "pydantic_core", "ruamel"),
    *("typing_extensions", "typing_inspection"),
}
DATA = {
    *("bottleneck", "cloudpickle", "dateutil", "exchange_calendars", "numexpr"),
    *("korean_lunar_calendar", "pandas", "pyarrow", "pyluach", "pytz", "six"),
    *("toolz", "tzdata"),
}
ENGINE = {"backtrader"}
HELP = COMMANDS | CONFIGURATION
VALIDATE = HELP | DATA
RUN = VALIDATE | ENGINE


def imported(tmp_path, *words):
    """Return the top modules, Python's own left out, that a command imports."""
    code = (
        "import sys; before = set(sys.modules); from bt_run.cli.entry import main; "
        "code = main(sys.argv[1:]); print(*(set(sys.modules) - before)); sys.exit(code)"
    )
    counted = {name: value for name, value in os.environ.items() if name != NOBODY}
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        env=counted,
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    tops = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    built = {"cython_runtime"}  # what compiled modules register of themselves
    own = {name for name in tops if name.startswith("_")}
    return tops - sys.stdlib_module_names - OURS - built - own


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (("--help",), HELP),
        (("validate", FLAGSHIP), VALIDATE),
        ((FLAGSHIP, "--no-reports"), RUN),
    ],
    ids=["help", "validate", "run without reports"],
)
def test_a_command_imports_what_it_uses_and_nothing_else(tmp_path, words, allowed):
    found = imported(tmp_path, *words)
    assert found <= allowed
    assert found > COMMANDS  # the list is of what was really imported
