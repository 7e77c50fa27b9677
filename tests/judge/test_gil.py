from __future__ import annotations

import pytest

from pytest_efficiency.judge.gil import GilEvidence, Hold, TickBatch, judge_gil


def batch(ticks=500, share=0.99, control_ticks=1000, control_share=0.99, seconds=0.02):
    return TickBatch(ticks, share, control_ticks, control_share, seconds)


def evidence(*batches, hold=None, **options):
    # Code that lets go for moments sleeps for most of its time.
    options.setdefault("busy", 0.35 if hold is MOMENTS else 1.0)
    return GilEvidence(batches or (batch(), batch(), batch()), hold, **options)


# Holds as they were measured: of code that works without the GIL, sleeps without it, lets go for moments, and works
# without it in pieces hardly longer than a hold.
WORKING, SLEEPING, MOMENTS = Hold(30, 0.78, 0.1, 0.97), Hold(60, 0.003, 0.12, 1.0), Hold(58, 0.05, 1.0, 0.97)
PIECES = Hold(30, 0.55, 0.8, 0.97)


def test_ticks_all_the_time_are_a_release():
    """As many ticks as beside the control, and the call goes on while the GIL is away."""
    decision = judge_gil(evidence(hold=WORKING))
    assert (decision.outcome, decision.state) == ("passed", "released")
    assert decision.ticks == 1500
    assert decision.share == pytest.approx(1.0)


def test_no_tick_is_held():
    """Zero ticks refute a release and establish that the GIL is held."""
    silent = evidence(*[batch(ticks=0, share=0.0)] * 3)
    assert judge_gil(silent).outcome == "failed"
    assert judge_gil(silent).state == "held"
    assert judge_gil(silent, "held").outcome == "passed"


def test_a_release_is_not_held():
    """The two claims exclude each other."""
    assert judge_gil(evidence(hold=WORKING), "held").outcome == "failed"


@pytest.mark.parametrize(("share", "state"), [(0.29, "moments"), (0.31, "released")])
def test_the_share_is_relative_to_the_control(share, state):
    """Beside two busy loops the control itself gets half of the time, and that is its 100 %."""
    loaded = [batch(share=share * 0.5, control_share=0.5)] * 3
    assert judge_gil(evidence(*loaded)).state == state


@pytest.mark.parametrize(("ticks", "state"), [(1, "moments"), (2, "released")])
def test_a_release_needs_five_ticks(ticks, state):
    """A few ticks are chance, however large a share of a short batch they cover."""
    assert judge_gil(evidence(*[batch(ticks=ticks)] * 3)).state == state


@pytest.mark.parametrize(
    ("hold", "state"), [(WORKING, "released"), (PIECES, "released"), (SLEEPING, "released"), (MOMENTS, "moments")]
)
def test_a_hold_tells_a_useful_release_from_a_moment(hold, state):
    """Ticks alone cannot: all of them let the ticker in all the time."""
    assert judge_gil(evidence(hold=hold)).state == state


@pytest.mark.parametrize(("busy", "state"), [(0.1, "released"), (0.9, "moments")])
def test_without_the_kernels_word_sleeping_calls_use_ticks_alone(busy, state):
    """A call that sleeps does not go on during a hold either, so that proves nothing against it."""
    assert judge_gil(evidence(hold=Hold(30, 0.05, None, 0.97), busy=busy)).state == state


def test_moments_refute_a_release_and_leave_held_unclear():
    """Whether a moment is seen is chance, and chance gives no red."""
    assert judge_gil(evidence(hold=MOMENTS)).outcome == "failed"
    assert judge_gil(evidence(hold=MOMENTS), "held").outcome == "unclear"


@pytest.mark.parametrize(
    "hold",
    [Hold(3, 0.8, 0.0, 0.97), Hold(30, 0.8, None, 0.3), Hold(30, 0.2, 0.7, 0.97), Hold(30, 0.29, 0.67, 0.97)],
    ids=["few", "control", "waiting sometimes", "contradicting"],
)
def test_a_hold_that_says_nothing_is_unclear(hold):
    """Few holds, a control that stood still itself, or a thread that seems to do both."""
    assert judge_gil(evidence(hold=hold)).outcome == "unclear"


@pytest.mark.parametrize(
    ("share", "work", "busy", "state"),
    [
        (0.3, 1.0, 1.0, "released"),
        (0.2, 1.0, 1.0, "released"),
        (0.1, 1.0, 1.0, "unclear"),
        (0.03, 1.0, 1.0, "unclear"),
        (0.03, 1.0, 0.35, "moments"),
        (0.1, 0.3, 0.35, "moments"),
    ],
    ids=["160 us", "120 us", "60 us", "16 us", "a moment at work", "a moment asleep"],
)
def test_pieces_are_told_from_moments_by_work_length_and_sleep(share, work, busy, state):
    """A chain of NumPy calls waits at the end of every hold, as moments do; but it never sleeps, so it is never red."""
    batches = [TickBatch(500, 0.99, 1000, 0.99, 0.02, work=work * 0.9, control_work=0.9)] * 3
    assert judge_gil(evidence(*batches, hold=Hold(30, share, 1.0, 0.97), busy=busy)).state == state


def test_a_burst_of_load_is_unclear():
    """A low share on average, one batch far above it, and a call that goes on: the load moved, not the code."""
    batches = [batch(share=0.05), batch(share=0.1), batch(share=0.6)]
    assert judge_gil(evidence(*batches, hold=SLEEPING)).outcome == "unclear"
    assert judge_gil(evidence(*batches, hold=MOMENTS)).state == "moments"


def test_a_ticker_that_does_not_move_beside_the_control_is_unclear():
    """Silence proves nothing where even the control is silent."""
    stuck = [batch(ticks=0, share=0.0, control_ticks=1, control_share=0.01)] * 3
    assert judge_gil(evidence(*stuck)).outcome == "unclear"
    assert judge_gil(GilEvidence(())).outcome == "unclear"


def test_a_changed_switch_interval_fails_both_claims():
    """Whoever changes it makes the ticker ask for the GIL, and every tick worthless."""
    for claim in ("released", "held"):
        decision = judge_gil(evidence(hold=WORKING, interval_changed=True), claim)
        assert (decision.outcome, decision.state) == ("failed", "tampered")


def test_the_claim_is_void_without_a_gil():
    """On a free-threaded interpreter there is nothing to release."""
    decision = judge_gil(GilEvidence((), gil=False, gil_before=False))
    assert (decision.outcome, decision.state) == ("unclear", "void")
    assert "void" in decision.why


def test_switching_the_gil_back_on_fails():
    """An extension module that is not safe without the GIL takes it from everybody; PYTHON_GIL=1 is no fault."""
    decision = judge_gil(evidence(hold=WORKING, gil_before=False))
    assert (decision.outcome, decision.state) == ("failed", "held")
    assert "switched back on" in decision.why
    assert judge_gil(evidence(hold=WORKING, gil_before=True)).outcome == "passed"


def test_with_the_gil_switched_back_on_held_is_measured():
    """There is a GIL, so that a call holds it is a question like any other."""
    assert judge_gil(evidence(hold=WORKING, gil_before=False), "held").outcome == "failed"
    assert judge_gil(evidence(*[batch(0, 0.0)] * 3, gil_before=False), "held").outcome == "passed"


def test_what_was_disturbed_carries_no_verdict():
    """A tracer that goes on, or a lock not obtained: unclear, with that reason, for both claims."""
    for claim in ("released", "held"):
        decision = judge_gil(evidence(hold=WORKING, disturbed="contended"), claim)
        assert (decision.outcome, decision.why) == ("unclear", "contended")
