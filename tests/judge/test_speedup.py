"""Speedups judged from fixed numbers: no clock is read here."""

import itertools
import math
import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.judge.speedup import LOOKS, Round, SpeedupDecision, judge_looks, judge_speedup


def rounds(ratios, candidate=1e-3, clock="CPU time", **more):
    return [Round(ratio * candidate, candidate, clock, **more) for ratio in ratios]


def noisy(ratio, n, spread=0.03, seed=1):
    rng = random.Random(seed)
    return rounds([ratio * math.exp(rng.gauss(0.0, spread)) for _ in range(n)])


def watched(all_rounds, claim):
    """As an assertion does it: ask after every round, stop when told to."""
    for n in range(1, len(all_rounds) + 1):
        decision = judge_speedup(all_rounds[:n], claim)
        if decision.wants != "more":
            return decision
    return judge_speedup(all_rounds, claim, ended=True)


@pytest.mark.parametrize(
    ("truth", "claim", "outcome"),
    [
        (2.0, 1.0, "passed"),
        (1.0, 2.0, "failed"),
        (100.0, 20.0, "passed"),
        (20.0, 100.0, "failed"),
        (0.5, 0.1, "passed"),
    ],
)
def test_far_from_the_claim_a_few_rounds_decide(truth, claim, outcome):
    """A factor of two is decided either way, within ten rounds, by the ratio that was true."""
    decision = watched(noisy(truth, 400), claim)
    assert decision.outcome == outcome
    assert decision.rounds <= 10
    assert decision.value == pytest.approx(truth, rel=0.1)
    assert decision.headroom == pytest.approx(decision.value / claim)
    assert decision.interval[0] < truth < decision.interval[1]


def test_identical_functions_are_not_resolved_as_different():
    """A ratio of one against a claim of one ends without a verdict; against a claim of two it fails."""
    same = noisy(1.0, 400)
    assert watched(same, 1.0).outcome is None
    assert watched(same, 1.0).wants == "look again"
    assert watched(same, 2.0).outcome == "failed"
    assert watched(same, 0.5).outcome == "passed"


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9), st.floats(1e-3, 1e6), st.booleans(), st.booleans())
def test_one_round_is_never_a_verdict(reference, candidate, claim, stopped, ended):
    """Whatever one round says, it decides nothing, even when no other will come."""
    decision = judge_speedup([Round(reference, candidate, "CPU time", stopped=stopped)], claim, ended=ended)
    assert decision.outcome is None
    assert decision.wants == ("look again" if ended else "more")


TIMES = st.lists(st.tuples(st.floats(1e-6, 1e-2), st.floats(1e-6, 1e-2)), min_size=2, max_size=40)


@given(TIMES, st.floats(0.1, 100.0), st.integers(-10, 10))
def test_scaling_all_times_changes_nothing(times, claim, power):
    """A machine that is 2^k times as slow reaches the same decision with the same numbers."""
    slower = 2.0**power
    here = [Round(r, c, "CPU time") for r, c in times]
    there = [Round(r * slower, c * slower, "CPU time") for r, c in times]
    one, other = judge_speedup(here, claim, ended=True), judge_speedup(there, claim, ended=True)
    assert (one.outcome, one.wants, one.side) == (other.outcome, other.wants, other.side)
    assert one.value == pytest.approx(other.value, nan_ok=True)


@given(TIMES, st.integers(-6, 6))
def test_swapping_sides_inverts_the_ratio(times, power):
    """What passes one way fails the other way round, and value and interval are the reciprocals."""
    claim = 2.0**power
    one = judge_speedup([Round(r, c, "CPU time") for r, c in times], claim, ended=True)
    other = judge_speedup([Round(c, r, "CPU time") for r, c in times], 1.0 / claim, ended=True)
    swapped = {"passed": "failed", "failed": "passed", None: None}
    assert other.outcome == swapped[one.outcome]
    assert other.side == swapped[one.side]
    assert other.value == pytest.approx(1.0 / one.value, nan_ok=True)
    if math.isfinite(one.value):
        assert other.interval[0] == pytest.approx(1.0 / one.interval[1], rel=1e-6)


@given(st.lists(st.sampled_from([0.0, -1.0, math.nan, math.inf, 1e-300, 1e300, 1e-3]), max_size=12), st.booleans())
def test_times_that_are_no_times_never_crash(values, ended):
    """NaN, zero, negative, infinite and absurd times give a decision with a reason."""
    decision = judge_speedup([Round(v, w, "CPU time") for v, w in itertools.pairwise(values)], 10.0, ended=ended)
    assert isinstance(decision, SpeedupDecision)
    assert decision.why


