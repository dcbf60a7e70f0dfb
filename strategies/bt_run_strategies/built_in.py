"""The list of what this package offers: a new strategy adds the name of its module here."""

MODULES = (
    "bt_run_strategies.buy_and_hold",
    "bt_run_strategies.trend",
)
