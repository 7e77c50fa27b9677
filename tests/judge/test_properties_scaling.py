"""What holds of every curve of times, and of every row of counts, that a claim of growth may be judged on."""

import math
import random
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_efficiency.judge.classes import parse_class
from pytest_efficiency.judge.counts import Counts
from pytest_efficiency.judge.scaling import FEWEST_ROUNDS, judge_counter, judge_counts, judge_scaling
from pytest_efficiency.judge.tail import Sampling

VERDICTS = {"passed", "failed"}
# Classes that a clock can tell apart, in order; those of one row look the same to it.
GROUPS = (("1", "log n"), ("sqrt n",), ("n", "n log n"), ("n^1.5",), ("n^2", "n^2 log n"), ("n^3",))
GROUP_OF = {name: number for number, group in enumerate(GROUPS) for name in group}
NAMES = st.sampled_from(sorted(GROUP_OF))
SEEDS = st.integers(0, 2**32)
NOISE = st.sampled_from([0.0, 0.01, 0.05, 0.1])


@st.composite
def ladders(draw):
    """Sizes as a ladder offers them: two small ones, and eight that double."""
    smallest, first = draw(st.integers(2, 8)), draw(st.integers(5, 12))
    return (float(smallest), float(2 * smallest), *(float(2**k) for k in range(first, first + 8)))


def sampled(seconds, sizes, rng, *, noise=0.05, rounds=8, **more) -> Sampling:
    """Rounds of a curve, each off by up to ``noise``, as often too slow as too fast."""
    samples = tuple(tuple(seconds(n) * math.exp(rng.uniform(-noise, noise)) for _ in range(rounds)) for n in sizes)
    # The last word: no budget, no longer ladder, and no weighing that a judge could ask for.
    return Sampling(sizes, samples, **{"exhausted": True, "can_escalate": False, "in_cache": True, **more})


def outcome(sampling, claim, counts=None):
    return judge_scaling(sampling, counts, claim, escalated=True).outcome


def curve(name, sizes, longest, overhead):
    """``a + b f(n)``: ``longest`` seconds at the largest size, of which ``overhead`` is the part of a call's cost."""
    growth = parse_class(name)
    top = growth.log_growth(sizes[-1])
    return lambda n: longest * (overhead + (1.0 - overhead) * math.exp(growth.log_growth(n) - top))


LONGEST = st.floats(-5.0, 0.0).map(lambda power: 10.0**power)


@given(NAMES, ladders(), LONGEST, st.floats(0.0, 0.9), NOISE, SEEDS)
def test_the_true_class_is_never_failed(name, sizes, longest, overhead, noise, seed):
    """Whatever a call costs besides, and however the rounds scatter."""
    sampling = sampled(curve(name, sizes, longest, overhead), sizes, random.Random(seed), noise=noise)
    for claim, group in GROUP_OF.items():
        if group >= GROUP_OF[name]:
            assert outcome(sampling, claim) != "failed"


@given(NAMES, ladders(), LONGEST, st.floats(0.0, 0.05), NOISE, SEEDS)
def test_two_classes_lower_are_never_passed(name, sizes, longest, overhead, noise, seed):
    """Where the work shows at all beside what a call costs."""
    sampling = sampled(curve(name, sizes, longest, overhead), sizes, random.Random(seed), noise=noise)
    for claim, group in GROUP_OF.items():
        if group <= GROUP_OF[name] - 2:
            assert outcome(sampling, claim) != "passed"


@given(st.floats(1.1, 8.0), NOISE, SEEDS)
def test_exponential_growth_passes_no_power(base, noise, seed):
    """Its own claim is never failed, and n^3 never passed, over sizes up to where 2^n code gets."""
    top = 20.0 / math.log2(base)
    sizes = tuple(float(n) for n in sorted({max(2, round(top * part / 10)) + part for part in range(1, 11)}))
    sampling = sampled(lambda n: 1e-8 * base**n, sizes, random.Random(seed), noise=noise)
    assert outcome(sampling, f"{base:.6f}^n") != "failed"
    assert outcome(sampling, "n^1.5") != "passed"


@given(NAMES, NAMES, ladders(), NOISE, SEEDS, st.floats(-6.0, 6.0))
def test_scaling_all_times_changes_nothing(name, claim, sizes, noise, seed, power):
    """A machine that is any times as slow, up to a million, gives the same decision and the same exponent."""
    sampling = sampled(curve(name, sizes, 1e-3, 0.01), sizes, random.Random(seed), noise=noise)
    slower = replace(sampling, samples=tuple(tuple(one * 10.0**power for one in row) for row in sampling.samples))
    one, other = (judge_scaling(each, None, claim, escalated=True) for each in (sampling, slower))
    assert one.outcome == other.outcome
    assert math.isclose(one.value, other.value, abs_tol=1e-6)
    assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(one.interval, other.interval, strict=True))


