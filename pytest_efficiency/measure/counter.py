"""Reads a counter of the caller's own around calls of growing size: comparisons, allocations, rows fetched.

A counter is deterministic where a clock is not, so what it counts can be held against a class with no noise at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.judge.counts import Counts
from pytest_efficiency.measure.sized import SizedInputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_efficiency.subject.protocol import Subject

_INPUTS_PER_SIZE = 3


def count_with(
    subject: Subject, inputs: Callable[[int], Any], sizes: Sequence[int], counting: Callable[[], int]
) -> Counts:
    """What ``counting`` went up by in a call, for three inputs of each size.

    Args:
        subject: a function of this process: a counter cannot be read in another.
        inputs: as for a ladder.
        sizes: ascending; a ladder that has been timed knows which are affordable.
        counting: returns the counter's reading, a whole number that never falls.

    Raises:
        ClaimError: the subject lives in a worker, or the counter returned what is no count or fell.
    """
    if subject.home != "here":
        msg = f"counting= reads a counter of this process, and {subject.name} runs in a worker; leave counting= out"
        raise ClaimError(msg)
    made = SizedInputs(inputs)
    found: list[tuple[float, tuple[int, ...]]] = []
    for asked in sizes:
        sized = [made.make(asked) for _ in range(_INPUTS_PER_SIZE)]
        readings = []
        for one in sized:
            before = _reading(counting)
            subject.put([one.call], keep=False)
            subject.go()
            readings.append(_reading(counting) - before)
        if min(readings) < 0:
            msg = f"counting() fell by {-min(readings)} during a call of {subject.name}; a counter only goes up"
            raise ClaimError(msg)
        found.append((sum(one.n for one in sized) / len(sized), tuple(readings)))
    return Counts(tuple(n for n, _ in found), tuple(counts for _, counts in found), source="the caller's counts")


def _reading(counting: Callable[[], int]) -> int:
    value = counting()
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        msg = f"counting() must return a whole number, found {value!r}; return e.g. the number of comparisons so far"
        raise ClaimError(msg)
    return value.__index__()
