"""Score the look-ahead check on planted leaks and on clean cases: recall, false alarms, and what it
costs.

python benchmarks/lookahead.py            all sets, and the cost beside the run's own
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bt_run import load_config, run
from bt_run.checks.lookahead import check_lookahead

ROOT = Path(__file__).parents[1]
sys.path.insert(
    0, str(ROOT / "tests")
)  # the corpus shares the made market with the suite
CORPUS = ROOT / "tests" / "kit" / "corpus"
SETS = (
    ("first set", "leaks.py", "clean.py"),
    ("second set", "second_leaks.py", "second_clean.py"),
    ("third set", "third_leaks.py", "third_clean.py"),
)


@dataclass(frozen=True)
class Score:
    """Count the cases of one file that were called a leak, and those of which anything was told:
    a leak, a suspicious line, or what was read from outside.
    """

    name: str
    called: int
    told: int
    cases: int
    missed: tuple[str, ...]

    def interval(self) -> tuple[float, float]:
        """Return the exact 95 % interval of the share (Clopper and Pearson, 1934)."""
        from scipy.stats import beta

        k, n = self.called, self.cases
        low = beta.ppf(0.025, k, n - k + 1) if k else 0.0
        high = beta.ppf(0.975, k + 1, n - k) if k < n else 1.0
        return float(low), float(high)

    def line(self) -> str:
        low, high = self.interval()
        others = f": {', '.join(self.missed)}" if self.missed else ""
        interval = f"95 % interval {low:.0%} to {high:.0%}"
        called = f"{self.called} of {self.cases} ({interval})"
        return f"{self.name}: {called}, {self.told} with suspicions{others}"


def module(path: Path):
    """Import a file of the corpus."""
    spec = importlib.util.spec_from_file_location(f"corpus_{path.stem}", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def verdict(case: tuple[str, str, str]) -> tuple[str, str, bool]:
    """Check one case, (folder of prices, file, name); return its name, the verdict, and whether
    anything was told.
    """
    import warnings

    warnings.simplefilter("ignore")
    folder, file, name = case
    corpus, cases = module(CORPUS / "corpus.py"), module(CORPUS / file)
    parts = getattr(cases, "LEAKS" if "leaks" in file else "CLEAN")[name]
    found = check_lookahead(corpus.case(Path(folder), file, name, dict(parts)))
    told = bool(found.verdict == "leak" or found.suspicions or found.outside)
    return name, found.verdict, told


def scores(
    sets: tuple[tuple[str, str, str], ...] = SETS, every: int = 1
) -> Iterator[Score]:
    """Yield the score of each file of the corpus, or of each ``every``-th case of it."""
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2) as pool:
        module(CORPUS / "corpus.py").write_market(Path(folder))
        for title, leaks, clean in sets:
            for file, words, wanted in (
                (leaks, "leaks found", ("leak",)),
                # state in self is a fault of another kind
                (clean, "clean cases called a leak", ("clean", "own state")),
            ):
                names = getattr(
                    module(CORPUS / file), "LEAKS" if file == leaks else "CLEAN"
                )
                cases = [(folder, file, name) for name in list(names)[::every]]
                found = list(pool.map(verdict, cases))
                yield Score(
                    name=f"{title}, {words}",
                    called=sum(answer == "leak" for _, answer, _ in found),
                    told=sum(told for _, _, told in found),
                    cases=len(found),
                    missed=tuple(
                        name for name, answer, _ in found if answer not in wanted
                    ),
                )


def costs() -> Iterator[str]:
    """Yield what the checks cost beside the run itself, in the same process: examples, and slow
    signals.
    """
    cases = [
        (name, load_config(ROOT / "examples" / f"{name}.yaml"))
        for name in ("spy_qqq", "stocks")
    ]
    with tempfile.TemporaryDirectory() as folder:
        corpus = module(CORPUS / "corpus.py")
        corpus.write_market(Path(folder))
        slow = {
            "strategy": "kalman_filter",
            "schedule": "month",
        }  # nearly all of the run is in its signals
        cases.append(
            (
                "a run of slow signals",
                corpus.case(Path(folder), "clean.py", "slow", slow),
            )
        )
        for name, config in cases:
            run(config)
            begun = time.perf_counter()
            result = run(config)
            whole = time.perf_counter() - begun
            begun = time.perf_counter()
            check_lookahead(config)
            checked = time.perf_counter() - begun
            share = result.timings["look-ahead"] / (
                whole - result.timings["look-ahead"]
            )
            times = f"{checked / whole:.1f} times the run without reports"
            yield f"{name}: `bt-run check lookahead` takes {times}"
            yield f"{name}: the three dates of every run add {share:.1%} to the run without reports"


def main() -> None:
    """Print the scores and the costs."""
    for score in scores():
        print(score.line())
    for line in costs():
        print(line)


if __name__ == "__main__":
    sys.exit(main())