def test_times_below_the_clocks_resolution_say_what_to_do():
    """A candidate that takes no measurable time is unclear, and the reason names the remedy."""
    decision = judge_speedup([Round(1e-6, 0.0, "wall time")] * 20, 10.0, ended=True)
    assert decision.outcome is None
    assert "make each call do more work" in decision.why


@pytest.mark.parametrize("claim", [0, -1, math.nan, math.inf, "fast", None, [1]])
def test_a_claim_that_is_no_ratio_is_refused(claim):
    """A ClaimError shows the right form; None alone means "no claim"."""
    if claim is None:
        assert judge_speedup([], None).outcome is None
        return
    with pytest.raises(ClaimError, match="speedup"):
        judge_speedup(rounds([10.0] * 5), claim)


def test_five_rounds_far_away_decide_without_statistics():
    """Five rounds of very different ratios are enough when all and their minima are 1.5 times off."""
    wild = [40.0, 17.0, 90.0, 16.0, 300.0]
    assert judge_speedup(rounds(wild), 10.0).outcome == "passed"
    assert judge_speedup(rounds([1.0 / w for w in wild]), 0.1).outcome == "failed"
    assert judge_speedup(rounds([*wild[:-1], 14.0]), 10.0).outcome is None


def test_an_early_exit_shows_what_its_rounds_were():
    """One cold round widens a t interval of five across the claim; the verdict rests on the rounds, which do not."""
    ratios = [400.0, 12.0, 60.0, 500.0, 30.0]
    decision = watched(rounds(ratios), 6.0)
    assert decision.outcome == "passed"
    assert decision.interval == pytest.approx((min(ratios), max(ratios)))


def test_five_rounds_whose_minima_disagree_do_not_decide():
    """A reference that was once fast enough may have been disturbed in the other rounds: more rounds."""
    disturbed = [Round(r, c, "wall time") for r, c in [(9.0, 0.5), (40.0, 1.0), (90.0, 2.0), (50.0, 1.0), (200.0, 2.0)]]
    assert judge_speedup(disturbed, 10.0).outcome == "passed"
    disturbed[1] = Round(160.0, 10.0, "wall time")
    disturbed[0] = Round(9.0, 0.7 * 9.0 / 10.0, "wall time")
    assert judge_speedup(disturbed, 10.0).outcome is None


@pytest.mark.parametrize(("truth", "side"), [(11.0, "passed"), (9.1, "failed")])
def test_within_twenty_percent_one_look_decides_nothing(truth, side):
    """However many rounds agree, a ratio 10 % from the claim asks for another look and names its side."""
    decision = watched(noisy(truth, 400, spread=0.01), 10.0)
    assert decision.outcome is None
    assert (decision.wants, decision.side) == ("look again", side)


@pytest.mark.parametrize(("truth", "outcome"), [(13.0, "passed"), (7.7, "failed")])
def test_beyond_twenty_percent_one_look_decides(truth, outcome):
    """A ratio 30 % from the claim is decided by rounds that scatter by 3 %."""
    decision = watched(noisy(truth, 400), 10.0)
    assert decision.outcome == outcome
    assert decision.rounds <= 64


def test_false_verdicts_are_as_rare_as_promised():
    """Of 100 pairs some 20 % off, scattering by 20 %, none is decided against the truth."""
    wrong = 0
    for seed in range(100):
        truth = 12.1 if seed % 2 else 8.2
        outcome = watched(noisy(truth, 400, spread=0.2, seed=seed), 10.0).outcome
        wrong += outcome == ("failed" if truth > 10.0 else "passed")
    assert wrong == 0


def test_a_reference_stopped_twice_beyond_the_claim_passes():
    """Two stopped rounds of 1.25 times the claim pass with a lower bound; one, or two below that, do not."""
    far = Round(1.3 * 10e-3, 1e-3, "CPU time", stopped=True)
    decision = judge_speedup([far, far], 10.0)
    assert decision.outcome == "passed"
    assert decision.interval == (pytest.approx(13.0), math.inf)
    assert judge_speedup([far], 10.0).outcome is None
    near = replace(far, reference=1.2 * 10e-3)
    assert judge_speedup([near, near], 10.0).outcome is None
    assert judge_speedup([far, near, near, near, far], 10.0).outcome is None


