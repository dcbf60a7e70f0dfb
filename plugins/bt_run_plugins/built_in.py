"""The list of what this package offers: a new component adds the name of its module here."""

MODULES = (
    "bt_run_plugins.sources.sample",
    "bt_run_plugins.sources.files",
    "bt_run_plugins.sources.frames",
    "bt_run_plugins.market_data.sources",
    "bt_run_plugins.market_data.commands",
    "bt_run_plugins.brokers.simulated",
    "bt_run_plugins.sizers.equal_weight",
    "bt_run_plugins.sizers.inverse_volatility",
    "bt_run_plugins.sizers.signal_weight",
    "bt_run_plugins.sizers.fixed_weights",
    "bt_run_plugins.sizers.weights_table",
    "bt_run_plugins.sizers.qp_tracker.sizer",
    "bt_run_plugins.overlays.volatility_target",
    "bt_run_plugins.overlays.drawdown_guard",
    "bt_run_plugins.triggers.calendar",
    "bt_run_plugins.triggers.drift_bands",
    "bt_run_plugins.exits.price_levels",
    "bt_run_plugins.reports.tear_sheet.report",
    "bt_run_plugins.reports.comparison",
    "bt_run_plugins.reports.html.report",
)
