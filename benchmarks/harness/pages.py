"""The tables of README and docs: written between markers, and read back.

A block begins with ``<!-- reliability: NAME -->`` and ends with ``<!-- end of NAME -->``; what stands around it is
written by hand.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.loads import LOADS, MEANING
from harness.tally import grouped, tally
from harness.targets import (
    BOUNDS,
    FAR,
    LEAKS,
    NEAR,
    NEXT,
    OURS,
    OVER,
    STEEPER,
    TRUE,
    TWO,
    chosen,
    count,
    findings,
    seconds,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.tally import Tally
    from harness.trial import Trial

ROWS = ("scaling", "speedup here", "speedup workers", "slow reference", "gil", "memory")
PAGE_BLOCKS = ("run", "targets", *ROWS)
README_BLOCKS = ("summary",)

# What the README asks: words, row, questions (none: all of them).
_SUMMARY = (
    ("scaling: a true claim failed", "scaling", (TRUE, OVER)),
    ("scaling: the next class passed", "scaling", (NEXT,)),
    ("scaling: two classes up passed", "scaling", (TWO,)),
    ("speedup: true/claimed 0.5 to 0.67 and 1.5 to 5", "speedup here", FAR),
    ("speedup: true/claimed 0.8 and 1.25", "speedup here", NEAR),
    ("speedup of a submission in workers", "speedup workers", ()),
    ("speedup over a reference of 3 s", "slow reference", ()),
    ("the GIL is released, or held", "gil", ()),
    ("memory: bounds on peaks", "memory", BOUNDS),
    ("memory: leaks", "memory", LEAKS),
)

_BLOCK = re.compile(r"<!-- reliability: (?P<name>[\w ]+) -->\n(?P<body>.*?)<!-- end of (?P=name) -->", re.DOTALL)
_OF = re.compile(r"\b(\d+) of (\d+)\b")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def blocks(text: str) -> dict[str, str]:
    """The bodies of a page's blocks by name."""
    return {found["name"]: found["body"] for found in _BLOCK.finditer(text)}


def cells(body: str) -> list[list[list[str]]]:
    """The tables of a block: lists of rows, head first, without the rule below it."""
    tables: list[list[list[str]]] = []
    before = ""
    for line in body.splitlines():
        if line.startswith("|"):
            if not before.startswith("|"):
                tables.append([])
            row = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if set(row) != {"---"}:
                tables[-1].append(row)
        before = line
    return tables


def filled(text: str, bodies: Mapping[str, str]) -> str:
    """The page with these bodies in its blocks.

    Raises:
        ValueError: the page has no block of one of these names.
    """
    lacking = set(bodies) - set(blocks(text))
    if lacking:
        msg = f"no markers for {', '.join(sorted(lacking))}: <!-- reliability: NAME --> and <!-- end of NAME -->"
        raise ValueError(msg)

    def body(found: re.Match[str]) -> str:
        name = found["name"]
        return f"<!-- reliability: {name} -->\n{bodies.get(name, found['body'])}<!-- end of {name} -->"

    return _BLOCK.sub(body, text)


def inconsistent(text: str, wanted: Sequence[str]) -> list[str]:
    """What is wrong with a page: missing blocks, tables that are none, more errors than verdicts."""
    there = blocks(text)
    wrong = [f"the block {name} is missing" for name in wanted if name not in there]
    if text.count("<!-- reliability: ") != len(there):
        wrong.append("a block is there twice, or never ends")
    for name, body in there.items():
        uneven = [one for one in cells(body) if len({len(row) for row in one}) != 1]
        wrong += [f"{name}: the rows of a table differ in length" for _ in uneven]
        wrong += [f"{name}: {found[0]}" for found in _OF.finditer(body) if int(found[1]) > int(found[2])]
    return wrong


def page(trials: Sequence[Trial], about: Mapping[str, str], skipped: Sequence[str] = ()) -> dict[str, str]:
    """The blocks of the reference page; a row that was not tried keeps what it had."""
    bodies = {"run": _run(trials, about, skipped), "targets": _targets(trials)}
    for row in ROWS:
        of_row = [one for one in trials if one.row == row]
        if of_row:
            bodies[row] = _errors(of_row) + _lengths(of_row)
    return bodies


