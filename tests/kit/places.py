"""Where things of this repository lie."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
BENCHMARKS = ROOT / "benchmarks"
# what plugins may import beside the names of bt_run itself
PUBLIC_MODULES = (
    "bt_run.arrays",
    "bt_run.account.sleeves",
    "bt_run.atomic",
    "bt_run.decision.trading_costs",
    "bt_run.errors",
    "bt_run.text",
    "bt_run.results.metrics",
    "bt_run.results.metric_definitions",
    "bt_run.results.description",
    "bt_run.results.trial_facts",
    "bt_run.studies.bootstrap",
    "bt_run.studies.candidates",
    "bt_run.studies.cells",
    "bt_run.studies.counting",
    "bt_run.studies.executor_building",
    "bt_run.studies.executors",
    "bt_run.studies.folds",
    "bt_run.studies.judging",
    "bt_run.studies.kept_cells",
    "bt_run.studies.ledger_check",
    "bt_run.studies.measuring",
    "bt_run.studies.rotation",
    "bt_run.studies.rule",
    "bt_run.studies.scores",
    "bt_run.studies.significance",
    "bt_run.studies.significance_text",
    "bt_run.studies.statistics",
    "bt_run.studies.superiority",
    "bt_run.studies.sweeping",
    "bt_run.studies.time_limits",
    "bt_run.studies.tracking",
    "bt_run.studies.trials",
)
