"""Whether a measured peak, or a measured growth per call, keeps a bound in bytes."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from pytest_efficiency.judge.decision import Decision
from pytest_efficiency.judge.sizes import show_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How well the kernel's high-water mark is known: it counts pages per CPU and adds them up 32 or 64 at a time.
PEAK_RESOLUTION = 256 * 1024
# An array is a little more than its elements: its header, rounding up to pages, a few pages of the caller's own.
_PEAK_SLACK = 1.03
_AGREEING = 1.05
# Anything may be loaded or freed during one run, or one round of calls: a verdict rests on two.
_FEWEST = 2
# A sampler that saw nothing for longer than this part of the call may have missed the peak.
_BLIND = 0.25
# A call that leaves these behind once in a round of calls leaks nothing.
_ODD_BYTES = 64.0
_SMALLEST_BLOCK = 16


@dataclass(frozen=True)
class PeakEvidence:
    """The highest resident memory during a call, above what was there before it. All sizes in bytes.

    ``bytes`` is the minimum of the ``runs`` that agree (of all, if ``agreed`` is False). It includes the result, which
    is alive at the end of the call. ``inputs`` and ``outputs`` are the sizes of the arguments and of the result.
    ``sampled``: the kernel's mark could not be reset, a thread read the memory ``samples`` times instead, and ``blind``
    is the longest part of the call in which it did not. ``disturbed``: why none of it can carry a verdict.
    """

    bytes: float
    runs: tuple[float, ...]
    agreed: bool
    inputs: int = 0
    outputs: int = 0
    sampled: bool = False
    samples: int = 0
    blind: float = 0.0
    pinned: bool = True
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    disturbed: str = ""


@dataclass(frozen=True)
class LeakRound:
    """Growth per call over one round of calls: bytes of the C heap (None if unknown), blocks of the Python heap."""

    calls: int
    heap: float | None
    blocks: float


@dataclass(frozen=True)
class LeakEvidence:
    """Growth per call, round by round. ``disturbed``: why none of it can carry a verdict."""

    rounds: tuple[LeakRound, ...]
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    disturbed: str = ""


def agreeing(runs: Sequence[float]) -> float | None:
    """The smallest run that another one agrees with, to 5 % or the resolution of the mark; None if there is none."""
    ordered = sorted(runs)
    for low, high in pairwise(ordered):
        if high <= max(low * _AGREEING, low + PEAK_RESOLUTION):
            return low
    return None


def judge_peak(evidence: PeakEvidence, bound_bytes: float) -> Decision:
    """Whether the peak is at most ``bound_bytes``.

    The mark is known to 256 KiB, so a bound below 1 MiB is passed or failed only from so far away.
    """
    value = evidence.bytes
    if evidence.disturbed:
        return Decision("unclear", value, (-math.inf, math.inf), evidence.disturbed)
    if not all(map(math.isfinite, (value, *evidence.runs))):
        return Decision("unclear", math.nan, (-math.inf, math.inf), "the memory of the process could not be read")
    if len(evidence.runs) < _FEWEST:
        why = f"{len(evidence.runs)} of at least {_FEWEST} runs could be measured"
        return Decision("unclear", value, (-math.inf, math.inf), why)
    interval = (max(0.0, value - PEAK_RESOLUTION), value + PEAK_RESOLUTION)
    if evidence.sampled:
        # A sampler sees some of the memory that was there, never more.
        interval = (interval[0], interval[1] if evidence.blind <= _BLIND else math.inf)
    peak = f"a peak of {show_bytes(value)}"
    if not evidence.agreed:
        shown = ", ".join(show_bytes(run) for run in evidence.runs)
        within = {run <= bound_bytes for run in evidence.runs}
        if len(within) > 1:
            return Decision("unclear", value, interval, f"the runs do not agree on which side they are: {shown}")
        interval = (min(evidence.runs), max(evidence.runs))
    sure = bound_bytes >= 4 * PEAK_RESOLUTION
    if interval[0] > bound_bytes * (_PEAK_SLACK if sure else 1.0):
        return Decision("failed", value, interval, peak)
    if math.isinf(interval[1]):
        why = (
            f"{peak} was sampled, but the sampler saw nothing for {evidence.blind:.0%} of the call; resetting the "
            "kernel's high-water mark needs Linux and a writable /proc/PID/clear_refs"
        )
        return Decision("unclear", value, interval, why)
    if sure or interval[1] <= bound_bytes:
        return Decision("passed", value, interval, f"{peak}, sampled" if evidence.sampled else peak)
    why = (
        f"{peak} is known to {show_bytes(PEAK_RESOLUTION)} only, too coarse for a bound of {show_bytes(bound_bytes)}; "
        "use inputs so large that the bound is 1 MiB or more"
    )
    return Decision("unclear", value, interval, why)


def leaked_per_call(round_: LeakRound) -> float:
    """Bytes; of blocks of the Python heap only the number is known, so this is the least that they occupy."""
    return max(round_.heap or 0.0, round_.blocks * _SMALLEST_BLOCK)


def judge_leak(evidence: LeakEvidence, bound_bytes: float) -> Decision:
    """Whether a call leaves at most ``bound_bytes`` behind, by the round that grew least."""
    if evidence.disturbed:
        return Decision("unclear", math.nan, (-math.inf, math.inf), evidence.disturbed)
    if not all(math.isfinite(one) for round_ in evidence.rounds for one in (round_.heap or 0.0, round_.blocks)):
        return Decision("unclear", math.nan, (-math.inf, math.inf), "the size of the heap could not be read")
    growth = [leaked_per_call(round_) for round_ in evidence.rounds]
    if len(growth) < _FEWEST:
        why = f"{len(growth)} of at least {_FEWEST} rounds of calls could be measured"
        return Decision("unclear", math.nan, (-math.inf, math.inf), why)
    least, most = min(growth), max(growth)
    value, interval = max(0.0, least), (max(0.0, least), max(0.0, most))
    calls = min(round_.calls for round_ in evidence.rounds)
    limit = bound_bytes + max(1.0, _ODD_BYTES / calls)
    rounds = f"in each of {len(growth)} rounds of {calls} calls"
    if least > limit:
        blocks = min(round_.blocks for round_ in evidence.rounds)
        objects = f" ({blocks:.3g} Python blocks)" if blocks > 0 else ""
        return Decision("failed", value, interval, f"every call leaves at least {show_bytes(least)}{objects}, {rounds}")
    grew = sum(each > limit for each in growth)
    late = sum(each > limit for each in growth[len(growth) // 2 :])
    # Bursts: a list or a table that gets larger now and then. A cache that fills grows in the first rounds only.
    if late > 1 and statistics.fmean(growth) > limit:
        why = (
            f"memory grew in {grew} of {len(growth)} rounds, {show_bytes(statistics.fmean(growth))} per call on average"
        )
        return Decision(
            "unclear", value, interval, f"{why}, but not in all: a cache that still fills, or a leak in bursts"
        )
    return Decision("passed", value, interval, f"no growth {rounds}" if most <= 0 else f"no lasting growth {rounds}")
