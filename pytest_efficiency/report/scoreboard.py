"""The table at the end of a run of exercises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_efficiency.report.figures import value_text
from pytest_efficiency.report.score import COLUMNS, Row, rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_efficiency.report.entries import Entry

_HEAD = ("exercise", "backend", *COLUMNS, "points")


def scoreboard(entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """The lines of the table, each with a colour ("green", "red", "yellow" or "" for the head).

    A cell holds what was measured, a word where something is in the way, and "-" where the exercise claims nothing.
    """
    found = rows(entries)
    if not found:
        return []
    cells = [_cells(row) for row in found]
    total, possible = sum(row.score for row in found), sum(row.max_score for row in found)
    last = ("total", "", *("" for _ in COLUMNS), f"{total}/{possible}")
    widths = [max(len(line[column]) for line in (_HEAD, last, *cells)) for column in range(len(_HEAD))]

    def laid(line: tuple[str, ...]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()

    lines = [(laid(_HEAD), "")]
    lines += [(laid(line), _colour(row)) for line, row in zip(cells, found, strict=True)]
    return [*lines, (laid(last), "green" if total == possible else "")]


def markdown(entries: Iterable[Entry]) -> str:
    """The same table for a job summary. Nothing a submission wrote is in it: only ids, backends and our own words."""
    found = rows(entries)
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + " --- |" * len(_HEAD)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(row)) + " |" for row in found]
    total, possible = sum(row.score for row in found), sum(row.max_score for row in found)
    return "\n".join([*lines, "", f"**{total} of {possible} points**", ""])


def _cells(row: Row) -> tuple[str, ...]:
    return (row.exercise, row.backend, *(_cell(row, column) for column in COLUMNS), f"{row.score}/{row.max_score}")


def _cell(row: Row, column: str) -> str:
    state = row.state(column)
    if state == "-":
        return "not run" if column in row.points else "-"
    entries = row.columns[column]
    if column == "correct":
        good = sum(entry["state"] in ("passed", "expected") for entry in entries)
        planned = max(entry["planned"] for entry in entries)
        return "passed" if row.passed(column) else _word(state, f"{good} of {planned}")
    figures = [_figure(verdict) for entry in entries for verdict in entry["verdicts"]]
    # The figure of the test that failed, where several share a column.
    wrong = [_figure(verdict) for entry in entries for verdict in entry["verdicts"] if verdict["outcome"] == "failed"]
    shown = (wrong or figures or [""])[-1]
    return _word(state, shown)


def _word(state: str, figure: str) -> str:
    if state == "passed":
        return figure or "passed"
    if state in ("failed", "error"):
        return f"FAILED {figure}".rstrip()
    return state


def _figure(verdict: dict[str, Any]) -> str:
    """In the words of the claim: "released", "3.01 outputs", "45.6x"."""
    shown = verdict["data"].get("state" if verdict["kind"] == "gil" else "shown")
    return str(shown) if shown else value_text(verdict)


def _colour(row: Row) -> str:
    states = {row.state(column) for column in row.points}
    if states & {"failed", "error", "not built", "refused"}:
        return "red"
    return "green" if row.score == row.max_score else "yellow"
