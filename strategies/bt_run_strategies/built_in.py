"""The list of what this package offers: a new strategy adds the name of its module here."""

MODULES = (
    "bt_run_strategies.buy_and_hold",
    "bt_run_strategies.trend",
    "bt_run_strategies.mean_reversion",
    "bt_run_strategies.momentum",
    "bt_run_strategies.momentum_score",
    "bt_run_strategies.score_table",
    "bt_run_strategies.breakout",
    "bt_run_strategies.rsi_reversion",
    "bt_run_strategies.pairs",
    "bt_run_strategies.top_n",
    "bt_run_strategies.meta",
)