def test_two_stopped_outliers_among_many_rounds_do_not_pass():
    """Where the reference usually runs to its end, its usual time counts."""
    outlier = Round(1.5 * 10e-3, 1e-3, "CPU time", stopped=True)
    usual = rounds([7.0] * 20)
    assert judge_speedup([outlier, *usual, outlier], 10.0, ended=True).outcome != "passed"


def test_cpu_time_outside_the_calls_is_charged():
    """Work done before or after the call counts; as much as an honest reply costs does not."""
    honest = rounds([20.0] * 5, candidate_elsewhere=1.2e-3, reference_elsewhere=1e-3)
    assert judge_speedup(honest, 10.0).value == pytest.approx(20.0)
    lazy = rounds([20.0] * 5, candidate_elsewhere=5e-3, reference_elsewhere=1e-3)
    decision = judge_speedup(lazy, 10.0)
    assert decision.outcome == "failed"
    assert decision.value == pytest.approx(4.0)
    assert "charged to the candidate" in decision.notes[0]
    once = [*honest[:4], lazy[0]]
    assert judge_speedup(once, 10.0).value == pytest.approx(20.0)


def test_a_small_charge_takes_a_pass_away_and_does_not_fail():
    """A tenth of a millisecond may be scatter: unclear; five milliseconds are not: failed."""
    times = {"candidate": 1e-5, "reference_elsewhere": 1e-4}
    small = judge_speedup(rounds([100.0] * 5, candidate_elsewhere=3e-4, **times), 50.0)
    assert (small.outcome, small.wants) == (None, "look again")
    assert judge_speedup(rounds([100.0] * 5, candidate_elsewhere=5e-3, **times), 50.0).outcome == "failed"
    assert judge_speedup(rounds([20.0] * 5, candidate_elsewhere=3e-4, **times), 50.0).outcome == "failed"


def test_a_stopped_reference_is_no_standard_for_what_lies_outside_the_calls():
    """Its worker gave no receipt: the candidate's ordinary decoding is not charged against nothing."""
    whole = Round(1.0, 1e-6, "CPU time", candidate_elsewhere=2e-4, reference_elsewhere=2e-4)
    stopped = Round(0.02, 1e-6, "CPU time", candidate_elsewhere=2e-4, stopped=True)
    assert judge_speedup([stopped, whole], 500.0).outcome == "passed"
    assert judge_speedup([stopped, stopped], 500.0).outcome == "passed"


def test_a_failure_on_upper_bounds_is_unclear():
    """Where the candidate's time is only an upper bound a pass stands, and a failure does not."""
    assert judge_speedup(rounds([30.0] * 5, at_most=True), 10.0).outcome == "passed"
    assert judge_speedup(rounds([3.0] * 5, at_most=True), 10.0).outcome is None


def test_a_wall_verdict_is_unclear_while_threads_wait_for_cores():
    """More than 5 % of waiting takes a wall verdict away, not one on CPU time."""
    contended = rounds([30.0] * 5, clock="wall time", waiting=0.2)
    decision = judge_speedup(contended, 10.0)
    assert (decision.outcome, decision.wants) == (None, "look again")
    assert "contended" in decision.why
    assert judge_speedup(rounds([30.0] * 5, clock="wall time", waiting=0.01), 10.0).outcome == "passed"
    assert judge_speedup(rounds([30.0] * 5, waiting=0.2), 10.0).outcome == "passed"
    assert judge_looks([decision]).wait == 0.3


def test_void_rounds_carry_no_verdict():
    """A tracer that could not be suspended is the reason that is given."""
    decision = judge_speedup(rounds([30.0] * 20, void="tracing could not be suspended"), 10.0)
    assert (decision.outcome, decision.wants) == (None, "look again")
    assert "tracing" in judge_looks([decision] * 4).why
    assert judge_looks([decision] * 4).outcome == "unclear"


def test_without_a_claim_the_ratio_is_measured_until_it_is_known():
    """No outcome, an interval of 3 % either way, and nothing wanted any more."""
    decision = watched(noisy(50.0, 400), None)
    assert (decision.outcome, decision.wants) == (None, None)
    assert decision.value == pytest.approx(50.0, rel=0.03)
    assert decision.interval[1] / decision.interval[0] <= 1.07
    assert judge_looks([decision]) is decision
    assert judge_speedup(rounds([50.0] * 2), None).wants == "more"


