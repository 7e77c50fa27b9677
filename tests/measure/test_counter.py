"""Counters of the caller's own, read around calls."""

from __future__ import annotations

import pytest

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.measure.counter import count_with
from pytest_efficiency.subject.here import Here


class Counter:
    """Goes up by what it is told."""

    def __init__(self) -> None:
        self.reading = 0

    def spend(self, n: int) -> None:
        self.reading += n * n


def test_the_counter_is_read_around_each_call() -> None:
    """Three inputs of each size, and what each of their calls added."""
    counter = Counter()
    counts = count_with(Here(counter.spend), lambda n: (n,), [2, 4, 8], lambda: counter.reading)
    assert counts.sizes == (2, 4, 8)
    assert counts.steps == ((4, 4, 4), (16, 16, 16), (64, 64, 64))
    assert counts.source == "the caller's counts"


def test_what_the_inputs_cost_is_not_counted() -> None:
    """Making the inputs may count as well: that is between the calls."""
    counter = Counter()

    def inputs(n: int) -> tuple[int]:
        counter.spend(100)
        return (n,)

    counts = count_with(Here(counter.spend), inputs, [2, 4], lambda: counter.reading)
    assert counts.steps == ((4, 4, 4), (16, 16, 16))


@pytest.mark.parametrize("reading", ["three", 1.5, None, True])
def test_a_reading_that_is_no_count_is_named(reading: object) -> None:
    """A counter returns a whole number."""
    with pytest.raises(ClaimError, match="whole number"):
        count_with(Here(abs), lambda n: (n,), [2, 4], lambda: reading)  # type: ignore[arg-type,return-value]


def test_a_counter_that_falls_is_no_counter() -> None:
    """It was reset during the call."""
    readings = iter([5, 3])
    with pytest.raises(ClaimError, match="fell by 2"):
        count_with(Here(abs), lambda n: (n,), [2], lambda: next(readings, 9))


def test_a_counter_of_this_process_sees_nothing_of_a_worker() -> None:
    """Said, and not counted as zero."""
    subject = Here(abs)
    subject.home = "worker"
    with pytest.raises(ClaimError, match="runs in a worker"):
        count_with(subject, lambda n: (n,), [2], lambda: 0)
