"""The speedup claim: what it shows, and what it asks of its meter."""

import random

import pytest

from pytest_efficiency import speedup
from pytest_efficiency.recorder import Recorder, current
from pytest_efficiency.subject.here import Here


def loop(n):
    for _ in range(n):
        pass
    return 0


def some(n):
    return loop(n // 10)


@pytest.mark.parametrize(("recorder", "unchecked"), [(None, True), (Recorder(), True), (Recorder(graded=True), False)])
def test_results_of_a_graded_answer_never_go_unchecked(recorder, unchecked):
    """Only there the reference is run to its end however slow it is."""
    token = current.set(recorder)
    try:
        claim = speedup(some, over=loop, args=(1000,))
        claim.used = True
        meter = claim._meter(Here(some), Here(loop), 10.0)
    finally:
        current.reset(token)
    assert meter._unchecked is unchecked


def test_the_interval_of_a_verdict_is_one_that_a_reader_believes():
    """A tenfold pair beyond a claim of 2: the interval holds ten, or nearly, and is no factor of a hundred wide."""
    verdict = speedup(some, over=loop, args=(20_000,)) >= 2
    assert verdict
    low, high = verdict.interval
    assert low <= verdict.value <= high
    assert high / low < 10.0
    assert "x (" in verdict.message


def test_inputs_are_made_for_each_call():
    """The verdict says nothing of a cache then."""
    rng = random.Random(1)
    verdict = speedup(some, over=loop, inputs=lambda: (20_000 + rng.randrange(10),)) >= 2
    assert verdict
    assert not any("cache" in line for line in verdict.details)
