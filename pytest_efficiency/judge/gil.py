"""Whether what a ticker saw means that a call lets other threads run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pytest_efficiency.judge.decision import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_efficiency.result import Outcome

GilState = Literal["released", "held", "moments", "void", "tampered", "unclear"]
GilClaim = Literal["released", "held"]

# A few ticks may be chance, and anything may happen during one batch: a verdict rests on what two of them say.
_MIN_TICKS = 5
_MIN_BATCHES = 2
# Code that is written to work without the GIL does so for 0.5 of its time even if a call takes 0.4 us and most of that
# is spent crossing into native code; code that does nothing but let go for moments, time.sleep(0) again and again,
# reaches 0.32. Between the two numbers load, and the ticker's own weight, could decide.
_MIN_SHARE, _MAX_MOMENTS = 0.35, 0.3
_MIN_CONTROL_TICKS = 5
_MIN_CONTROL_SHARE = 0.1


@dataclass(frozen=True)
class TickBatch:
    """One batch of calls beside the ticker. Shares are of the batch's time, between 0 and 1.

    ``share``: the time that the call did without the GIL, as far as that is ``known``, in seconds; ``control_share``:
    the time that the control's ticks cover.
    """

    ticks: int
    share: float
    control_ticks: int
    control_share: float
    seconds: float
    calls: int = 1
    known: float = 1.0


@dataclass(frozen=True)
class GilEvidence:
    """Everything that a ticker saw.

    ``busy``: the share of time in which the calling thread did not sleep; ``nap``: the mean time of its sleeps.
    ``gil``: this interpreter has one; ``gil_before``: it had one before the code under test was loaded.
    ``disturbed``: why none of it can carry a verdict (a tracer that goes on, a lock not obtained).
    """

    batches: tuple[TickBatch, ...]
    call_seconds: float = 0.0
    busy: float = 1.0
    nap: float = 0.0
    gil: bool = True
    gil_before: bool = True
    interval_changed: bool = False
    seconds: float = 0.0
    disturbed: str = ""
    notes: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GilDecision(Decision):
    """``value`` is ``share``: the share of its time that the call did without the GIL.

    ``state`` is what the code does, whatever was claimed. "void": this interpreter runs without a GIL; "tampered": the
    code changed the switch interval during the probe.
    """

    state: GilState = "unclear"
    share: float = 0.0
    ticks: int = 0


def _are_figures(values: Iterable[float]) -> bool:
    return all(0.0 <= value < math.inf for value in values)


def _without_ticks(evidence: GilEvidence, claim: GilClaim) -> tuple[GilState, str] | None:
    if not evidence.gil:
        return "void", "this interpreter runs without a GIL, so there is nothing to release and the claim is void"
    if not evidence.gil_before and claim == "released":
        return "held", (
            "the GIL was switched back on: this interpreter ran without one before the code under test was loaded. "
            "Some extension module that was imported since does not declare itself safe without it "
            "(Py_MOD_GIL_NOT_USED); Python's RuntimeWarning names it"
        )
    if evidence.disturbed:
        return "unclear", evidence.disturbed
    if evidence.interval_changed:
        return "tampered", "the code under test called sys.setswitchinterval, which forces the GIL from its own hands"
    figures = [
        one for batch in evidence.batches for one in (batch.share, batch.control_share, batch.seconds, batch.known)
    ]
    if not _are_figures(figures):
        return "unclear", "the ticker's clock read times that are none"
    if len(evidence.batches) < _MIN_BATCHES:
        return "unclear", f"{len(evidence.batches)} of at least {_MIN_BATCHES} batches of calls could be measured"
    controls = sum(batch.control_ticks for batch in evidence.batches)
    seconds = sum(batch.seconds for batch in evidence.batches)
    share = sum(batch.control_share * batch.seconds for batch in evidence.batches) / seconds if seconds else 0.0
    if controls < _MIN_CONTROL_TICKS or share < _MIN_CONTROL_SHARE:
        return "unclear", (
            "the machine is too busy: beside code that never needs the GIL the ticker moved for only "
            f"{share:.0%} of the time ({controls} ticks)"
        )
    return None


def _by_ticks(evidence: GilEvidence) -> tuple[GilState, str]:
    ticks = sum(batch.ticks for batch in evidence.batches)
    seconds = sum(batch.seconds for batch in evidence.batches)
    each, share = [batch.share for batch in evidence.batches], _share(evidence)
    if ticks == 0:
        return "held", f"not one tick in {seconds * 1e3:.0f} ms of calls"
    if ticks < _MIN_TICKS:
        return "moments", f"the GIL was seen free {ticks} times in {seconds * 1e3:.0f} ms of calls"
    slept = f"sleeps of {evidence.nap * 1e6:.0f} us count for nothing" if evidence.busy < 1.0 - _MAX_MOMENTS else ""
    without = f"it works, or sleeps for longer than moments, without the GIL for {share:.0%} of its time"
    if share <= _MAX_MOMENTS and sum(one <= _MAX_MOMENTS for one in each) >= _MIN_BATCHES:
        return "moments", f"{without}{slept and f'; {slept}'}"
    if share >= _MIN_SHARE and sum(one >= _MIN_SHARE for one in each) >= _MIN_BATCHES:
        return "released", without
    return "unclear", f"{without}, by single batches of calls for {min(each):.0%} to {max(each):.0%}"


def _share(evidence: GilEvidence) -> float:
    known = sum(batch.known for batch in evidence.batches)
    return sum(batch.share * batch.known for batch in evidence.batches) / known if known else 0.0


def judge_gil(evidence: GilEvidence, claim: GilClaim = "released") -> GilDecision:
    """Released: at least 5 ticks, and 0.35 of the call's time is spent without the GIL, in two batches at least.

    Held: no tick at all. Anything between lets go for moments only, which refutes both; but fewer than 5 ticks, or
    ticks in one batch only, may be chance, and leave "held" unclear.
    """
    ticks = sum(batch.ticks for batch in evidence.batches)
    state, why = _without_ticks(evidence, claim) or _by_ticks(evidence)
    share, each = _share(evidence), [batch.share for batch in evidence.batches] or [0.0]
    chance = ticks < _MIN_TICKS or sum(batch.ticks > 0 for batch in evidence.batches) < _MIN_BATCHES
    undecided = state in {"void", "unclear"} or (state == "moments" and claim == "held" and chance)
    outcome: Outcome = "unclear" if undecided else "passed" if state == claim else "failed"
    return GilDecision(outcome, share, (min(each), max(each)), why, state, share, ticks)
