"""Every error that bt-run expects; ``bt-run`` prints them in one line and exits with ``exit_code``."""

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
    """Say what in the configuration is wrong, and where."""

    exit_code = 2


class DataError(BtRunError):
    """Say which prices are missing or cannot be true."""

    exit_code = 3


class InfeasibleError(BtRunError):
    """Say which demands on a portfolio contradict each other."""

    exit_code = 4


class SolverError(BtRunError):
    """Say that an optimizer gave no answer of the required accuracy."""

    exit_code = 4


class PluginError(BtRunError):
    """Say which plugin broke its contract."""

    exit_code = 5


class ExecutionError(BtRunError):
    """Say why an account cannot go on trading."""

    exit_code = 4
