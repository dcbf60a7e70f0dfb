"""Every error that bt-run expects; ``bt-run`` prints them in one line and exits with
``exit_code``.
"""

__all__ = [
    "CHECK_FAILED",
    "NOTHING_TO_CHECK",
    "BtRunError",
    "ConfigError",
    "DataError",
    "ExecutionError",
    "InfeasibleError",
    "PluginError",
    "SolverError",
]

# exit codes of checks, beside those of the errors below
CHECK_FAILED = 6
NOTHING_TO_CHECK = 7


class BtRunError(Exception):
    """Stop a run for a reason that its user can act on."""

    exit_code = 1


class ConfigError(BtRunError):
    """Something wrong in the configuration, and where it stands."""

    exit_code = 2


class DataError(BtRunError):
    """Prices that are missing or cannot be true."""

    exit_code = 3


class InfeasibleError(BtRunError):
    """Demands on a portfolio that contradict each other."""

    exit_code = 4


class SolverError(BtRunError):
    """No answer of an optimizer has the required accuracy."""

    exit_code = 4


class PluginError(BtRunError):
    """A plugin that broke its contract."""

    exit_code = 5


class ExecutionError(BtRunError):
    """An account that cannot go on trading, and why."""

    exit_code = 4
