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

# Over 461 probes of code that holds and code that lets go, quiet and under load, these made no wrong verdict: holding
# code never ticked, releasing code always did.
_MIN_TICKS = 5
# Anything may happen during one batch: a verdict rests on what two of them say.
_MIN_BATCHES = 2
_MIN_SHARE = 0.3
# Code that works without the GIL runs during 0.5-1.0 of a hold. Code that sleeps without it runs during at most 0.07,
# and waits for it at the end of at most half of them. Code that lets go for moments runs during 0.01-0.2, and waits
# at the end of all of them. Code that works without it in pieces shorter than a hold (a chain of NumPy calls) waits at
# the end of all of them too: it runs for half a piece of each hold, on average, where moments give the 5-50 us that
# waking up costs, and it runs in the time between two ticks, in which code that lets go for moments sleeps.
_RUNS, _HARDLY_RUNS, _STANDS = 0.4, 0.25, 0.15
_SELDOM_WAITING, _MOSTLY_WAITING = 0.65, 0.85
_MIN_WORK, _PIECE_US, _SHORT_PIECE_US = 0.6, 50, 20
# Code that lets go for moments sleeps meanwhile: it is awake for 0.24-0.48 of its time, a chain of NumPy calls for all.
_AWAKE = 0.8
_MIN_HOLDS = 6
_MIN_CONTROL_TICKS = 5
_MIN_CONTROL_SHARE = 0.1


@dataclass(frozen=True)
class TickBatch:
    """One batch of calls beside the ticker. Shares are of the batch's time, between 0 and 1.

    ``work`` is the share of the time between ticks in which the calling thread used a CPU.
    """

    ticks: int
    share: float
    control_ticks: int
    control_share: float
    seconds: float
    calls: int = 1
    control_gap: float = 0.0
    work: float | None = None
    control_work: float | None = None


@dataclass(frozen=True)
class Hold:
    """What the calling thread did while the ticker slept on the GIL.

    ``share``: the part of a hold that it ran; ``waiting``: the part of the holds at whose end it waited for the GIL,
    None where the kernel does not tell; ``control_share``: as ``share``, of code that needs no GIL.
    """

    holds: int
    share: float
    waiting: float | None
    control_share: float
    microseconds: int = 300


@dataclass(frozen=True)
class GilEvidence:
    """Everything that a ticker saw. ``busy``: the share of time in which the calling thread did not sleep."""

    batches: tuple[TickBatch, ...]
    hold: Hold | None = None
    call_seconds: float = 0.0
    busy: float = 1.0
    gil: bool = True
    free_threaded: bool = False
    gil_forced: bool = False
    interval_changed: bool = False
    seconds: float = 0.0
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GilDecision(Decision):
    """``value`` is ``share``: the share of time in which the GIL was free, relative to code that never needs it.

    ``state`` is what the code does, whatever was claimed. "void": this interpreter runs without a GIL; "tampered": the
    code changed the switch interval during the probe.
    """

    state: GilState = "unclear"
    share: float = 0.0
    ticks: int = 0


def _relative(batch: TickBatch) -> float:
    return batch.share / batch.control_share if batch.control_share > 0 else 0.0


def _are_figures(values: Iterable[float]) -> bool:
    return all(0.0 <= value < math.inf for value in values)


def _without_ticks(evidence: GilEvidence) -> tuple[GilState, str] | None:
    if not evidence.gil:
        return "void", "this interpreter runs without a GIL, so there is nothing to release and the claim is void"
    if evidence.free_threaded and not evidence.gil_forced:
        return "held", (
            "a free-threaded interpreter had its GIL switched back on: an extension module was imported that does not "
            "declare itself safe without it (Py_MOD_GIL_NOT_USED)"
        )
    if evidence.interval_changed:
        return "tampered", "the code under test called sys.setswitchinterval, which forces the GIL from its own hands"
    figures = [one for batch in evidence.batches for one in (batch.share, batch.control_share, batch.seconds)]
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


def _work(evidence: GilEvidence) -> float:
    """The share of time between ticks that the calling thread worked, relative to the control; 0 if unknown."""
    known = [batch for batch in evidence.batches if batch.work is not None and batch.control_work is not None]
    control = sum((batch.control_work or 0.0) * batch.seconds for batch in known)
    return sum((batch.work or 0.0) * batch.seconds for batch in known) / control if control > 0 else 0.0