@given(NAMES, NAMES, ladders(), NOISE, SEEDS)
def test_swapping_the_sides_inverts_the_growth_of_their_ratio(name, other_name, sizes, noise, seed):
    """A candidate that grows like n against its reference is one that shrinks like 1/n the other way round."""
    rng = random.Random(seed)
    candidate = sampled(curve(name, sizes, 1e-2, 0.0), sizes, rng, noise=noise)
    reference = sampled(curve(other_name, sizes, 1e-2, 0.0), sizes, rng, noise=noise)
    one = judge_scaling(replace(candidate, reference=reference.samples), None, "1", escalated=True)
    other = judge_scaling(replace(reference, reference=candidate.samples), None, "1", escalated=True)
    assert abs(one.value + other.value) <= 0.35
    assert not one.outcome == other.outcome == "failed"
    if abs(GROUP_OF[name] - GROUP_OF[other_name]) >= 2:
        assert {one.outcome, other.outcome} == VERDICTS


@given(NAMES, ladders(), NOISE, SEEDS)
def test_a_side_against_itself_never_grows(name, sizes, noise, seed):
    """Identical samples, and two samples of one curve, are never called different growth."""
    rng = random.Random(seed)
    one, other = (sampled(curve(name, sizes, 1e-2, 0.1), sizes, rng, noise=noise) for _ in range(2))
    assert outcome(replace(one, reference=one.samples), "1") == "passed"
    assert outcome(replace(one, reference=other.samples), "1") != "failed"


@given(NAMES, ladders(), st.sampled_from([0.01, 0.05]), SEEDS)
def test_growth_that_is_just_the_bound_is_never_passed(claim, sizes, noise, seed):
    """Midway between the claim and the next class that a clock can tell: more than was claimed, if anything."""
    rng = random.Random(seed)
    bound = judge_scaling(sampled(curve(claim, sizes, 1e-2, 0.0), sizes, rng), None, claim, escalated=True).bound
    sampling = sampled(lambda n: 1e-9 * n**bound, sizes, rng, noise=noise, rounds=24)
    # The bound differs a little from window to window where the claim has a logarithm.
    found = judge_scaling(sampling, None, claim, escalated=True)
    assert found.outcome != "passed" or found.value < found.bound - 0.02


@given(NAMES, NAMES, ladders(), NOISE, SEEDS)
def test_the_order_of_rounds_changes_nothing(name, claim, sizes, noise, seed):
    """The same rounds in another order have the same exponent, and never the opposite verdict."""
    rng = random.Random(seed)
    sampling = sampled(curve(name, sizes, 1e-2, 0.01), sizes, rng, noise=noise)
    shuffled = replace(sampling, samples=tuple(tuple(rng.sample(row, len(row))) for row in sampling.samples))
    one, other = (judge_scaling(each, None, claim, escalated=True) for each in (sampling, shuffled))
    assert math.isclose(one.value, other.value, abs_tol=1e-9)
    assert {one.outcome, other.outcome} != VERDICTS


@given(NAMES, NAMES, ladders(), st.floats(0.0, 0.15), SEEDS)
def test_symmetric_noise_keeps_the_verdict_of_far_curves(name, claim, sizes, noise, seed):
    """Two classes away from its own a claim is decided, and rightly, whatever 15 % of noise do."""
    distance = GROUP_OF[name] - GROUP_OF[claim]
    assume(abs(distance) >= 2)
    sampling = sampled(curve(name, sizes, 1e-2, 0.0), sizes, random.Random(seed), noise=noise)
    assert outcome(sampling, claim) == ("failed" if distance > 0 else "passed")


@given(NAMES, NAMES, ladders(), st.sampled_from([1e-6, 1e-3, 0.3, 3.0, 1e3, 1e6]), st.integers(0, 9), SEEDS)
def test_one_wild_sample_never_turns_a_verdict_round(name, claim, sizes, wild, where, seed):
    """One round at one size that reads far too little (a stale clock) or too much leaves the verdict, or no verdict."""
    distance = GROUP_OF[name] - GROUP_OF[claim]
    assume(distance <= 0 or distance >= 2)
    sampling = sampled(curve(name, sizes, 1e-2, 0.0), sizes, random.Random(seed), noise=0.02)
    samples = list(sampling.samples)
    samples[where] = (samples[where][0] * wild, *samples[where][1:])
    wrong = "passed" if distance > 0 else "failed"
    assert outcome(replace(sampling, samples=tuple(samples)), claim) != wrong


