"""Points: what a submission earned. Evidence is positive only: a column counts if every test of it was seen to pass.

A claim's column counts only together with the correct one: speed of a wrong answer is worth nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_efficiency.report.entries import Entry

COLUMNS = ("correct", "speed", "scaling", "gil", "memory")


@dataclass
class Row:
    """One submission to one exercise; ``columns`` has the entries of each column that had any."""

    exercise: str
    title: str
    submission: str
    backend: str
    points: dict[str, int]
    columns: dict[str, list[Entry]] = field(default_factory=dict)

    def passed(self, column: str) -> bool:
        entries = self.columns.get(column, [])
        whole = bool(entries) and len(entries) >= max(entry["planned"] for entry in entries)
        return whole and all(entry["state"] in ("passed", "expected") for entry in entries)

    def earned(self, column: str) -> int:
        gated = column == "correct" or self.passed("correct")
        return self.points.get(column, 0) if gated and self.passed(column) else 0

    @property
    def score(self) -> int:
        return sum(self.earned(column) for column in self.points)

    @property
    def max_score(self) -> int:
        return sum(self.points.values())

    def state(self, column: str) -> str:
        """The worst of the column's entries: what its author should look at first."""
        entries = self.columns.get(column, [])
        states = {entry["state"] for entry in entries}
        if states <= {"passed", "expected"} and entries and not self.passed(column):
            return "not all run"
        order = ("refused", "not started", "not built", "error", "failed", "unclear", "waiting", "skipped")
        return next((state for state in order if state in states), "passed" if entries else "-")


def rows(entries: Iterable[Entry]) -> list[Row]:
    """The entries of exercises, a row for each submission, in the order in which they first appear."""
    found: dict[tuple[str, str], Row] = {}
    for entry in entries:
        if entry["exercise"] is None or not entry["submission"]:  # a library's own, or about no answer
            continue
        key = (entry["exercise"], entry["submission"])
        row = found.setdefault(
            key,
            Row(entry["exercise"], entry["title"], entry["submission"], entry["backend"], dict(entry["points"])),
        )
        row.columns.setdefault(entry["column"], []).append(entry)
    return list(found.values())
