"""Room on the interpreter's stack."""

from __future__ import annotations

import time
from itertools import starmap
from typing import TYPE_CHECKING

from pytest_efficiency.probes.room import with_room
from pytest_efficiency.subject.here import Here
from pytest_efficiency.subject.protocol import Call

if TYPE_CHECKING:
    from collections.abc import Callable

# A chunk holds 2048 slots; these frames take about ten each.
DEPTHS = 260
CALLS = 50


def trivial() -> None:
    pass


def at_depth(depth: int, function: Callable[[], float]) -> float:
    return function() if depth == 0 else at_depth(depth - 1, function)


def loop() -> float:
    """The best of a few batches, in seconds a call."""
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for _ in starmap(trivial, [()] * CALLS):
            pass
        best = min(best, time.perf_counter() - start)
    return best / CALLS


def test_some_depth_of_the_stack_makes_every_call_slow() -> None:
    """What this is for: without room one depth in a few hundred costs microseconds a call."""
    seconds = [at_depth(depth, loop) for depth in range(DEPTHS)]
    assert max(seconds) > 10 * min(seconds)


def test_with_room_no_depth_does() -> None:
    """The same loop at the same depths."""
    seconds = [at_depth(depth, lambda: with_room(loop)) for depth in range(DEPTHS)]
    assert max(seconds) < 10 * min(seconds)


def test_a_subject_is_timed_with_room() -> None:
    """The batches of a claim are what it is for."""
    subject = Here(trivial)
    subject.put([Call()] * CALLS)

    def batch() -> float:
        return min(subject.go().wall for _ in range(5)) / CALLS

    seconds = [at_depth(depth, batch) for depth in range(DEPTHS)]
    assert max(seconds) < 10 * min(seconds)
