"""What holds of every evidence that a GIL claim may be judged on."""

import math
import random
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from pytest_efficiency.judge.gil import GilEvidence, TickBatch, judge_gil

SHARES = st.floats(0.0, 1.0)
CLAIMS = st.sampled_from(["released", "held"])
SECONDS = st.floats(0.01, 0.2)


@st.composite
def batches(draw, least=2, most=9):
    """Batches with any share of ticks, beside a control that moved."""
    found = []
    for _ in range(draw(st.integers(least, most))):
        ticks = draw(st.one_of(st.just(0), st.integers(1, 2000)))
        found.append(
            TickBatch(
                ticks,
                draw(SHARES) if ticks else 0.0,
                draw(st.integers(0, 2000)),
                draw(SHARES),
                draw(SECONDS),
                calls=draw(st.integers(1, 1000)),
                known=draw(SECONDS),
            )
        )
    return tuple(found)


EVIDENCE = st.builds(
    GilEvidence,
    batches(),
    call_seconds=st.floats(1e-7, 1.0),
    busy=SHARES,
    nap=st.floats(0.0, 1.0),
)


def settled(evidence, claim):
    """Whether no rule stands on the very edge, where the last bit of a sum decides."""
    outcomes = set()
    for e in (-1e-9, 0.0, 1e-9):
        moved = tuple(replace(batch, share=min(1.0, max(0.0, batch.share * (1.0 + e)))) for batch in evidence.batches)
        outcomes.add(judge_gil(replace(evidence, batches=moved), claim).state)
    return len(outcomes) == 1


@given(batches(least=0, most=1), SHARES, CLAIMS)
def test_one_batch_is_never_a_verdict(one, busy, claim):
    """However many ticks it has, or none: a single batch may lie in somebody else's burst."""
    assert judge_gil(GilEvidence(one, busy=busy), claim).outcome == "unclear"


@given(EVIDENCE)
def test_released_and_held_exclude_each_other(evidence):
    """What passes one of the two claims fails the other."""
    released, held = judge_gil(evidence, "released"), judge_gil(evidence, "held")
    assert {released.outcome, held.outcome} != {"passed"}
    assert released.state == held.state
    if "passed" in {released.outcome, held.outcome}:
        assert "failed" in {released.outcome, held.outcome}


@given(EVIDENCE, CLAIMS, st.floats(-6.0, 6.0))
def test_scaling_all_times_changes_nothing(evidence, claim, power):
    """A machine that is any times as slow gives the same shares of time, and so the same decision."""
    assume(settled(evidence, claim))
    times = 10.0**power
    slower = replace(
        evidence,
        batches=tuple(replace(batch, seconds=batch.seconds * times) for batch in evidence.batches),
        call_seconds=evidence.call_seconds * times,
    )
    one, other = judge_gil(evidence, claim), judge_gil(slower, claim)
    assert (one.outcome, one.state, one.ticks) == (other.outcome, other.state, other.ticks)
    assert math.isclose(one.share, other.share, rel_tol=1e-9, abs_tol=1e-12)


@given(EVIDENCE, CLAIMS, st.integers(0, 2**32))
def test_the_order_of_batches_changes_nothing(evidence, claim, seed):
    """The same batches in another order are the same evidence."""
    assume(settled(evidence, claim))
    shuffled = random.Random(seed).sample(evidence.batches, len(evidence.batches))
    one, other = judge_gil(evidence, claim), judge_gil(replace(evidence, batches=tuple(shuffled)), claim)
    assert (one.outcome, one.state) == (other.outcome, other.state)


def far(*, released, many=3, shift=0.0):
    """Evidence as measured of code that lets go all the time, or never; ``shift`` moves every share a little."""
    one = TickBatch(500, 0.9 + shift, 1000, 0.95, 0.02) if released else TickBatch(0, 0.0, 1000, 0.95 + shift / 2, 0.02)
    return GilEvidence((one,) * many)


@given(st.booleans(), st.lists(st.floats(-0.1, 0.1), min_size=2, max_size=9), CLAIMS)
def test_symmetric_noise_keeps_the_verdict(released, noise, claim):
    """Ten per cent more or less of a share decides nothing where the code is clear."""
    evidence = far(released=released)
    moved = tuple(
        replace(evidence.batches[0], share=evidence.batches[0].share * (1.0 + one), control_share=0.85 + one)
        for one in noise
    )
    assert judge_gil(replace(evidence, batches=moved), claim).outcome == (
        "passed" if (claim == "released") == released else "failed"
    )


@given(batches(least=1, most=1), st.integers(0, 3), CLAIMS, st.booleans())
def test_one_wild_batch_never_turns_a_verdict_round(wild, where, claim, released):
    """A batch in which everything was otherwise leaves the verdict, or makes it unclear."""
    evidence = far(released=released)
    mixed = (*evidence.batches[:where], *wild, *evidence.batches[where:])
    decision = judge_gil(replace(evidence, batches=mixed), claim)
    right = "passed" if (claim == "released") == released else "failed"
    assert decision.outcome in {right, "unclear"}
    assert decision.state != ("held" if released else "released")


@given(EVIDENCE, st.floats(1.0, 10.0))
def test_more_time_without_the_gil_takes_no_release_away(evidence, more):
    """Released stays released where every batch's share is larger, and the code goes on for as long or longer."""
    if judge_gil(evidence).outcome != "passed":
        return
    freer = tuple(replace(batch, share=min(1.0, batch.share * more)) for batch in evidence.batches)
    assert judge_gil(replace(evidence, batches=freer)).outcome == "passed"


BROKEN = st.sampled_from([math.nan, math.inf, -math.inf, -1.0])
FIELDS = st.sampled_from(["share", "control_share", "seconds", "known"])


@given(st.lists(st.tuples(FIELDS, BROKEN), min_size=1, max_size=3), st.integers(0, 2), CLAIMS, st.booleans())
def test_figures_that_are_none_are_never_a_verdict(broken, where, claim, released):
    """NaN, infinite and negative shares and times: unclear, and nothing raises."""
    evidence = far(released=released)
    changed = list(evidence.batches)
    changed[where] = replace(changed[where], **dict(broken))
    decision = judge_gil(replace(evidence, batches=tuple(changed)), claim)
    assert decision.outcome == "unclear"
    assert decision.why
