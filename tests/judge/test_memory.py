from __future__ import annotations

import pytest

from pytest_efficiency.judge.memory import (
    LeakEvidence,
    LeakRound,
    PeakEvidence,
    agreeing,
    judge_leak,
    judge_peak,
)

ARRAY = 8e6


def peak(*runs, **options):
    agreed = agreeing(runs)
    return PeakEvidence(min(runs) if agreed is None else agreed, runs, agreed is not None, **options)


def leak(*heap, blocks=0.0, calls=200):
    return LeakEvidence(tuple(LeakRound(calls, each, blocks) for each in heap))


@pytest.mark.parametrize(("arrays", "outcome"), [(2.95, "failed"), (1.03, "passed"), (1.5, "passed"), (1.65, "failed")])
def test_a_peak_is_held_against_its_bound(arrays, outcome):
    """Below, at and above 1.5 arrays."""
    assert judge_peak(peak(*[arrays * ARRAY] * 3), 1.5 * ARRAY).outcome == outcome


@pytest.mark.parametrize(("runs", "expected"), [((24, 24.2, 40), 24), ((3, 24, 24.5), 24), ((3, 24, 40), None)])
def test_the_minimum_of_the_runs_that_agree_counts(runs, expected):
    """A run that nothing else agrees with, above or below, is an accident."""
    found = agreeing([each * 1e6 for each in runs])
    assert found == (None if expected is None else expected * 1e6)


def test_small_peaks_agree_within_the_resolution():
    """Two small numbers differ by more than 5 % easily, and by less than the mark can tell."""
    assert agreeing([0.0, 200_000.0]) == 0.0
    assert agreeing([0.0, 300_000.0]) is None


def test_runs_that_disagree_about_the_side_are_unclear():
    """All on one side decide nevertheless."""
    runs = 5e6, 9e6, 14e6
    assert judge_peak(peak(*runs), 10e6).outcome == "unclear"
    assert judge_peak(peak(*runs), 15e6).outcome == "passed"
    assert judge_peak(peak(*runs), 3e6).outcome == "failed"


@pytest.mark.parametrize(("measured", "outcome"), [(0.0, "unclear"), (200_000.0, "unclear"), (400_000.0, "failed")])
def test_a_bound_below_the_resolution_is_only_ever_refuted(measured, outcome):
    """Nobody can see that a call needs no byte; the message says how large the inputs should be."""
    decision = judge_peak(peak(*[measured] * 3), 0)
    assert decision.outcome == outcome
    if outcome == "unclear":
        assert "1 MiB" in decision.why


def test_a_blind_sampler_can_fail_but_not_pass():
    """What it saw was there; what it did not see may have been."""
    assert judge_peak(peak(*[1e6] * 3, sampled=True, samples=1, blind=0.9), 4e6).outcome == "unclear"
    assert judge_peak(peak(*[9e6] * 3, sampled=True, samples=1, blind=0.9), 4e6).outcome == "failed"
    seeing = judge_peak(peak(*[1e6] * 3, sampled=True, samples=100, blind=0.02), 4e6)
    assert seeing.outcome == "passed"
    assert "sampled" in seeing.why


def test_the_round_that_grew_least_decides():
    """A leak grows in every round, a cache or a free list in the first ones only."""
    assert judge_leak(leak(*[32.0] * 7), 0).outcome == "failed"
    assert judge_leak(leak(500.0, 40.0, 0.0, 0.0, 0.0, 0.0, 0.0), 0).outcome == "passed"
    assert judge_leak(leak(-8.0, 0.0, 0.0, -2.0, 0.0, 0.0, 0.0), 0).outcome == "passed"


def test_python_objects_count_without_the_c_heap():
    """The C heap does not see small objects: Python maps memory for them in large pieces."""
    decision = judge_leak(leak(*[0.0] * 7, blocks=1.0), 0)
    assert decision.outcome == "failed"
    assert decision.value == 16
    assert judge_leak(leak(*[None] * 7, blocks=1.0), 0).outcome == "failed"
    assert judge_leak(leak(*[None] * 7, blocks=0.0), 0).outcome == "passed"


def test_a_bound_above_zero_allows_so_much():
    """32 bytes are more than 16 and less than 64."""
    assert judge_leak(leak(*[32.0] * 7), 16).outcome == "failed"
    assert judge_leak(leak(*[32.0] * 7), 64).outcome == "passed"


def test_growth_in_bursts_is_unclear():
    """A list that a leak appends to gets larger now and then; a cache that fills stops growing."""
    assert judge_leak(leak(13.0, 0.0, 17.0, 0.0, 0.0, 17.0, 17.0), 0).outcome == "unclear"
    assert judge_leak(leak(90.0, 50.0, 17.0, 0.0, 0.0, 0.0, 0.0), 0).outcome == "passed"


def test_few_calls_tell_only_large_leaks():
    """With two calls a round, 16 bytes may be an odd object; 100 are not."""
    assert judge_leak(leak(*[16.0] * 7, calls=2), 0).outcome == "passed"
    assert judge_leak(leak(*[100.0] * 7, calls=2), 0).outcome == "failed"
    assert judge_leak(LeakEvidence(()), 0).outcome == "unclear"
