"""What holds of every evidence that a memory claim may be judged on."""

import math
import random
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_efficiency.judge.memory import (
    PEAK_RESOLUTION,
    LeakEvidence,
    LeakRound,
    PeakEvidence,
    agreeing,
    judge_leak,
    judge_peak,
    leaked_per_call,
)

PEAKS = st.floats(0.0, 1e9)
BOUNDS = st.one_of(st.just(0.0), st.floats(1.0, 1e9))
HEAP = st.one_of(st.none(), st.floats(-1e3, 1e6))
BLOCKS = st.floats(-10.0, 1e4)
ROUNDS = st.builds(LeakRound, st.just(200), HEAP, BLOCKS)
BROKEN = st.sampled_from([math.nan, math.inf, -math.inf])


def peak(runs, **options):
    """Evidence as the meter makes it from its runs."""
    agreed = agreeing(runs)
    return PeakEvidence(min(runs) if agreed is None else agreed, tuple(runs), agreed is not None, **options)


@given(PEAKS, BOUNDS, st.booleans())
def test_one_run_is_never_a_verdict_on_a_peak(run, bound, sampled):
    """A single run agrees with nobody: anything may have been loaded or freed in it."""
    assert judge_peak(peak([run], sampled=sampled), bound).outcome == "unclear"


@given(st.lists(ROUNDS, max_size=1), BOUNDS)
def test_one_round_is_never_a_verdict_on_a_leak(rounds, bound):
    """What one round left behind may be a cache."""
    assert judge_leak(LeakEvidence(tuple(rounds)), bound).outcome == "unclear"


@given(st.lists(PEAKS, min_size=2, max_size=6), BOUNDS, st.floats(1.0, 100.0))
def test_a_peak_that_keeps_a_bound_keeps_every_larger_one(runs, bound, more):
    """And one that breaks a bound breaks every smaller one."""
    outcome = judge_peak(peak(runs), bound).outcome
    if outcome == "passed":
        assert judge_peak(peak(runs), bound * more).outcome == "passed"
    if outcome == "failed":
        assert judge_peak(peak(runs), bound / more).outcome == "failed"


@given(st.lists(ROUNDS, min_size=2, max_size=9), BOUNDS, st.floats(1.0, 100.0))
def test_a_leak_that_keeps_a_bound_keeps_every_larger_one(rounds, bound, more):
    """And one that breaks a bound breaks every smaller one."""
    evidence = LeakEvidence(tuple(rounds))
    outcome = judge_leak(evidence, bound).outcome
    if outcome == "passed":
        assert judge_leak(evidence, bound * more).outcome == "passed"
    if outcome == "failed":
        assert judge_leak(evidence, bound / more).outcome == "failed"


@given(st.lists(PEAKS, min_size=2, max_size=6), BOUNDS, st.integers(0, 2**32))
def test_the_order_of_runs_changes_nothing(runs, bound, seed):
    """The same runs in another order are the same evidence."""
    shuffled = random.Random(seed).sample(runs, len(runs))
    assert judge_peak(peak(runs), bound).outcome == judge_peak(peak(shuffled), bound).outcome


@given(st.floats(4 * PEAK_RESOLUTION, 1e9), st.floats(0.0, 1.0), st.sampled_from([0.25, 0.5, 2.5, 8.0]))
def test_scaling_a_large_peak_and_its_bound_changes_nothing(size, noise, ratio):
    """Far above the resolution of the mark only the ratio of peak and bound counts."""
    runs = [size * 4 * (1.0 + 0.02 * noise * each) for each in range(3)]
    outcomes = {
        judge_peak(peak([run * times for run in runs]), runs[0] / ratio * times).outcome for times in (1, 8, 64)
    }
    assert outcomes == {"passed" if ratio < 1.0 else "failed"}


@given(
    st.floats(1.0, 1e6), st.sampled_from([0.25, 0.5, 2.5, 8.0]), st.lists(st.floats(-0.1, 0.1), min_size=7, max_size=7)
)
def test_symmetric_noise_keeps_the_verdict_on_a_leak(bound, ratio, noise):
    """Ten per cent more or less a round decides nothing where a leak is twice off its bound."""
    assume(abs(ratio - 1.0) * bound > 2.0 + 0.2 * ratio * bound)
    evidence = LeakEvidence(tuple(LeakRound(200, bound * ratio * (1.0 + one), 0.0) for one in noise))
    assert judge_leak(evidence, bound).outcome == ("passed" if ratio < 1.0 else "failed")


@given(st.sampled_from([0.25, 0.5, 2.5, 8.0]), st.floats(4 * PEAK_RESOLUTION, 1e8), PEAKS, st.integers(0, 3))
def test_one_wild_run_never_turns_a_verdict_round(ratio, bound, wild, where):
    """Three runs that agree stand, whatever a fourth one says; a fourth that agrees with none is left out."""
    runs = [bound * ratio + 4 * PEAK_RESOLUTION * (ratio > 1.0)] * 3
    outcome = judge_peak(peak(runs), bound).outcome
    runs.insert(where, wild)
    assert judge_peak(peak(runs), bound).outcome == outcome


@given(st.floats(100.0, 1e5), st.floats(-1e9, 1e9), st.integers(0, 6), st.booleans())
def test_one_wild_round_never_turns_a_verdict_on_a_leak_round(leak, wild, where, leaking):
    """A round in which something else was freed takes a failure away and never makes a pass of a leak."""
    heap = [leak if leaking else 0.0] * 7
    heap[where] = wild
    outcome = judge_leak(LeakEvidence(tuple(LeakRound(200, each, 0.0) for each in heap)), 0.0).outcome
    assert outcome in ({"failed", "unclear"} if leaking else {"passed", "unclear"})


@given(st.lists(st.one_of(PEAKS, BROKEN), min_size=2, max_size=6), BOUNDS, st.integers(0, 5), BROKEN)
def test_peaks_that_are_none_are_never_a_verdict(runs, bound, where, broken):
    """NaN and infinite memory: unclear, and nothing raises."""
    runs.insert(where, broken)
    decision = judge_peak(PeakEvidence(broken, tuple(runs), agreed=True), bound)
    assert decision.outcome == "unclear"
    assert judge_peak(replace(peak(runs), agreed=False), bound).outcome == "unclear"


@given(st.lists(ROUNDS, min_size=1, max_size=6), BOUNDS, st.integers(0, 5), BROKEN, st.sampled_from(["heap", "blocks"]))
def test_leaks_that_are_none_are_never_a_verdict(rounds, bound, where, broken, field):
    """NaN and infinite growth: unclear, and nothing raises."""
    rounds.insert(where, replace(rounds[0], **{field: broken}))
    assert judge_leak(LeakEvidence(tuple(rounds)), bound).outcome == "unclear"


@given(ROUNDS)
def test_growth_per_call_is_never_below_what_either_heap_saw(round_):
    """Bytes of the C heap, or the least that so many Python blocks occupy."""
    assert leaked_per_call(round_) >= max(round_.heap or 0.0, 16 * round_.blocks)
