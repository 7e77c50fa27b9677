"""The figures that were to be reached, and what a run says about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness.tally import tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.tally import Tally
    from harness.trial import Trial

OURS = "pytest-efficiency"
FAR = ("0.5", "0.67", "1.5", "2", "5")
NEAR = ("0.8", "1.25")
HALVES = ("tune", "held")
TRUE, OVER, NEXT, TWO = SCALING = "true claim", "true claim, over=", "next class", "two classes up"
# Of functions whose time really grows faster than their class over the sizes that can be reached: told, not counted.
STEEPER = "true claim (time grows faster)"
FIGURES, BOUNDS, LEAKS = (
    tuple(f"{place}: {question}" for place in ("here", "worker") for question in questions)
    for questions in (("within 0.05 array",), ("true bound", "false bound"), ("leaks", "leaks 8 B"))
)

State = Literal["met", "missed", "not tried"]


@dataclass(frozen=True)
class Target:
    """One figure.

    Attributes:
        row: of the table.
        asked: what is counted or timed, in words.
        wanted: the bound in words.
        judge: from the row's trials of ours to what was measured in words, and whether that is within the bound; None
            if there are none to tell by.
    """

    row: str
    asked: str
    wanted: str
    judge: Callable[[Sequence[Trial]], tuple[str, bool] | None]


@dataclass(frozen=True)
class Finding:
    target: Target
    measured: str
    state: State


def seconds(value: float) -> str:
    """A time as a reader says it: three digits at most, from microseconds to seconds."""
    if value < 0.9995e-3:
        return f"{1e6 * value:.3g} µs"
    return f"{1e3 * value:.3g} ms" if value < 0.9995 else f"{value:.3g} s"


def count(number: int, of: int) -> str:
    """``0 of 412``, ``3 of 412 (0.73 %)``."""
    return f"{number} of {of}" + (f" ({100.0 * number / of:.2g} %)" if number else "")


def chosen(trials: Iterable[Trial], questions: Sequence[str] = (), halves: Sequence[str] = ()) -> list[Trial]:
    """Those with one of these questions and halves; without any named, of all."""
    return [
        one for one in trials if (not questions or one.question in questions) and (not halves or one.half in halves)
    ]


def _wrong(row: str, asked: str, *questions: str, percent: float = 0.0) -> Target:
    def judge(trials: Sequence[Trial]) -> tuple[str, bool] | None:
        one = tally(chosen(trials, questions))
        return (count(one.wrong, one.trials), one.wrong_percent <= percent) if one.trials else None

    return Target(row, f"{asked}: wrong", f"at most {percent:g} %" if percent else "0", judge)


def _unclear(row: str, asked: str, *questions: str, percent: float) -> Target:
    def judge(trials: Sequence[Trial]) -> tuple[str, bool] | None:
        one = tally(chosen(trials, questions))
        return (count(one.unclear, one.trials), one.unclear_percent <= percent) if one.trials else None

    return Target(row, f"{asked}: unclear", f"at most {percent:g} %", judge)


def _time(row: str, which: str, bound: float, *halves: str, of: str = "") -> Target:
    figure: Callable[[Tally], float] = {
        "median": lambda one: one.median,
        "95 %": lambda one: one.most,
        "worst": lambda one: one.worst,
    }[which]

    def judge(trials: Sequence[Trial]) -> tuple[str, bool] | None:
        one = tally(chosen(trials, (), halves))
        return (seconds(figure(one)), figure(one) <= bound) if one.trials else None

    return Target(row, f"time of a verdict{of}, {which}", f"at most {seconds(bound)}", judge)


def _halves(row: str, points: float) -> Target:
    def judge(trials: Sequence[Trial]) -> tuple[str, bool] | None:
        tune, held = (tally(chosen(trials, SCALING, (half,))) for half in HALVES)
        if not tune.trials or not held.trials:
            return None
        apart = abs(tune.wrong_percent - held.wrong_percent)
        return f"{tune.wrong_percent:.2g} % and {held.wrong_percent:.2g} %", apart <= points

    return Target(row, "wrong, half that was tuned on and half that was not", f"within {points:g} point", judge)


TARGETS = (
    _wrong("scaling", TRUE, TRUE),
    _wrong("scaling", OVER, OVER),
    _wrong("scaling", NEXT, NEXT, percent=1.0),
    _wrong("scaling", TWO, TWO),
    _unclear("scaling", "all claims", *SCALING, percent=5.0),
    _halves("scaling", 1.0),
    _time("scaling", "median", 0.3),
    _time("scaling", "95 %", 1.0),
    _time("scaling", "worst", 4.0),
    _wrong("speedup here", "true/claimed 0.5, 0.67, 1.5, 2, 5", *FAR),
    _unclear("speedup here", "true/claimed 0.5, 0.67, 1.5, 2, 5", *FAR, percent=1.0),
    _wrong("speedup here", "true/claimed 0.8, 1.25", *NEAR, percent=0.1),
    _unclear("speedup here", "true/claimed 0.8, 1.25", *NEAR, percent=10.0),
    _time("speedup here", "median", 0.005, "short", of=" about calls under 100 µs"),
    _time("speedup here", "median", 0.150, "10 ms", of=" about 10 ms calls"),
    _wrong("speedup workers", "true/claimed 0.5, 0.67, 1.5, 2, 5", *FAR),
    _unclear("speedup workers", "true/claimed 0.5, 0.67, 1.5, 2, 5", *FAR, percent=3.0),
    _time("speedup workers", "median", 0.1, "short", of=" about calls under 100 µs"),
    _wrong("slow reference", "all claims"),
    _time("slow reference", "95 %", 0.5),
    _wrong("gil", "all claims"),
    _unclear("gil", "all claims", percent=1.0),
    _time("gil", "median", 0.15),
    _wrong("memory", "figures within 0.05 array", *FIGURES),
    _wrong("memory", "bounds above and below the peak", *BOUNDS),
    _wrong("memory", "leaks seen, and none invented", *LEAKS),
    _unclear("memory", "all claims", percent=2.0),
)


def findings(trials: Iterable[Trial], rows: Sequence[str] = ()) -> list[Finding]:
    """What these trials say about every target, or about those of these rows."""
    ours = [one for one in trials if one.tool == OURS]
    found = []
    for target in TARGETS:
        if rows and target.row not in rows:
            continue
        said = target.judge([one for one in ours if one.row == target.row])
        measured, state = ("", "not tried") if said is None else (said[0], "met" if said[1] else "missed")
        found.append(Finding(target, measured, state))
    return found