PASS_FAR = judge_speedup(rounds([30.0] * 5), 10.0)
PASS_NEAR = watched(rounds([11.0] * 400), 10.0)
FAIL_NEAR = watched(rounds([9.1] * 400), 10.0)
SAME = watched(noisy(10.0, 400), 10.0)
NOISE = watched(noisy(10.0, 40, spread=1.0), 10.0)


def test_a_far_look_ends_it():
    """Beyond 20 % of the claim no second look is wanted, also after one that could not measure."""
    assert judge_looks([PASS_FAR]).outcome == "passed"
    assert judge_looks([NOISE, PASS_FAR]).outcome == "passed"


@pytest.mark.parametrize(("near", "outcome"), [(PASS_NEAR, "passed"), (FAIL_NEAR, "failed")])
def test_near_the_claim_four_looks_must_agree(near, outcome):
    """It waits 0.3, 1 and 3 s, then four looks on one side are a verdict with little headroom."""
    assert [judge_looks([near] * n).wait for n in (1, 2, 3)] == [0.3, 1.0, 3.0]
    assert [judge_looks([near] * n).outcome for n in (1, 2, 3, 4)] == [None, None, None, outcome]
    assert 0.8 < judge_looks([near] * 4).headroom < 1.25


def test_looks_that_disagree_are_unclear_at_once():
    """Neither passes nor fails, and the reason shows both ratios."""
    decision = judge_looks([PASS_NEAR, FAIL_NEAR])
    assert decision.outcome == "unclear"
    assert "11x, 9.1x" in decision.why


def test_a_ratio_that_is_the_claim_is_unclear_without_waiting():
    """Waiting changes nothing about a narrow interval that holds the claim."""
    assert judge_looks([SAME]).outcome == "unclear"
    assert "cannot be told from the claim" in judge_looks([SAME]).why


def test_noise_asks_for_other_moments_and_is_unclear_in_the_end():
    """A look that could not tell is repeated; all four lost is unclear; one lost among four is forgiven."""
    assert judge_looks([NOISE]).wait == 0.3
    assert judge_looks([NOISE] * 4).outcome == "unclear"
    assert judge_looks([NOISE, PASS_NEAR, PASS_NEAR, PASS_NEAR]).outcome == "passed"
    assert judge_looks([NOISE, NOISE, PASS_NEAR, PASS_NEAR]).outcome == "unclear"


def test_no_looks_at_all_is_a_mistake_of_the_caller():
    """An empty list is refused in words."""
    with pytest.raises(ValueError, match="no looks"):
        judge_looks([])


def test_no_more_rounds_are_asked_for_than_there_are_looks():
    """At 400 rounds a decision stops asking, whatever it has seen."""
    endless = noisy(10.0, LOOKS[-1], spread=2.0)
    assert judge_speedup(endless, 10.0).wants == "look again"
    assert judge_speedup(endless[:-1], 10.0).wants == "more"


def test_a_reference_that_was_stopped_fails_nobody():
    """What it had used when it was stopped is a lower bound: the candidate may be as fast as claimed."""
    stopped = rounds([2.0, 2.1, 1.9, 2.0, 2.0], stopped=True)
    decision = watched(stopped, 10.0)
    assert (decision.outcome, decision.wants) == (None, "look again")
    assert watched(rounds([2.0, 2.1, 1.9, 2.0, 2.0]), 10.0).outcome == "failed"


def test_the_interval_that_is_shown_is_that_of_one_look():
    """After three rounds with 5 % of noise it is a factor of about 1.3 each way, where that of all looks is tenfold."""
    decision = watched(rounds([4.8, 5.0, 5.2]), 1.0)
    assert decision.outcome == "passed"
    assert decision.rounds == 3
    low, high = decision.likely
    assert 3.5 < low < 5.0 < high < 6.5
    assert decision.interval[0] < low
    assert high < decision.interval[1]
    assert math.isinf(watched(rounds([40.0, 41.0], stopped=True), 1.0).likely[1])


def test_too_few_rounds_for_their_scatter_are_said_to_be_that():
    """Four rounds of 20 % scatter say nothing, and three times as many decide; near the claim more would not help."""
    few = rounds([16.0, 11.0, 19.0, 14.0])
    decision = judge_speedup(few, 10.0, ended=True)
    assert (decision.outcome, decision.side, decision.noisy) == (None, None, True)
    assert judge_looks([decision]).wait == 0.0
    assert judge_speedup(few * 8, 10.0, ended=True).outcome == "passed"
    assert not judge_speedup(noisy(10.0, 100, spread=0.05), 10.0, ended=True).noisy