def _useful(evidence: GilEvidence) -> tuple[GilState, str]:
    """What a call does that lets go often enough: runs without the GIL, or just lets others slip in."""
    hold = evidence.hold
    if hold is None:
        return "released", "ticks; the call is too short, or the system too bare, to tell how long it runs without it"
    if not _are_figures((hold.share, hold.control_share, hold.waiting or 0.0)):
        return "unclear", "the time that the calling thread ran while the GIL was held could not be read"
    # Where the kernel tells what the thread waits for, nothing has to be compared with the control.
    if hold.holds < _MIN_HOLDS or (hold.waiting is None and hold.control_share < _RUNS):
        return "unclear", f"the calling thread had a CPU in {hold.holds} holds of the GIL: the machine is too busy"
    waiting, asleep = hold.waiting, evidence.busy < 0.5
    if hold.share >= _RUNS:
        return "released", f"it goes on for {hold.share:.0%} of the time in which another thread keeps the GIL"
    if hold.share < _STANDS and (asleep if waiting is None else waiting < _SELDOM_WAITING):
        return "released", "it sleeps, or waits for something else, while another thread keeps the GIL"
    piece = hold.share * hold.microseconds
    if piece >= _SHORT_PIECE_US and _work(evidence) >= _MIN_WORK:
        if piece >= _PIECE_US:
            return "released", f"it works without the GIL in pieces of about {2 * piece:.0f} us"
        return "unclear", f"it works without the GIL in pieces so short ({2 * piece:.0f} us) that they may be moments"
    if hold.share < _HARDLY_RUNS and (not asleep if waiting is None else waiting >= _MOSTLY_WAITING):
        if waiting is not None and evidence.busy >= _AWAKE:
            return "unclear", (
                "it lets go of the GIL often and hardly ever sleeps, so it works without it, but in pieces too short "
                "to be told from moments"
            )
        return "moments", (
            f"it lets go of the GIL, but goes on for only {hold.share:.0%} of the {hold.microseconds} us in which "
            "another thread keeps it"
        )
    return "unclear", (
        f"it goes on for {hold.share:.0%} of the time in which another thread keeps the GIL, yet waits for it at the "
        f"end of {waiting or 0.0:.0%} of these times: the machine is too busy"
    )


def _seems_released(evidence: GilEvidence) -> bool:
    return evidence.hold is not None and _useful(evidence)[0] == "released"


def judge_gil(evidence: GilEvidence, claim: GilClaim = "released") -> GilDecision:
    """Released: at least 5 ticks and 0.3 of the control's share of time, and what runs meanwhile runs on without it.

    Held: no tick at all. Anything between lets go for moments only. That refutes "released"; it leaves "held" unclear,
    because whether a moment is seen is chance.
    """
    ticks = sum(batch.ticks for batch in evidence.batches)
    seconds = sum(batch.seconds for batch in evidence.batches)
    control = sum(batch.control_share * batch.seconds for batch in evidence.batches)
    free = sum(batch.share * batch.seconds for batch in evidence.batches)
    share = free / control if control else 0.0
    each = [_relative(batch) for batch in evidence.batches] or [0.0]
    known = _without_ticks(evidence)
    if known is not None:
        state, why = known
    elif ticks == 0:
        state, why = "held", f"not one tick in {seconds * 1e3:.0f} ms of calls"
    elif ticks < _MIN_TICKS or max(each) < _MIN_SHARE or (share < _MIN_SHARE and not _seems_released(evidence)):
        state, why = "moments", f"the GIL was free for {share:.0%} of the time that it is with code that never needs it"
    elif share < _MIN_SHARE:
        state, why = (
            "unclear",
            f"the GIL was free for {min(each):.0%} to {max(each):.0%} of the time: load came and went",
        )
    elif sum(one >= _MIN_SHARE for one in each) < _MIN_BATCHES:
        state, why = (
            "unclear",
            f"other threads could run in only one of {len(each)} batches of calls: load came and went",
        )
    else:
        state, why = _useful(evidence)
    undecided = state in {"void", "unclear"} or (state == "moments" and claim == "held")
    outcome: Outcome = "unclear" if undecided else "passed" if state == claim else "failed"
    return GilDecision(outcome, share, (min(each), max(each)), why, state, share, ticks)
