"""The kit: numbered promises of each role, and components held against them."""

from __future__ import annotations

from bt_run.testing.conformance.cases import Bench, Case, CaseOutcome
from bt_run.testing.conformance.kit import CASES, badge, benches, check, table
from bt_run.testing.conformance.subjects import Subject, find_subjects

__all__ = [
    "CASES",
    "Bench",
    "Case",
    "CaseOutcome",
    "Subject",
    "badge",
    "benches",
    "check",
    "find_subjects",
    "table",
]
