"""How the Python reference is ordered: what each public name is for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Group:
    """Names of one module that serve one purpose."""

    title: str
    about: str
    names: tuple[str, ...]
    module: str = "bt_run"


GROUPS = (
    Group(
        "Running",
        "From a file or from prices in memory to a result. See "
        "[Many configurations](../studying.md) and [Recipes](../recipes.md).",
        (
            *("run", "run_prices", "load_config", "RunConfig", "ComponentSpec"),
            *("prepare", "Prepared", "play", "Ledger"),
        ),
    ),
    Group(
        "Results",
        "What a run gives back; the files are described under [Results](../results.md).",
        (
            *("BacktestResult", "load_result", "write_report", "Comparison"),
            *("DEFINITIONS", "Decision"),
        ),
    ),
    Group(
        "What is known at a decision",
        "T bars and N assets, in sorted order; nothing later than now can be reached.",
        (
            *("PortfolioState", "History", "CoarseHistory", "Bars", "Prices", "Array"),
            *("completed_periods", "CompletedPeriods"),
        ),
    ),
    Group(
        "Components",
        "What a plugin offers, and what its methods return. See "
        "[Writing a plugin](../writing_a_plugin.md).",
        (
            *("hookimpl", "Component", "Config", "Nested", "BuildContext"),
            *("BacktraderStrategy", "Proposal", "Verdict", "require_installed"),
            *("YearlyRate", "refuse_per_cent", "SESSIONS"),
        ),
    ),
    Group(
        "Roles",
        "What the object that a component builds must have: protocols, from which nothing "
        "need inherit.",
        (
            *("Source", "Signals", "Strategy", "Sizer", "Overlay", "Trigger", "Exit"),
            *("Holdings", "Analyzer", "Report"),
        ),
    ),
    Group(
        "Abilities",
        "What it may have beside its role. All of them, with what the run does about each: "
        "[Components](components.md).",
        (
            *("NeedsFields", "ReadsTables", "Gives", "Accepts", "Guards", "Advises"),
            *("OnlyInside", "Learner"),
            *("Plan", "Placed", "Fingerprinted", "ListsSymbols", "TellsSeries"),
            *("JoinsSymbols", "NeedsNetwork", "Compares", "NamesAssets", "ReadsTracks"),
            *("TellsRows", "TakesPrices", "Studies"),
        ),
    ),
    Group(
        "Terms of trade",
        "What a broker component builds, and what its costs are asked.",
        (
            *("BrokerTerms", "Costs", "MarketDependent", "Conditions", "Rates"),
            *("Limits", "Delisting", "Flows"),
        ),
    ),
    Group(
        "Bars from prices",
        "Prices in memory, and what a source makes its bars of; it checks, adjusts and aligns "
        "nothing itself.",
        (
            *(
                "bars_from",
                "GivenBars",
                "GivenPrices",
                "LoadRequest",
                "Rows",
                "assemble_bars",
            ),
            *("SourceRows", "bars_of_rows", "joined_rows", "store_bars", "map_bars"),
        ),
    ),
    Group(
        "Tables of prices",
        "For sources of files: whose column is which, and what dates and numbers mean.",
        (
            *("TableForm", "NumberForm", "DateForm", "TimeZone", "PriceTable"),
            *("price_table", "rows_of_table", "rows_by_ticker", "tickers_of"),
            *("PlainReader", "PlainTable"),
            *("usual_name", "csv_table", "csv_header", "csv_lines", "parquet_table"),
            *("WrittenTimes", "written_times", "utc_times", "whole_days"),
        ),
    ),
    Group(
        "Calendars",
        "Sessions of an exchange, and how long a year is.",
        (
            *("exchange_sessions", "calendar_zone", "local_dates", "period_of"),
            *("bars_per_year", "sessions_per_year", "usual_step", "overdue", "day_of"),
        ),
    ),
    Group(
        "Errors",
        "Every error that a user can act on is a `BtRunError`; `bt-run` prints it in one line "
        "and exits with its code.",
        (
            *("BtRunError", "ConfigError", "DataError", "PluginError"),
            *("InfeasibleError", "SolverError", "ExecutionError"),
        ),
    ),
    Group(
        "Testing",
        "Bars, costs and states made in sight, for the tests of a plugin.",
        ("make_bars", "make_rows", "weekdays", "make_state", "MadeCosts"),
        "bt_run.testing",
    ),
    Group(
        "The kit",
        "The numbered promises of each role: see [The author kit](../author_kit.md).",
        (
            *("check", "table", "badge", "CaseOutcome", "Case", "CASES"),
            *("find_subjects", "Subject", "benches", "Bench"),
        ),
        "bt_run.testing.conformance",
    ),
    Group(
        "Toolbox: arrays",
        "Types of arrays, and arrays that nobody can change.",
        ("Mask", "Times", "Indices", "own_numbers", "read_only"),
        "bt_run.arrays",
    ),
    Group(
        "Toolbox: files",
        "Files of which a reader sees the old one or the new one, and one writer at a time.",
        (
            *("replace_file", "make_folder", "sync_folder", "forget", "locked"),
            *("forget_dead", "is_full", "TEMPORARY"),
        ),
        "bt_run.atomic",
    ),
    Group(
        "Toolbox: exit codes",
        "Of checks, beside those of the errors.",
        ("CHECK_FAILED", "NOTHING_TO_CHECK"),
        "bt_run.errors",
    ),
    Group(
        "Toolbox: words",
        "Words that messages, tables and pages share.",
        (
            *("nearest", "did_you_mean", "listed", "counted", "day_text"),
            "aligned",
        ),
        "bt_run.text",
    ),
    Group(
        "Toolbox: metrics",
        "The numbers of a result.",
        (
            *("Metrics", "compute_metrics", "money_weighted", "return_metrics"),
            *("record_metrics", "session_closes", "ABOUT_A_YEAR"),
            *("closing_rows", "traded_value"),
        ),
        "bt_run.results.metrics",
    ),
    Group(
        "Toolbox: what a metric is",
        "For reports.",
        (
            *("Definition", "format_metric", "growth_text"),
            *("COLUMNS", "HEADLINE", "YEARLY"),
        ),
        "bt_run.results.metric_definitions",
    ),
    Group(
        "Toolbox: a run in words",
        "For reports.",
        (
            *("describe_run", "RunDescription", "component_text", "cost_text"),
            *("value_text", "CURRENCIES", "SCHEDULE_WORDS"),
        ),
        "bt_run.results.description",
    ),
    Group(
        "Sweeps",
        "Many runs on bars that are loaded once. See [Sweeps](../sweeps.md).",
        ("open_sweep", "Sweep", "Tried"),
        "bt_run.studies.sweeping",
    ),
    Group(
        "Sweeps: a cell",
        "A run as it is sent to a worker, and what comes back.",
        ("Cell", "run_cell", "warm_up", "play_cell", "Outcome", "CellResult"),
        "bt_run.studies.cells",
    ),
    Group(
        "Sweeps: executors",
        "What plays cells, and is offered by plugins.",
        ("Executor",),
        "bt_run.studies.executors",
    ),
    Group(
        "Sweeps: an executor by its name",
        "As a run file names it.",
        ("build_executor",),
        "bt_run.studies.executor_building",
    ),
    Group(
        "Sweeps: limits of time",
        "For executors.",
        ("limited", "EXIT_TIMED_OUT"),
        "bt_run.studies.time_limits",
    ),
    Group(
        "Sweeps: candidates",
        "Combinations of values that break no constraint.",
        ("Candidate", "Space", "space_of", "every", "drawn", "candidate_text"),
        "bt_run.studies.candidates",
    ),
    Group(
        "Sweeps: scores",
        "By what cells are ranked.",
        ("SCORES", "score_called", "Score", "years_of", "pieces"),
        "bt_run.studies.scores",
    ),
    Group(
        "Sweeps: folds",
        "The best of each training window, judged in the window after it.",
        ("windows", "Window", "choose", "FoldChoice", "Fold", "stitched"),
        "bt_run.studies.folds",
    ),
    Group(
        "Sweeps: kept cells",
        "What was played once is not played again.",
        ("open_kept", "KeptCells"),
        "bt_run.studies.kept_cells",
    ),
    Group(
        "Trials: the ledger",
        "Every run that somebody looked at. See [Trials](../trials.md).",
        ("open_ledger", "TrialLedger", "Trial", "row_hash"),
        "bt_run.studies.trials",
    ),
    Group(
        "Trials: counting",
        "Which trials count together, and what that makes of one.",
        (
            *("trial_of_run", "trial_of", "TrialSubject", "Judged", "counted_together"),
            *("facts_of", "ledger_path", "with_counting", "LEDGER_FILE"),
        ),
        "bt_run.studies.counting",
    ),
    Group(
        "Trials: checks",
        "Does a ledger still hold what was written to it?",
        ("check_ledger", "LedgerCheck", "merge_ledgers"),
        "bt_run.studies.ledger_check",
    ),
    Group(
        "Trials: of a result",
        "For reports.",
        ("TrialFacts", "trial_sentence", "read_trial", "TRIAL_FILE"),
        "bt_run.results.trial_facts",
    ),
    Group(
        "Significance: a run",
        "Is it luck? See [Significance](../significance.md).",
        (
            *("judge", "Evidence", "TrialCount", "Significance", "Beside"),
            *("Unjudged", "exposure_matched", "volatility_matched"),
        ),
        "bt_run.studies.significance",
    ),
    Group(
        "Significance: a tracker",
        "How close it stayed.",
        ("judge_tracking", "Pursuit", "TrackingSignificance"),
        "bt_run.studies.tracking",
    ),
    Group(
        "Significance: the rule",
        "Thresholds and lines, and the word that follows.",
        (
            *("SignificanceConfig", "Condition", "Measure", "Word"),
            *("verdict_rule", "tracking_rule", "word_of"),
        ),
        "bt_run.studies.rule",
    ),
    Group(
        "Significance: of a run",
        "The verdict on a result: what it is judged by, and what its tables say for it.",
        ("judge_run", "purpose_of", "evidence_of", "baseline_text"),
        "bt_run.studies.judging",
    ),
    Group(
        "Significance: in words",
        "For reports.",
        (
            *("significance_sentence", "rule_lines", "condition_text"),
            "unmet_conditions",
        ),
        "bt_run.studies.significance_text",
    ),
    Group(
        "Studies: what a play gave",
        "Metrics and daily returns of a configuration that is played alone.",
        ("measured",),
        "bt_run.studies.measuring",
    ),
    Group(
        "Learning",
        "What a component that learns is taught with, and what it gives back.",
        ("Lesson", "Fitted", "FoldRows", "Model"),
    ),
    Group(
        "Sleeves",
        "What an exposure held in one asset alone would have earned, and what trades would cost.",
        ("sleeve_returns",),
        "bt_run.account.sleeves",
    ),
    Group(
        "Costs of a trade",
        "As far as they can be known when it is decided.",
        ("proportional_cost",),
        "bt_run.decision.trading_costs",
    ),
    Group(
        "Significance: timing",
        "A path of multipliers beside itself at other times.",
        ("rotation_test", "Timing"),
        "bt_run.studies.rotation",
    ),
    Group(
        "Significance: resamples",
        "A stationary bootstrap.",
        (
            *("block_length", "resampled_rows", "resampled_means"),
            *("percentile_interval", "Interval"),
        ),
        "bt_run.studies.bootstrap",
    ),
    Group(
        "Significance: many trials",
        "Sharpe ratios per period, beside how many were tried.",
        (
            *("measure_moments", "Moments", "probabilistic_sharpe"),
            *("min_track_record", "deflated_sharpe", "deflate", "Deflated"),
            *("expected_best", "min_backtest_years", "clusters"),
            *("measure_overfitting", "split_logits", "Overfitting"),
        ),
        "bt_run.studies.statistics",
    ),
    Group(
        "Significance: many against one",
        "Whether any configuration beats a baseline.",
        ("superior", "SuperiorAbility"),
        "bt_run.studies.superiority",
    ),
)

# what has no docstring of its own: constants, and types made of others
VALUES = {
    "ABOUT_A_YEAR": "0.95 years: below it nothing is extrapolated to a year.",
    "Array": "Numbers: a NumPy array of float64.",
    "CASES": "Role -> its cases, in the order of their numbers.",
    "Candidate": "Dotted keys with their values, in the order of the file.",
    "CHECK_FAILED": "6: a check found something.",
    "COLUMNS": "Column of the metrics -> column of the NAV table.",
    "DEFINITIONS": "Metric -> its unit, its label and its definition in a sentence.",
    "CURRENCIES": "Exchange calendar -> the currency that its prices are in.",
    "DateForm": "How a file writes dates, in a config: `dayfirst`, `monthfirst`, `iso`, "
    "`epoch_s` (or `_ms`, `_us`, `_ns`), or a format such as `%d.%m.%y`.",
    "EXIT_TIMED_OUT": "87: a worker ended itself, because its cell did not end in time.",
    "HEADLINE": "The metrics that a summary shows, in order.",
    "Indices": "Places in an array: a NumPy array of intp.",
    "LEDGER_FILE": "The name of the ledger beside runs.",
    "Mask": "Yes or no: a NumPy array of bool.",
    "Measure": "What a line of the rule of a verdict measures, a word.",
    "Metrics": "Metric -> column -> value; None where it is not defined.",
    "NOTHING_TO_CHECK": "7: a check had nothing to check.",
    "SCHEDULE_WORDS": "Schedule -> when the pipeline computes, as it ends a sentence.",
    "SCORES": "The names of all scores.",
    "SESSIONS": "252: how many sessions a year of an exchange has.",
    "TRIAL_FILE": "The name of the file in a run's folder that says which trial it is.",
    "TEMPORARY": "How the names of files begin that are being written.",
    "TimeZone": "A zone in a config, such as `America/New_York`.",
    "Times": "Times: a NumPy array of datetime64.",
    "Word": "`harmful`, `inconclusive`, `some evidence` or `significant`.",
    "YEARLY": "The metrics that are not defined of a run that ended in ruin.",
    "YearlyRate": "A yearly fraction in a config, 0.05 for 5 %; above 0.5 it is refused.",
    "hookimpl": "Mark a function of a plugin module as a hook: `@hookimpl`. Its name is that of "
    "one of the [hooks](hooks.md), its parameters are those of the hook that it needs.",
}

# names in signatures that are short for something, by the module that has them
ALIASES = {
    "Memo": ("bt_run.decision.state", "what JSON can hold"),
    "PriceConvention": (
        "bt_run.data.rows",
        "what the prices of files with actions are",
    ),
    "Conventions": (
        "bt_run.data.assembly",
        "the same, for all assets alike or by asset",
    ),
    "Values": ("bt_run.testing.made_bars", "numbers (n,)"),
    "Progress": ("bt_run.backtest.watch", "called with a phase and a fraction of it"),
    "Mark": ("bt_run.testing.conformance.cases", "what became of a case"),
}
