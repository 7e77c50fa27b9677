"""Counts interpreter steps of a subject over a ladder of sizes: limited in counts, never in seconds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pytest_efficiency.judge.counts import Counts
from pytest_efficiency.measure.sized import SizedInputs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pytest_efficiency.subject.protocol import Subject

MOST_STEPS = 100_000
_FEWEST_INPUTS = 3
# Where these differ (a search for something random), more are averaged.
_MOST_INPUTS = 12
_ALIKE = 1.2
# A count that stays the same over so many sizes is not where the work is done.
_CONSTANT_SIZES = 6
# Counts need no long calls; where even large inputs take few steps, making them takes longer than it is worth.
_DEAR_INPUT = 0.02
_ENOUGH_SIZES = 8
# Fewer steps than this are mostly the call itself.
_TELLING = 1000
# More than this for one call, and the next size would go far beyond what was meant.
_GROWTH = 6.0


def count_steps(
    subject: Subject,
    inputs: Callable[[int], Any] | SizedInputs,
    sizes: Sequence[int],
    *,
    most: int = MOST_STEPS,
) -> Counts | None:
    """Count the steps of a few calls at each size, until a call takes about ``most``.

    Only sizes that have been *timed* may be given: a count cannot see, and so cannot stop, work inside one call into C.

    Returns:
        None where too little of the work is interpreted to say anything (compiled code, a builtin).
    """
    made = inputs if isinstance(inputs, SizedInputs) else SizedInputs(inputs)
    found: dict[int, _Counted] = {}
    for asked in sizes:
        counted, making = _count(subject, made, asked, most, once=_deterministic(found))
        if counted is None:
            break
        found[asked] = counted
        done = list(found.values())
        if _next(done) > 2.0 * most or (making > _DEAR_INPUT and len(found) >= _ENOUGH_SIZES):
            break
        if len(found) == _CONSTANT_SIZES and len({count for one in done for count in one.steps}) == 1:
            break
    # Steep code climbs to the limit in four or five sizes: the fit gets what lies between them as well.
    asked_so_far = sorted(found)
    for smaller, larger in pairwise(asked_so_far):
        between = math.isqrt(smaller * larger)
        if len(found) < _ENOUGH_SIZES and smaller < between < larger and max(found[larger].steps) > _TELLING:
            counted, _ = _count(subject, made, between, most, once=_deterministic(found))
            if counted is not None:
                found[between] = counted
    return _counts(found.values())


@dataclass(frozen=True)
class _Counted:
    n: float
    steps: tuple[int, ...]


def _count(subject: Subject, made: SizedInputs, asked: int, most: int, *, once: bool) -> tuple[_Counted | None, float]:
    """The counts at one size, and the seconds that its last input took to make; None where a call was broken off."""
    steps: list[int] = []
    total = 0.0
    for number in range(1 if once else _MOST_INPUTS):
        if number >= _FEWEST_INPUTS and max(steps) <= _ALIKE * min(steps):
            break
        sized = made.make(asked)
        answer = subject.probe("steps", sized.call, limit=int(_GROWTH * most))
        if not answer["complete"]:
            return None, sized.seconds
        steps.append(int(answer["steps"]))
        total += sized.n
    return _Counted(total / len(steps), tuple(steps)), sized.seconds


def _deterministic(found: Mapping[int, _Counted]) -> bool:
    """Whether different inputs of one size have so far always taken the same number of steps."""
    return len(found) > 2 and all(len(set(one.steps)) == 1 for one in found.values())


def _next(found: Sequence[_Counted]) -> float:
    """What the next size would take if the steps go on growing as they did."""
    last = max(found[-1].steps)
    if len(found) < 2:
        return float(last)
    return last * max(1.0, last / max(1, *found[-2].steps))


def _counts(found: Iterable[_Counted]) -> Counts | None:
    ascending = sorted(found, key=lambda one: one.n)
    if not ascending or max(ascending[-1].steps) <= 0:
        return None
    return Counts(tuple(one.n for one in ascending), tuple(one.steps for one in ascending))