def summary(trials: Sequence[Trial], about: Mapping[str, str]) -> dict[str, str]:
    """The README's block."""
    rows = []
    for words, row, questions in _SUMMARY:
        asked = chosen((one for one in trials if one.row == row), questions)
        if not asked:
            continue
        ours = tally(one for one in asked if one.tool == OURS)
        peers = _peers(asked)
        wrong = "; ".join(f"{tool} {_share(one)}" for tool, one in peers) or "—"
        medians = [one.median for _, one in peers]
        slower = f"{seconds(min(medians))} to {seconds(max(medians))}" if len(medians) > 1 else ""
        slower = slower or (seconds(medians[0]) if medians else "—")
        measured = (count(ours.wrong, ours.trials), count(ours.unclear, ours.trials), seconds(ours.median))
        rows.append([words, *(measured if ours.trials else ("—", "—", "—")), wrong, slower])
    head = ("claim", "wrong", "unclear", "median time", "others: wrong", "others: median time")
    said = f"{about['date']}, {about['processor']}, {about['cpus']} CPUs, {about['python']}; {_loads(trials)}."
    return {"summary": f"{table(head, rows)}\n{said}\n"}


def _peers(trials: Sequence[Trial]) -> list[tuple[str, Tally]]:
    found = grouped((one for one in trials if one.tool != OURS), ("tool",))
    return sorted(((tool, one) for (tool,), one in found.items()), key=lambda pair: pair[1].wrong_percent)


def _share(one: Tally) -> str:
    return f"{one.wrong_percent:.0f} %" if one.wrong_percent >= 1.0 or not one.wrong else f"{one.wrong_percent:.1g} %"


def _loads(trials: Sequence[Trial]) -> str:
    tried = {one.load for one in trials}
    return "loads: " + ", ".join(f"{name} ({MEANING[name]})" for name in LOADS if name in tried)


def _run(trials: Sequence[Trial], about: Mapping[str, str], skipped: Sequence[str]) -> str:
    rows = [
        ("date", about["date"]),
        ("processor", f"{about['processor']}, {about['cpus']} CPUs"),
        ("system", f"{about['system']}, {about['python']}"),
        ("packages", about["packages"]),
        (
            "verdicts",
            f"{sum(one.tool == OURS for one in trials)} of ours, {sum(one.tool != OURS for one in trials)} of peers",
        ),
        *((name, MEANING[name]) for name in LOADS if any(one.load == name for one in trials)),
        *(("left out", one) for one in skipped),
    ]
    return table(("this run", ""), rows)


def _targets(trials: Sequence[Trial]) -> str:
    return table(
        ("judgement", "asked", "target", "measured", ""),
        [
            (one.target.row, one.target.asked, one.target.wanted, one.measured or "—", one.state)
            for one in findings(trials)
        ],
    )


def _tools_first_ours(tools: Iterable[str]) -> list[str]:
    return sorted(set(tools), key=lambda tool: (tool != OURS, tool))


def _errors(trials: Sequence[Trial]) -> str:
    """One line per question and tool: wrong of asked under each load, then unclear and times over all loads."""
    by_load = grouped(trials, ("question", "tool", "load"))
    overall = grouped(trials, ("question", "tool"))
    loads = [name for name in LOADS if any(one.load == name for one in trials)]
    rows = []
    for question in _questions(trials):
        for tool in _tools_first_ours(tool for asked, tool in overall if asked == question):
            one = overall[question, tool]
            wrong = []
            for name in loads:
                part = by_load.get((question, tool, name))
                wrong.append(f"{part.wrong} of {part.trials}" if part else "—")
            times = (seconds(one.median), seconds(one.most), seconds(one.worst))
            rows.append([question, tool, *wrong, count(one.unclear, one.trials), *times])
    head = ("asked", "tool", *(f"wrong, {name}" for name in loads), "unclear", "median", "95 %", "worst")
    return table(head, rows)


def _questions(trials: Sequence[Trial]) -> list[str]:
    """In the order of the targets or of their numbers, else by name."""
    known = (TRUE, STEEPER, OVER, NEXT, TWO)

    def place(question: str) -> tuple[int, float, str]:
        if question in known:
            return 0, known.index(question), ""
        try:
            return 1, float(question), ""
        except ValueError:
            return 2, 0.0, question

    return sorted({one.question for one in trials}, key=place)


def _lengths(trials: Sequence[Trial]) -> str:
    """The same by halves of the corpus, or by length of the calls, where the row has them."""
    found = grouped((one for one in trials if one.half), ("half", "tool"))
    if not found:
        return ""
    rows = []
    for half in dict.fromkeys(sorted((half for half, _ in found), key=_place_of_half)):
        for tool in _tools_first_ours(tool for one, tool in found if one == half):
            one = found[half, tool]
            times = (seconds(one.median), seconds(one.most), seconds(one.worst))
            rows.append([half, tool, count(one.wrong, one.trials), count(one.unclear, one.trials), *times])
    first = "half" if any(one.half in ("tune", "held") for one in trials) else "calls"
    return "\n" + table((first, "tool", "wrong", "unclear", "median", "95 %", "worst"), rows)


def _place_of_half(half: str) -> tuple[int, str]:
    order = ("tune", "held", "short", "1 ms", "10 ms", "300 ms")
    return (order.index(half), "") if half in order else (len(order), half)
