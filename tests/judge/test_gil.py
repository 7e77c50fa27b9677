from __future__ import annotations

import pytest

from pytest_efficiency.judge.gil import GilEvidence, TickBatch, judge_gil


def batch(ticks=500, share=0.99, control_ticks=1000, control_share=0.99, seconds=0.02):
    return TickBatch(ticks, share, control_ticks, control_share, seconds)


def evidence(*batches, **options):
    return GilEvidence(batches or (batch(), batch(), batch()), **options)


def test_ticks_all_the_time_are_a_release():
    """And nearly all of the time of the call is spent without the GIL."""
    decision = judge_gil(evidence())
    assert (decision.outcome, decision.state) == ("passed", "released")
    assert decision.ticks == 1500
    assert decision.share == pytest.approx(0.99)


def test_no_tick_is_held():
    """Zero ticks refute a release and establish that the GIL is held."""
    silent = evidence(*[batch(ticks=0, share=0.0)] * 3)
    assert judge_gil(silent).outcome == "failed"
    assert judge_gil(silent).state == "held"
    assert judge_gil(silent, "held").outcome == "passed"


def test_a_release_is_not_held():
    """The two claims exclude each other."""
    assert judge_gil(evidence(), "held").outcome == "failed"


@pytest.mark.parametrize(("share", "state"), [(0.24, "moments"), (0.33, "unclear"), (0.36, "released")])
@pytest.mark.parametrize("control_share", [0.2, 1.0])
def test_the_share_of_its_time_that_a_call_does_without_the_gil_decides(share, state, control_share):
    """Whatever the control got: on a busy machine that is less, and the call's share of its own time is the same."""
    assert judge_gil(evidence(*[batch(share=share, control_share=control_share)] * 3)).state == state


def test_what_is_better_known_weighs_more():
    """Of a batch in which the thread hardly had a CPU little is known, whatever its share."""
    batches = [TickBatch(500, 0.1, 1000, 0.99, 0.02, known=0.02)] * 2
    assert judge_gil(evidence(*batches, TickBatch(500, 1.0, 1000, 0.99, 0.02, known=0.001))).state == "moments"
    assert judge_gil(evidence(*batches, TickBatch(500, 1.0, 1000, 0.99, 0.02, known=0.02))).state == "unclear"


@pytest.mark.parametrize(("ticks", "state"), [(1, "moments"), (2, "released")])
def test_a_release_needs_five_ticks(ticks, state):
    """A few ticks are chance, however large a share of a short batch they cover."""
    assert judge_gil(evidence(*[batch(ticks=ticks)] * 3)).state == state


def test_moments_are_neither_released_nor_held():
    """Other threads cannot work meanwhile, and yet they have the GIL now and then."""
    moments = evidence(*[batch(ticks=60, share=0.05)] * 3)
    assert judge_gil(moments).outcome == "failed"
    assert judge_gil(moments, "held").outcome == "failed"


def test_a_few_ticks_leave_held_unclear():
    """They refute a release; that the code itself let go, and nothing that was started before, they do not show."""
    few = evidence(*[batch(ticks=1, share=0.0)] * 3)
    assert judge_gil(few).outcome == "failed"
    assert judge_gil(few, "held").outcome == "unclear"


def test_short_sleeps_are_named():
    """A call that sleeps for moments does without the GIL for most of the time, to nobody's use."""
    naps = evidence(*[batch(share=0.1)] * 3, busy=0.3, nap=55e-6)
    assert "sleeps of 55 us count for nothing" in judge_gil(naps).why
    assert "sleeps" not in judge_gil(evidence()).why.partition("longer")[0].replace("or sleeps for", "")


def test_one_batch_of_each_kind_is_unclear():
    """The load moved, not the code: a release and a moment each need two batches that say so."""
    assert judge_gil(evidence(batch(share=0.0), batch(share=0.9))).outcome == "unclear"


def test_a_ticker_that_does_not_move_beside_the_control_is_unclear():
    """Silence proves nothing where even the control is silent."""
    stuck = [batch(ticks=0, share=0.0, control_ticks=1, control_share=0.01)] * 3
    assert judge_gil(evidence(*stuck)).outcome == "unclear"
    assert judge_gil(GilEvidence(())).outcome == "unclear"


def test_a_changed_switch_interval_fails_both_claims():
    """Whoever changes it makes the ticker ask for the GIL, and every tick worthless."""
    for claim in ("released", "held"):
        decision = judge_gil(evidence(interval_changed=True), claim)
        assert (decision.outcome, decision.state) == ("failed", "tampered")


def test_the_claim_is_void_without_a_gil():
    """On a free-threaded interpreter there is nothing to release."""
    decision = judge_gil(GilEvidence((), gil=False, gil_before=False))
    assert (decision.outcome, decision.state) == ("unclear", "void")
    assert "void" in decision.why


def test_switching_the_gil_back_on_fails():
    """An extension module that is not safe without the GIL takes it from everybody; PYTHON_GIL=1 is no fault."""
    decision = judge_gil(evidence(gil_before=False))
    assert (decision.outcome, decision.state) == ("failed", "held")
    assert "switched back on" in decision.why
    assert judge_gil(evidence(gil_before=True)).outcome == "passed"


def test_with_the_gil_switched_back_on_held_is_measured():
    """There is a GIL, so that a call holds it is a question like any other."""
    assert judge_gil(evidence(gil_before=False), "held").outcome == "failed"
    assert judge_gil(evidence(*[batch(0, 0.0)] * 3, gil_before=False), "held").outcome == "passed"


def test_what_was_disturbed_carries_no_verdict():
    """A tracer that goes on, or a lock not obtained: unclear, with that reason, for both claims."""
    for claim in ("released", "held"):
        decision = judge_gil(evidence(disturbed="contended"), claim)
        assert (decision.outcome, decision.why) == ("unclear", "contended")
