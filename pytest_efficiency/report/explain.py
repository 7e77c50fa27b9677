"""All claims of a run in a table (``--efficiency-explain``), and in one line at its end."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from pytest_efficiency.report.figures import clock_text, headroom_text, interval_text, value_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_efficiency.report.entries import Entry

_HEAD = ("outcome", "value", "interval", "headroom", "clock", "rounds", "seconds", "claim")
_FIGURES = {"value", "headroom", "rounds", "seconds"}
_COLOURS = {"passed": "green", "failed": "red", "unclear": "yellow"}
# Where less of a claim than this would fit, it has a line to itself.
_LEAST = 28


def explained(entries: Iterable[Entry], width: int | None = None) -> list[tuple[str, str]]:
    """One line for each claim, in the order of the tests, each with a colour; a head before them.

    Figures come first and the claim last: it may be long. Where ``width`` is too little for it, it is shortened in the
    middle, so that the function and the bound stay; and where even that leaves too little, it stands on a line before
    its figures. None shortens nothing.
    """
    made = [(entry, verdict) for entry in entries for verdict in entry["verdicts"]]
    if not made:
        return []
    names = _names(entry for entry, _ in made)
    rows = [_HEAD, *(_cells(verdict, names[entry["id"]]) for entry, verdict in made)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD) - 1)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(wide) if name in _FIGURES else cell.ljust(wide)
            for name, cell, wide in zip(_HEAD, row, widths, strict=False)
        ]
        figures = "  ".join(cells)
        lines += [(line, _COLOURS.get(row[0], "")) for line in _laid(figures, row[-1], width)]
    return lines


def total(entries: Iterable[Entry]) -> dict[str, Any]:
    """How many claims ended how, and the seconds that they took together."""
    verdicts = [verdict for entry in entries for verdict in entry["verdicts"]]
    counted = Counter(verdict["outcome"] for verdict in verdicts)
    return {
        **{outcome: counted[outcome] for outcome in ("passed", "failed", "unclear")},
        "seconds": round(sum(verdict["seconds"] for verdict in verdicts), 6),
    }


def total_line(entries: Iterable[Entry]) -> str:
    """The total as a sentence, empty where no claim was made: "12 claims: 11 passed, 1 unclear in 3.4 s"."""
    found = total(entries)
    seconds = found.pop("seconds")
    number = sum(found.values())
    if not number:
        return ""
    counts = ", ".join(f"{count} {outcome}" for outcome, count in found.items() if count)
    return f"{number} claim{'s' if number > 1 else ''}: {counts} in {_seconds(seconds)} s"


def _cells(verdict: dict[str, Any], name: str) -> tuple[str, ...]:
    return (
        verdict["outcome"],
        value_text(verdict) or "-",
        interval_text(verdict) or "-",
        headroom_text(verdict) or "-",
        clock_text(verdict) or "-",
        str(verdict["rounds"]),
        _seconds(verdict["seconds"]),
        f"{name}: {verdict['claim']}",
    )


def _seconds(value: float) -> str:
    return f"{value:.3f}" if value < 0.9995 else f"{value:.2f}" if value < 9.995 else f"{value:.1f}"


def _names(entries: Iterable[Entry]) -> dict[str, str]:
    """What each test is called: without its file where that is not needed to tell it from others."""
    short = {}
    for entry in entries:
        test = entry["id"].partition("::")[2] or entry["id"]
        short[entry["id"]] = f"{entry['exercise']} {test}" if entry["exercise"] else test
    often = Counter(short.values())
    return {node: node if often[name] > 1 else name for node, name in short.items()}


def _laid(figures: str, claim: str, width: int | None) -> list[str]:
    if width is None:
        return [f"{figures}  {claim}"]
    room = width - len(figures) - 2
    if room >= _LEAST:
        return [f"{figures}  {_shortened(claim, room)}"]
    return [_shortened(claim, width), f"  {figures}"]


def _shortened(text: str, width: int) -> str:
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}…{text[-tail:]}"
