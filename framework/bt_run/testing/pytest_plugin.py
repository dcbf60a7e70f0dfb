"""The pytest plugin of the conformance kit: ``pytest --bt-plugin NAME``.

It is imported by every pytest in whose environment bt-run is installed, so it imports nothing until
asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bt_run.testing.conformance import Bench, Case, CaseOutcome


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("bt-run")
    group.addoption(
        "--bt-plugin",
        action="append",
        default=[],
        metavar="NAME",
        help="put bt-run components to their conformance cases: a component, a module, a "
        "distribution, or a local "
        "plugin file; may be repeated",
    )
    group.addoption(
        "--bt-role", metavar="ROLE", help="only components of this role, such as sizer"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Collect the cases when they are asked for."""
    if names := config.getoption("--bt-plugin"):
        if config.args_source is not pytest.Config.ArgsSource.ARGS:
            config.args = []  # the folder's own tests are run when they are named
        config.pluginmanager.register(
            _Conformance(names, config.getoption("--bt-role")), "bt_run_conformance"
        )


class BrokenPromise(Exception):  # noqa: N818
    """Carry the lines that tell what is wrong."""


class CaseItem(pytest.Item):
    """Run one case of one component."""

    bench: Bench
    case: Case

    def runtest(self) -> None:
        outcome = self.bench.outcome(self.case.number)
        if outcome.mark == "skipped":
            pytest.skip(outcome.text)
        if outcome.mark == "failed":
            raise BrokenPromise(outcome.failure)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Return what was found and what would be right; a traceback only for what is not a broken
        promise.
        """
        if isinstance(excinfo.value, BrokenPromise):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        return self.path, None, self.nodeid


class ComponentCollector(pytest.Collector):
    """The cases of one component."""

    bench: Bench

    def collect(self) -> Iterator[CaseItem]:
        for case in self.bench.cases:
            item = CaseItem.from_parent(
                self, name=case.title, nodeid=f"{self.name}::{case.title}"
            )
            item.bench, item.case = self.bench, case
            yield item


class _Conformance:
    """Add the items, and write the table at the end."""

    def __init__(self, names: list[str], role: str | None) -> None:
        self.names, self.role = names, role
        self.benches: tuple[Bench, ...] = ()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, items: list[pytest.Item]
    ) -> None:
        """Add the cases of all components that were named."""
        from bt_run.errors import BtRunError
        from bt_run.testing.conformance import benches

        try:
            self.benches = benches(self.names, self.role)
        except BtRunError as error:
            raise pytest.UsageError(str(error)) from error
        for bench in self.benches:
            component = ComponentCollector.from_parent(
                session, name=bench.subject.label, nodeid=bench.subject.label
            )
            component.bench = bench
            items.extend(component.collect())

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        outcomes: list[CaseOutcome] = [
            outcome for bench in self.benches for outcome in bench.outcomes.values()
        ]
        if outcomes:
            from bt_run.testing.conformance import badge, table

            terminalreporter.section("bt-run conformance")
            terminalreporter.write_line(table(outcomes))
            terminalreporter.write_line(badge(outcomes))