@given(NAMES, ladders(), st.floats(0.0, 0.9), NOISE, SEEDS, st.floats(0.5, 2.0))
def test_what_passes_a_class_passes_every_larger_one(name, sizes, overhead, noise, seed, bend):
    """And what fails one fails every smaller one, on the same samples, bent or not."""
    seconds = curve(name, sizes, 1e-2, overhead)
    middle = sizes[len(sizes) // 2]
    bent = sampled(lambda n: seconds(n) * max(1.0, n / middle) ** (bend - 1.0), sizes, random.Random(seed), noise=noise)
    found = [outcome(bent, claim) for claim in ("1", "sqrt n", "n", "n^1.5", "n^2", "n^3")]
    assert found == sorted(found, key=["failed", "unclear", "passed"].index)


@given(NAMES, NAMES, st.integers(0, FEWEST_ROUNDS - 1), st.booleans(), SEEDS)
def test_fewer_than_four_rounds_are_never_a_verdict(name, claim, rounds, exhausted, seed):
    """However clear they are, and also where no more will come."""
    sizes = tuple(float(2**k) for k in range(2, 14))
    sampling = sampled(curve(name, sizes, 1e-2, 0.0), sizes, random.Random(seed), rounds=rounds, exhausted=exhausted)
    assert outcome(sampling, claim) == ("unclear" if exhausted else None)


BROKEN = st.sampled_from([math.nan, -math.inf, 0.0, -1e-3])


@given(NAMES, NAMES, BROKEN, st.integers(0, 9), st.integers(0, 7), st.booleans(), SEEDS)
def test_times_that_are_none_are_never_a_verdict(name, claim, broken, where, which, of_reference, seed):
    """NaN, zero and negative times in one round at one size, of either side: unclear, and nothing raises."""
    sizes = tuple(float(2**k) for k in range(4, 14))
    sampling = sampled(curve(name, sizes, 1e-2, 0.0), sizes, random.Random(seed))
    rows = [list(row) for row in sampling.samples]
    rows[where][which] = broken
    samples = tuple(map(tuple, rows))
    odd = replace(sampling, reference=samples) if of_reference else replace(sampling, samples=samples)
    decision = judge_scaling(odd, None, claim, escalated=True)
    assert decision.outcome == "unclear"
    assert decision.why


@given(NAMES, NAMES, st.integers(0, 9), SEEDS)
def test_a_size_without_end_is_never_a_verdict(name, claim, where, seed):
    """Where every round at a size reads as infinite nothing is known of it."""
    sizes = tuple(float(2**k) for k in range(4, 14))
    sampling = sampled(curve(name, sizes, 1e-2, 0.0), sizes, random.Random(seed))
    samples = (*sampling.samples[:where], (math.inf,) * 8, *sampling.samples[where + 1 :])
    assert outcome(replace(sampling, samples=samples), claim) == "unclear"


# Counts: exact, so that log factors show and no noise excuses anything.

POWERS = ("1", "log n", "sqrt n", "n", "n log n", "n^1.5", "n^2", "n^2 log n", "n^3")


def counted(name, factor, overhead, smallest=2, many=11):
    growth = parse_class(name)
    sizes = tuple(float(2**k) for k in range(smallest, smallest + many))
    return Counts(sizes, tuple((round(overhead + factor * growth.growth(n)),) for n in sizes), "comparisons")


@given(st.sampled_from(POWERS), st.integers(20, 1000), st.integers(0, 200))
def test_counts_never_refute_their_own_class(name, factor, overhead):
    """Nor a larger one; and what the caller counts acquits them."""
    counts = counted(name, factor, overhead)
    for claim in POWERS[POWERS.index(name) :]:
        assert judge_counts(counts, claim) is None
        assert judge_counter(counts, claim).outcome == "passed"


@given(st.sampled_from(POWERS), st.integers(20, 1000), st.integers(0, 200))
def test_counts_refute_every_class_that_is_two_lower(name, factor, overhead):
    """Log factors included: they are what counts are for."""
    counts = counted(name, factor, overhead)
    for claim in POWERS[: max(0, POWERS.index(name) - 1)]:
        assert judge_counter(counts, claim).outcome == "failed"


@given(st.sampled_from(POWERS), st.sampled_from(POWERS), st.integers(20, 1000), st.integers(2, 1000))
def test_counting_in_other_units_changes_nothing(name, claim, factor, unit):
    """Two comparisons a step, or a thousand."""
    counts = counted(name, factor, 0)
    times = replace(counts, steps=tuple(tuple(one * unit for one in row) for row in counts.steps))
    one, other = judge_counter(counts, claim), judge_counter(times, claim)
    assert one.outcome == other.outcome
    assert math.isclose(one.value, other.value, abs_tol=1e-6)


@given(st.sampled_from(POWERS), st.integers(0, 4), st.integers(0, 100))
def test_a_few_sizes_of_counts_are_never_a_verdict(claim, many, factor):
    """Four sizes, or counts of nothing at all, tell no growth."""
    assert judge_counter(counted("n^2", factor, 0, many=many), claim).outcome == "unclear"
    assert judge_counter(counted("n^2", 0, 0), claim).outcome == "unclear"
