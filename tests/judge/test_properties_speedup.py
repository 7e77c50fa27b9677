"""What holds of every sequence of rounds, and of all looks together, that a speedup may be judged on."""

import math
import random

from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_efficiency.judge.speedup import LOOKS, Round, judge_looks, judge_speedup

VERDICTS = {"passed", "failed"}
CLAIMS = st.floats(1e-3, 1e6)
CLOCKS = st.sampled_from(["CPU time", "wall time"])
SECONDS = st.floats(-7.0, 1.0).map(lambda power: 10.0**power)
# How far the truth is from the claim, in ln: clearly to one side.
FAR = st.sampled_from([0.2, 0.4, 0.55, 1.8, 2.5, 5.0]).map(math.log)
MIRRORED = {"passed": "failed", "failed": "passed", "unclear": "unclear", None: None}


@st.composite
def noisy_rounds(draw, least=2, most=60):
    """Rounds about some ratio with some noise, heavy-tailed or not: what meters really hand over."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    ratio, spread = draw(st.floats(-4.0, 4.0)), draw(st.sampled_from([0.0, 0.003, 0.03, 0.2, 0.6]))
    candidate, tails = draw(SECONDS), draw(st.booleans())

    def noise():
        return rng.gauss(0.0, spread) * (rng.paretovariate(1.5) if tails else 1.0)

    clock = draw(CLOCKS)
    return [
        Round(candidate * math.exp(min(ratio + noise(), 50.0)), candidate * math.exp(min(noise(), 50.0)), clock)
        for _ in range(draw(st.integers(least, most)))
    ]


def looked(rounds, claim):
    """One look, as an assertion makes it: asked after every round, and stopped when told to."""
    for n in range(1, len(rounds) + 1):
        decision = judge_speedup(rounds[:n], claim)
        if decision.wants != "more":
            return decision
    return judge_speedup(rounds, claim, ended=True)


def judged(looks, claim):
    """All looks, as an assertion takes them; the last of them again and again where more are asked for."""
    decisions = []
    while True:
        decisions.append(looked(looks[min(len(decisions), len(looks) - 1)], claim))
        decision = judge_looks(decisions)
        if decision.wants != "look again":
            return decision


def settled(rounds, claim):
    """Whether no rule stands on the very edge, where the last bit of a logarithm decides."""
    outcomes = {
        (d.outcome, d.wants, d.side)
        for d in (judge_speedup(rounds, claim * (1.0 + e), ended=True) for e in (-1e-9, 0.0, 1e-9))
    }
    return len(outcomes) == 1


@given(SECONDS, SECONDS, CLAIMS, CLOCKS, st.booleans())
def test_looks_of_one_round_are_never_a_verdict(reference, candidate, claim, clock, stopped):
    """However often one round is looked at, and whatever it says, it decides nothing."""
    one = [Round(reference, candidate, clock, stopped=stopped)]
    assert judged([one], claim).outcome == "unclear"


@given(noisy_rounds(), CLAIMS, st.floats(-6.0, 6.0))
def test_scaling_all_times_changes_no_decision(rounds, claim, power):
    """A machine that is any times as slow, up to a million, reaches the same decision with the same figures."""
    assume(settled(rounds, claim))
    times = 10.0**power
    slower = [Round(r.reference * times, r.candidate * times, r.clock) for r in rounds]
    one, other = judge_speedup(rounds, claim, ended=True), judge_speedup(slower, claim, ended=True)
    assert (one.outcome, one.wants, one.side, one.why) == (other.outcome, other.wants, other.side, other.why)
    assert math.isclose(one.value, other.value, rel_tol=1e-6) or math.isnan(one.value)
    assert all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(one.interval, other.interval, strict=True))


@given(st.lists(noisy_rounds(), min_size=1, max_size=4), CLAIMS)
def test_swapping_the_sides_mirrors_the_whole_judgement(looks, claim):
    """What passes as R fails the other way round as 1/R, through all looks."""
    assume(all(settled(rounds[:n], claim) for rounds in looks for n in {*LOOKS, len(rounds)} if n <= len(rounds)))
    swapped = [[Round(r.candidate, r.reference, r.clock) for r in rounds] for rounds in looks]
    one, other = judged(looks, claim), judged(swapped, 1.0 / claim)
    assert other.outcome == MIRRORED[one.outcome]
    assert math.isclose(other.interval[0], 1.0 / one.interval[1], rel_tol=1e-6) or one.interval[1] == math.inf


@given(SECONDS, CLAIMS, st.integers(1, LOOKS[-1]), CLOCKS)
def test_a_ratio_that_equals_the_claim_is_never_resolved(candidate, claim, n, clock):
    """Identical samples, at the claim to the last bit or beside it by rounding, end unclear however many there are."""
    rounds = [Round(candidate * claim, candidate, clock)] * n
    assert judged([rounds], claim).outcome == "unclear"


def alike(rng, claim, spread):
    """A look at two samples of one distribution, whose ratio is the claim."""
    return [
        Round(claim * math.exp(rng.gauss(0.0, spread)), math.exp(rng.gauss(0.0, spread)), "CPU time") for _ in range(60)
    ]


@given(st.integers(0, 2**32), st.sampled_from([0.01, 0.05, 0.1]), CLAIMS)
def test_two_samples_of_one_distribution_are_never_resolved(seed, spread, claim):
    """Candidate and reference that differ by luck alone end unclear against a claim of just their ratio."""
    rng = random.Random(seed)
    assert judged([alike(rng, claim, spread) for _ in range(4)], claim).outcome == "unclear"


def test_much_noise_resolves_hardly_ever_what_is_the_same():
    """With 20 % of noise on either side one verdict by luck in a thousand is the promise; here are at most three."""
    met = 0
    for seed in range(1000):
        rng = random.Random(seed)
        met += judged([alike(rng, 1.0, 0.2) for _ in range(4)], 1.0).outcome != "unclear"
    assert met <= 3


@given(noisy_rounds(), CLAIMS, st.integers(0, 2**32))
def test_the_order_of_rounds_within_a_look_changes_nothing(rounds, claim, seed):
    """The same rounds in another order are the same evidence."""
    assume(settled(rounds, claim))
    shuffled = random.Random(seed).sample(rounds, len(rounds))
    one, other = judge_speedup(rounds, claim, ended=True), judge_speedup(shuffled, claim, ended=True)
    assert (one.outcome, one.wants, one.side) == (other.outcome, other.wants, other.side)


@given(FAR, st.floats(0.0, 0.15), st.integers(0, 2**32), CLAIMS, SECONDS)
def test_symmetric_noise_keeps_the_verdict_of_far_pairs(far, spread, seed, claim, candidate):
    """Noise of up to 15 % on either side takes no verdict away from a pair that is nearly twice off."""
    rng = random.Random(seed)
    rounds = [
        Round(
            candidate * claim * math.exp(far + rng.gauss(0.0, spread)),
            candidate * math.exp(rng.gauss(0.0, spread)),
            "CPU time",
        )
        for _ in range(100)
    ]
    assert judged([rounds], claim).outcome == ("passed" if far > 0.0 else "failed")


@given(FAR, st.floats(0.0, 0.1), st.integers(0, 2**32), CLAIMS, st.floats(-9.0, 9.0), st.integers(0, 30), st.booleans())
def test_one_wild_outlier_never_turns_a_verdict_round(far, spread, seed, claim, wild, where, of_candidate):
    """One round that is a billion times off, on either side, first or last, leaves the verdict or makes it unclear."""
    rng = random.Random(seed)
    rounds = [Round(claim * math.exp(far + rng.gauss(0.0, spread)), 1.0, "wall time") for _ in range(100)]
    hit = rounds[where]
    reference, candidate = (1.0, 10.0**wild) if of_candidate else (10.0**wild, 1.0)
    rounds[where] = Round(hit.reference * reference, hit.candidate * candidate, hit.clock)
    assert judged([rounds], claim).outcome in ({"passed", "unclear"} if far > 0.0 else {"failed", "unclear"})


@given(noisy_rounds(), CLAIMS, st.floats(0.0, 3.0), st.booleans())
def test_what_passes_a_claim_passes_every_smaller_one(rounds, claim, less, stopped):
    """And what fails one fails every larger one, on the same rounds."""
    if stopped:
        rounds = [Round(r.reference, r.candidate, r.clock, stopped=True) for r in rounds]
    if judge_speedup(rounds, claim, ended=True).outcome == "passed":
        assert judge_speedup(rounds, claim * math.exp(-less), ended=True).outcome == "passed"
    if judge_speedup(rounds, claim, ended=True).outcome == "failed":
        assert judge_speedup(rounds, claim * math.exp(less), ended=True).outcome == "failed"


@given(st.lists(noisy_rounds(), min_size=1, max_size=4), CLAIMS, st.floats(0.0, 3.0))
def test_no_smaller_claim_fails_where_a_larger_one_passes(looks, claim, less):
    """Through all looks, although a smaller claim may be decided after fewer rounds."""
    if judged(looks, claim).outcome == "passed":
        assert judged(looks, claim * math.exp(-less)).outcome != "failed"


BROKEN = st.sampled_from([math.nan, math.inf, -math.inf, 0.0, -0.0, -1e-3])


@given(st.lists(st.tuples(BROKEN, st.one_of(BROKEN, SECONDS), st.booleans(), st.booleans()), max_size=40), CLAIMS)
def test_times_that_are_none_are_never_a_verdict(broken, claim):
    """NaN, infinite, zero and negative times on one side or on both: unclear, and nothing raises."""
    rounds = [
        Round(*((one, other) if straight else (other, one)), "CPU time", stopped=stopped)
        for one, other, straight, stopped in broken
    ]
    for decision in (judge_speedup(rounds, claim), judge_speedup(rounds, claim, ended=True)):
        assert decision.outcome is None
        assert decision.why
    assert rounds == [] or judged([rounds], claim).outcome == "unclear"


@given(noisy_rounds(least=5), st.lists(st.tuples(st.integers(0, 60), BROKEN), max_size=10), CLAIMS)
def test_broken_rounds_between_good_ones_never_turn_a_verdict_round(rounds, broken, claim):
    """They are left out: what remains decides, or nothing does."""
    mixed = list(rounds)
    for where, value in broken:
        mixed.insert(where, Round(1e-3, value, "CPU time"))
    clean = judge_speedup(rounds, claim, ended=True).outcome
    assert judge_speedup(mixed, claim, ended=True).outcome in {clean, None}


@given(
    noisy_rounds(least=3),
    CLAIMS,
    st.lists(st.one_of(BROKEN, SECONDS), min_size=3, max_size=3),
)
def test_broken_figures_beside_the_times_raise_nothing_and_pass_nothing(rounds, claim, others):
    """CPU time outside the calls, or waiting, that no clock could have read: no exception, and no pass more."""
    ours, theirs, waiting = others
    odd = [
        Round(r.reference, r.candidate, r.clock, candidate_elsewhere=ours, reference_elsewhere=theirs, waiting=waiting)
        for r in rounds
    ]
    plain, decision = judge_speedup(rounds, claim, ended=True), judge_speedup(odd, claim, ended=True)
    assert decision.outcome in {plain.outcome, "failed", None}
    assert not (plain.outcome == "failed" and decision.outcome == "passed")
