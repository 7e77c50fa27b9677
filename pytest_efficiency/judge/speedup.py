"""How rounds of timings become an answer to "the candidate is at least R times as fast as the reference".

Pure: numbers in, a decision out. The rules and the measurements behind every constant are those of the measuring
notes (speedup, rules 3 and 5 to 8); each constant names its rule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.judge.decision import Decision
from pytest_efficiency.judge.statistics import median, share_of_error, trimmed_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_efficiency.result import Outcome

# Rule 7: how many rounds there are at each look, and what all looks together may err.
LOOKS = (3, 4, 5, 6, 8, 10, 13, 16, 20, 26, 32, 40, 50, 64, 80, 100, 128, 160, 200, 256, 320, 400)
_LOOK_AT = {size: look for look, size in enumerate(LOOKS, start=1)}
ERROR = 0.001
SPREAD_FLOOR = 0.01
# What is shown is the interval of one look alone: that of all looks together reaches from 0.3x to 5000x after 3 rounds.
LIKELY = 0.01
# Fewer rounds than this that say nothing were too few: the next ones are added to them.
FEW = 32
# Rule 6: the first five rounds on one side by this factor need no statistics.
EARLY_ROUNDS = 5
EARLY = math.log(1.5)
# Rule 8: the ratio itself moves by up to 18 % for 0.1 to 2 s (a neighbour on the sibling hyper-thread, memory
# bandwidth, where arrays lie), so inside this zone one look proves nothing, however narrow its interval.
NEAR = math.log(1.2)
WAITS = (0.3, 1.0, 3.0)
# Rule 3: what a stopped reference must have used, as a multiple of the claim, and how often.
STOPPED = math.log(1.25)
STOPPED_ROUNDS = 2
# A wall-clock round in which threads that could have run waited longer than this says more about the neighbours.
CONTENDED = 0.05
# CPU time that the candidate's worker burns outside its calls is charged beyond this much more than the reference's.
ELSEWHERE_FACTOR, ELSEWHERE_SECONDS = 1.25, 50e-6
# A charge this small may be the scatter of decoding on a busy machine: it can take a pass away, and not fail by itself.
ELSEWHERE_SCATTER = 500e-6
# Claim or not, an interval of this half-width (in ln) answers the question "how many times?".
PRECISE = math.log(1.03)


@dataclass(frozen=True)
class Round:
    """One batch of calls on either side, made within moments of each other.

    Attributes:
        reference, candidate: seconds per call on ``clock``.
        clock: "CPU time" or "wall time", the one that was chosen for this pair.
        reference_cpu, reference_wall, candidate_cpu, candidate_wall: seconds per call on both clocks.
        reference_calls, candidate_calls: how many calls the batches held.
        reference_elsewhere, candidate_elsewhere: CPU seconds per batch that the workers spent outside the calls.
        at_most: ``candidate`` is an upper bound: its batch was no longer than what the channel to its worker costs.
        stopped: the reference was stopped at its CPU limit: it takes at least ``reference`` seconds.
        waiting: share of the wall time in which threads that could have run had to wait for a core; 0.0 where the
            clock or the equal length of the batches makes it harmless.
        void: why this round can carry no verdict (a tracer that could not be suspended, a lock not obtained).
    """

    reference: float
    candidate: float
    clock: str
    reference_cpu: float = math.nan
    reference_wall: float = math.nan
    candidate_cpu: float = math.nan
    candidate_wall: float = math.nan
    reference_calls: int = 1
    candidate_calls: int = 1
    reference_elsewhere: float = 0.0
    candidate_elsewhere: float = 0.0
    stopped: bool = False
    at_most: bool = False
    waiting: float = 0.0
    void: str = ""


@dataclass(frozen=True)
class SpeedupDecision(Decision):
    """A `Decision` with what the next step and the report need.

    Attributes:
        wants: "more" rounds, or to "look again" after a pause (near the claim, or nothing usable was measured); None
            when measuring is over. Rounds stop as soon as this is not "more".
        side: on which side of the claim this look is, also when it is too near for a verdict; None: it cannot tell.
        likely: the 99 % confidence interval of ``value`` from this look alone, for reports. ``interval`` decides, and
            allows for all looks together.
        headroom: value / claim; NaN without a claim.
        clock: what was read, "" before the first round.
        rounds: how many usable rounds this rests on.
        noisy: there were too few rounds for their scatter, and nothing else was wrong with them: more would decide.
        wait: seconds to wait before the next look (from `judge_looks`).
        notes: lines for the report.
    """

    wants: Literal["more", "look again"] | None = None
    side: Literal["passed", "failed"] | None = None
    likely: tuple[float, float] = (0.0, math.inf)
    headroom: float = math.nan
    clock: str = ""
    rounds: int = 0
    noisy: bool = False
    wait: float = 0.0
    notes: tuple[str, ...] = ()


def check_claim(claim: float) -> float:
    """The claim as a float, or a `ClaimError` when no ratio can be held against it."""
    try:
        ratio = float(claim)
    except (TypeError, ValueError):
        ratio = math.nan
    if not (math.isfinite(ratio) and ratio > 0.0):
        msg = f"a speedup is claimed as a number above zero, found {claim!r}; write e.g. `speedup(f, over=g) >= 20`"
        raise ClaimError(msg)
    return ratio


def _usable(value: float) -> bool:
    return math.isfinite(value) and value > 0.0


def _charge(rounds: Sequence[Round]) -> tuple[float, str]:
    """CPU seconds a batch to add to the candidate's, and the line that says so.

    Work peeked at early (in *put*) or done late (in *get*, or while idle) would otherwise be free. The median: one
    stale reading of a worker's clock must not charge an honest candidate.
    """
    # A stopped worker gave no receipt, so nobody knows what it spent.
    rounds = [r for r in rounds if not r.stopped]
    theirs = median([r.candidate_elsewhere for r in rounds])
    ours = median([r.reference_elsewhere for r in rounds])
    excess = median([r.candidate_elsewhere - r.reference_elsewhere for r in rounds])
    if not theirs > ELSEWHERE_FACTOR * ours + ELSEWHERE_SECONDS or not excess > 0.0:
        return 0.0, ""
    return excess, (
        f"{excess * 1e3:.3g} ms of CPU time a batch were spent outside the calls and are charged to the candidate"
    )


def _log_ratio(r: Round, claim: float, charge: float) -> float:
    """ln(reference / candidate) - ln(claim); a difference of logarithms, because the quotient may overflow."""
    candidate = r.candidate + charge / max(r.candidate_calls, 1)
    return math.log(r.reference) - math.log(candidate) - math.log(claim)


def _exp(value: float) -> float:
    return math.exp(value) if value < 700.0 else math.inf


def judge_speedup(rounds: Sequence[Round], claim: float | None, *, ended: bool = False) -> SpeedupDecision:
    """What the rounds of one look say about "at least ``claim`` times as fast".

    Call it after every round with all rounds of this look so far and stop when ``wants`` is no longer "more"; when
    the meter has no more rounds to give, call it once with ``ended=True``. Never a verdict from one round.

    Args:
        rounds: all rounds since the look began, in order.
        claim: the ratio claimed; None measures until the ratio itself is known to 3 %.
        ended: no further rounds will come (budget).

    Raises:
        ClaimError: ``claim`` is not a finite number above zero.
    """
    against = 1.0 if claim is None else check_claim(claim)
    ended = ended or len(rounds) >= LOOKS[-1]
    look = _LOOK_AT.get(len(rounds))
    if look is None and not ended and len(rounds) > LOOKS[0] and not (rounds[-1].stopped or rounds[-1].void):
        # Between two looks nothing is computed: a round may be as short as 0.2 ms.
        return _more(len(rounds))
    for r in rounds:
        if r.void:
            return SpeedupDecision(None, math.nan, (0.0, math.inf), r.void, wants="look again", clock=r.clock)
    usable = [r for r in rounds if _usable(r.reference) and _usable(r.candidate)]
    n = len(usable)
    if claim is not None and any(r.stopped for r in usable):
        stopped = _judge_stopped(usable, against)
        if stopped is not None:
            return stopped
    if look is None:
        if not ended:
            return _more(n)
        look = sum(size < len(rounds) for size in LOOKS) + 1
    if n < LOOKS[0] and not ended:
        return _more(n)
    if n < LOOKS[0]:
        return _nothing(rounds, n)
    return _judge_look(usable, against, look, claimed=claim is not None, ended=ended)


def _more(rounds: int) -> SpeedupDecision:
    return SpeedupDecision(None, math.nan, (0.0, math.inf), "more rounds", wants="more", rounds=rounds)


def _judge_stopped(usable: Sequence[Round], claim: float) -> SpeedupDecision | None:
    """Rule 3. A whole round counts as well: what a stopped reference proves, one that ran to its end proves too.

    Two outliers among many rounds are none: at least two thirds of them have to say the same.
    """
    charge, note = _charge(usable)
    far = [r for r in usable if _log_ratio(r, claim, charge) >= STOPPED]
    if len(far) < max(STOPPED_ROUNDS, 2.0 * len(usable) / 3.0):
        return None
    least = min(_log_ratio(r, claim, charge) for r in far)
    value = claim * _exp(least)
    why = f"the reference was stopped after {STOPPED_ROUNDS} x {_exp(STOPPED):g} times the claim or more"
    return SpeedupDecision(
        "passed",
        value,
        (value, math.inf),
        why,
        side="passed",
        likely=(value, math.inf),
        headroom=_exp(least),
        clock=usable[-1].clock,
        rounds=len(usable),
        notes=tuple(filter(None, (note, "the ratio is a lower bound: the reference was not run to its end"))),
    )


def _nothing(rounds: Sequence[Round], usable: int) -> SpeedupDecision:
    bad = len(rounds) - usable
    why = f"only {usable} of the {LOOKS[0]} rounds that the smallest verdict needs could be measured"
    if bad > 0:
        why += f"; {bad} took no time that the clock can tell from zero: make each call do more work"
    clock = rounds[-1].clock if rounds else ""
    return SpeedupDecision(None, math.nan, (0.0, math.inf), why, wants="look again", clock=clock, rounds=usable)


def _judge_look(rounds: Sequence[Round], claim: float, look: int, *, claimed: bool, ended: bool) -> SpeedupDecision:
    charge, note = _charge(rounds)
    # A stopped round counts with its lower bound, which can only hold a pass back.
    x = [_log_ratio(r, claim, charge) for r in rounds]
    stopped = any(r.stopped for r in rounds)
    mean, low, high = trimmed_interval(x, share_of_error(look, ERROR), floor=SPREAD_FLOOR)
    _, likely_low, likely_high = trimmed_interval(x, LIKELY, floor=SPREAD_FLOOR)
    side: Literal["passed", "failed"] | None = "passed" if low > 0.0 else "failed" if high < 0.0 else None
    this = SpeedupDecision(
        None,
        claim * _exp(mean),
        (claim * _exp(low), math.inf if stopped else claim * _exp(high)),
        "",
        side=side if claimed else None,
        likely=(claim * _exp(likely_low), math.inf if stopped else claim * _exp(likely_high)),
        headroom=_exp(mean) if claimed else math.nan,
        clock=rounds[-1].clock,
        rounds=len(rounds),
        notes=(note,) if note else (),
    )
    if not claimed:
        precise = high - low <= 2.0 * PRECISE
        why = "the ratio is known to 3 %" if precise else "all that the budget allowed" if ended else "more rounds"
        return replace(this, wants=None if precise or ended else "more", why=why)

    outcome, why = _beyond(rounds, x, (mean, low, high), claim, charge)
    if outcome is not None:
        contended = median([r.waiting for r in rounds])
        if rounds[-1].clock == "wall time" and contended > CONTENDED:
            why = (
                f"contended: threads that could run waited for a core for {contended:.0%} of the time, "
                f"which the wall clock cannot tell from work"
            )
            return replace(this, wants="look again", side=None, why=why)
        if low * high <= 0.0:
            # The early exit rests on the rounds themselves, and so does what is shown: a t interval of five rounds may
            # reach across the claim that all of them are far away from.
            low, high = claim * _exp(min(x)), claim * _exp(max(x))
            this = replace(this, interval=(low, high), likely=(low, high))
        if outcome == "failed":
            doubt = _doubt(rounds, x, claim, charge)
            if doubt:
                return replace(this, wants="look again", side=None, why=doubt)
        return replace(this, outcome=outcome, side=outcome, why=why)
    inside = low > -NEAR and high < NEAR
    if side is not None and (ended or (abs(mean) < NEAR and high - low < NEAR / 2.0)):
        if abs(mean) >= NEAR:
            why = "too noisy for the rounds that the budget allowed"
            return replace(this, wants="look again", why=why, noisy=len(rounds) < FEW)
        return replace(this, wants="look again", why="within 20 % of the claim, where the ratio itself moves")
    if ended:
        why = "cannot be told from the claim" if inside else "too noisy for the rounds that the budget allowed"
        return replace(this, wants="look again", why=why, noisy=not inside and len(rounds) < FEW)
    return replace(this, wants="more", why="more rounds")


def _doubt(rounds: Sequence[Round], x: Sequence[float], claim: float, charge: float) -> str:
    """Why a failure may be the channel's doing, or that of our own limit, and not the candidate's; or nothing."""
    if any(r.stopped for r in rounds):
        return "the reference was stopped too early: the candidate turned out to be slower than its first calls"
    if 2 * sum(r.at_most for r in rounds) > len(rounds):
        return "the candidate's batch is too short to be told from the channel to its worker: use larger inputs"
    if 0.0 < charge < ELSEWHERE_SCATTER and median([_log_ratio(r, claim, 0.0) for r in rounds]) > 0.0 > median(x):
        return "CPU time outside the calls decides, and it is too short to be told from scatter: use larger inputs"
    return ""


def _beyond(
    rounds: Sequence[Round], x: Sequence[float], ends: tuple[float, float, float], claim: float, charge: float
) -> tuple[Literal["passed", "failed"] | None, str]:
    """Rules 6 and 7: the verdict where the claim is far enough away, else None.

    The estimate has to lie beyond the zone, its interval (which is sure to 0.1 % at all looks together) beyond half of
    it: waiting for the whole interval made a ratio 25 % away take five seconds instead of a fraction of one.
    """
    mean, low, high = ends
    if len(x) == EARLY_ROUNDS:
        # The minima must agree, because five rounds may all lie in one burst of somebody else's work.
        fastest = math.log(min(r.reference for r in rounds)) - math.log(
            min(r.candidate + charge / max(r.candidate_calls, 1) for r in rounds)
        )
        fastest -= math.log(claim)
        if min(*x, fastest) > EARLY:
            return "passed", f"the first {EARLY_ROUNDS} rounds are all more than 1.5 times above the claim"
        if max(*x, fastest) < -EARLY:
            return "failed", f"the first {EARLY_ROUNDS} rounds are all more than 1.5 times below the claim"
    if mean > NEAR and low > NEAR / 2.0:
        return "passed", "the ratio is more than 20 % above the claim"
    if mean < -NEAR and high < -NEAR / 2.0:
        return "failed", "the ratio is more than 20 % below the claim"
    return None, ""


def judge_looks(looks: Sequence[SpeedupDecision], *, waits: Sequence[float] = WAITS) -> SpeedupDecision:
    """Rule 8: what the looks so far say together; ``outcome`` None with ``wait`` set asks for another look.

    * A first look beyond 20 % of the claim decides at once; so does the first usable one after looks that could not
      measure (contended, too noisy, below the clock's resolution).
    * Nearer, every look must be on the same side. Two that differ, or one that cannot tell its side although its
      interval is narrow, are *unclear* without further waiting.
    """
    if not looks:
        msg = "judge_looks was asked about no looks at all; hand it the decisions of at least one"
        raise ValueError(msg)
    last = looks[-1]
    if last.outcome is None and last.wants is None:
        return last  # no claim: the ratio itself was asked for, and is known
    told = [look for look in looks if look.side is not None]
    if len(told) == 1 and last.outcome is not None:
        return last
    sides = {look.side for look in told}
    narrow = any(_narrow(look) for look in looks)
    summary = _summary(told or looks)
    if len(sides) > 1:
        each = ", ".join(f"{look.value:.3g}x" for look in told)
        return _end(summary, "unclear", f"looks at different moments disagree ({each}): too near the claim", looks)
    if narrow:
        return _end(summary, "unclear", last.why, looks)
    if len(looks) <= len(waits):
        # Rounds that only were too few are added to at once; waiting is for phases.
        wait = 0.0 if last.noisy else waits[len(looks) - 1]
        return replace(summary, outcome=None, wants="look again", wait=wait, why=last.why)
    # One look may have been lost to noise; with fewer left, "all agree" would say nothing about phases of seconds.
    if len(told) >= len(waits) and told[0].side is not None:
        return _end(summary, told[0].side, f"within 20 % of the claim, but {len(told)} looks agree", looks)
    return _end(summary, "unclear", last.why, looks)


def _narrow(look: SpeedupDecision) -> bool:
    """Whether the interval is narrow and holds the claim (a contended look may be narrow and lie beside it)."""
    low, high = look.interval
    if look.side is not None or not (low > 0.0 and math.isfinite(high) and math.isfinite(look.headroom)):
        return False
    return low * look.headroom <= look.value <= high * look.headroom and math.log(high / low) < 2.0 * NEAR


def _summary(looks: Sequence[SpeedupDecision]) -> SpeedupDecision:
    """The look with the least headroom in its own direction, with an interval that covers all of them."""
    measured = [look for look in looks if math.isfinite(look.value)]
    if not measured:
        return looks[-1]
    middle = sorted(measured, key=lambda look: look.value)[len(measured) // 2]
    interval = min(look.interval[0] for look in measured), max(look.interval[1] for look in measured)
    likely = min(look.likely[0] for look in measured), max(look.likely[1] for look in measured)
    return replace(middle, interval=interval, likely=likely, rounds=sum(look.rounds for look in looks))


def _end(summary: SpeedupDecision, outcome: Outcome, why: str, looks: Sequence[SpeedupDecision]) -> SpeedupDecision:
    each = tuple(
        f"look {number}: {look.value:.3g}x [{look.likely[0]:.3g}, {look.likely[1]:.3g}], {look.why}"
        for number, look in enumerate(looks, start=1)
    )
    return replace(summary, outcome=outcome, wants=None, wait=0.0, why=why, notes=(*summary.notes, *each))
