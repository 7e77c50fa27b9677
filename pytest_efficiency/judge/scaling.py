"""Judges "grows at most like f(n)" by the local exponent at the tail. Pure: no clock, no subject, no unseeded chance.

Which class a curve belongs to needs its whole shape, and every real curve has call overhead at small n and cache steps
in the middle. A bound at the tail needs the slope there alone, and it can only be refuted, never established.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.judge.classes import GrowthClass, parse_class
from pytest_efficiency.judge.counts import Counts, fit_counts
from pytest_efficiency.judge.decision import Decision
from pytest_efficiency.judge.shape import Shape, shape_of
from pytest_efficiency.judge.tail import CONFIDENCE, Sampling, Tail, tails_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_efficiency.result import Outcome

Evidence = Literal["time", "shape", "interpreter steps", "counter"]
Wants = Literal["more", "escalate", "weigh"]

FEWEST_SIZES = 4
SMALLEST_RANGE = 4.0
FEWEST_ROUNDS = 4
MOST_ROUNDS = 16
_ENOUGH_ROUNDS = 6

_BEND = 0.10
_LATE_BEND = 0.05
_STEEP_BEND, _STEEP_SHARE = 0.20, 0.25


@dataclass(frozen=True)
class ScalingDecision(Decision):
    """A `Decision` whose value is an exponent: the slope of the tail on log-log paper.

    Attributes:
        bound: the exponent from which on the claim is refuted: midway between the claim's own and the next group's.
        claimed: the claim's own exponent over the same sizes.
        window: smallest and largest n of the window that decided.
        holds_up_to: the largest n up to which the claim was seen to hold; None if nowhere.
        evidence: what decided: the slope of the "time" at the tail, the "shape" of the whole curve, or counts.
        share: where the shape decided, the part of the time at n_max that classes above the claim hold.
        wants: what would help where ``outcome`` is None: "more" rounds, to "escalate" to larger sizes, or to "weigh"
            how much memory the largest size needs.
    """

    bound: float = math.nan
    claimed: float = math.nan
    window: tuple[float, float] = (math.nan, math.nan)
    holds_up_to: float | None = None
    evidence: Evidence = "time"
    share: float = math.nan
    wants: Wants | None = None
    details: tuple[str, ...] = field(default=())

    @property
    def exponent(self) -> float:
        """The measured exponent."""
        return self.value


def judge_counts(counts: Counts | None, claim: GrowthClass | str) -> ScalingDecision | None:
    """Reject on counts of steps alone, before anything is timed; None where they do not reject."""
    growth = parse_class(claim)
    fit = fit_counts(counts, growth) if counts is not None else None
    if counts is None or fit is None or not fit.rejects:
        return None
    largest = counts.sizes[-1]
    steps_fit = f"{fit.best} fits best" if fit.best.order > growth.order else f"they grow faster than {growth}"
    why = (
        f"{counts.source} outgrow {growth}: {_cut(counts.means[0])} at n = {_cut(counts.sizes[0])}, "
        f"{_cut(counts.means[-1])} at n = {_cut(largest)}; {steps_fit}, and {growth} misses the counts "
        f"by {fit.misfit:.0%}"
    )
    return ScalingDecision(
        "failed",
        fit.exponent,
        (fit.exponent, fit.exponent),
        why,
        bound=growth.local_exponent(largest),
        claimed=growth.local_exponent(largest),
        window=(counts.sizes[len(counts.sizes) // 2], largest),
        evidence="interpreter steps" if counts.source == "interpreter steps" else "counter",
    )


def judge_counter(counts: Counts, claim: GrowthClass | str) -> ScalingDecision:
    """Decide on the caller's own counts alone: what they count is what is claimed, so here they acquit as well."""
    growth = parse_class(claim)
    rejected = judge_counts(counts, growth)
    if rejected is not None:
        return rejected
    fit = fit_counts(counts, growth)
    if fit is None:
        why = (
            f"{counts.source} over n = {', '.join(map(_cut, counts.sizes)) or 'none'} are too few to tell their growth"
        )
        return ScalingDecision("unclear", math.nan, (-math.inf, math.inf), why, evidence="counter")
    largest = counts.sizes[-1]
    why = f"{counts.source} stay within {growth}: {_cut(counts.means[-1])} at n = {_cut(largest)}; {fit.best} fits best"
    return ScalingDecision(
        "passed",
        fit.exponent,
        (fit.exponent, fit.exponent),
        why,
        bound=growth.local_exponent(largest),
        claimed=growth.local_exponent(largest),
        window=(counts.sizes[len(counts.sizes) // 2], largest),
        holds_up_to=largest,
        evidence="counter",
    )


def judge_scaling(
    sampling: Sampling,
    counts: Counts | None,
    claim: GrowthClass | str,
    *,
    escalated: bool = False,
    seed: int = 0,
) -> ScalingDecision:
    """Say whether the samples refute "grows at most like ``claim``"; ``outcome`` None asks for what ``wants`` says.

    The tail's exponent is taken over three windows, and their minimum counts. It must exceed the midpoint between the
    claim's own exponent and the next group's with its whole interval to fail, and stay below with its whole interval to
    pass. Where a higher class explains the shape of the whole curve far better, the claim fails as well, or the ladder
    is made longer before it passes; see `shape`.

    Args:
        sampling: what was measured so far.
        counts: interpreter steps, where there are any; they may reject and never acquit.
        claim: the class of growth.
        escalated: the ladder has been made longer once already.
        seed: of the bootstrap.

    Raises:
        ClaimError: the class is unknown, or the sizes are no ascending numbers.
    """
    growth = parse_class(claim)
    _check(sampling)
    if (rejected := judge_counts(counts, growth)) is not None:
        return rejected
    if reason := _unusable(sampling):
        return ScalingDecision("unclear", math.nan, (-math.inf, math.inf), reason)
    if sampling.rounds < FEWEST_ROUNDS:
        if sampling.exhausted:
            reason = f"the time budget was used up after {sampling.rounds} of at least {FEWEST_ROUNDS} rounds"
            return ScalingDecision("unclear", math.nan, (-math.inf, math.inf), reason)
        return ScalingDecision(None, math.nan, (-math.inf, math.inf), "too few rounds yet", wants="more")
    tails = tails_of(sampling, growth, seed)
    decisive = min(tails, key=lambda tail: tail.excess)
    low, high = min(tail.low for tail in tails), min(tail.high for tail in tails)
    best = replace(decisive, low=low, high=high)
    shape = shape_of(sampling, growth)
    may_escalate = not escalated and sampling.can_escalate and not sampling.exhausted
    bend = tails[0].slope - tails[-1].slope
    if low > 0:
        if may_escalate and bend < -_BEND:
            pending = "too steep, but flattening: longer calls will tell"
            return _decision(None, sampling, growth, best, pending, "escalate")
        return _decision("failed", sampling, growth, best, "")
    if shape.likely and sampling.in_cache is None:
        pending = "a higher class fits, unless memory bends the curve"
        return _decision(None, sampling, growth, best, pending, "weigh")
    refuted = sampling.in_cache is True and shape.likely
    if refuted and (shape.plain or not may_escalate):
        failed = _decision("failed", sampling, growth, best, _by_shape(sampling, growth, shape))
        return replace(failed, evidence="shape", share=shape.share)
    # In memory beyond the cache a true claim may steepen as well; what ends about the bound is no pass there.
    steepening = bend > _STEEP_BEND and shape.share > _STEEP_SHARE
    doubtful = steepening and sampling.in_cache is not True and tails[0].excess > -_BEND
    if high < 0 and (may_escalate or not doubtful):
        if may_escalate and (refuted or steepening or (bend > _LATE_BEND and shape.late)):
            pending = "flat enough, but steepening: longer calls will tell"
            return _decision(None, sampling, growth, best, pending, "escalate")
        return _decision("passed", sampling, growth, best, "")
    # More rounds narrow what differs between rounds, and never the scatter of the sizes about the line.
    narrowing = decisive.repeated[0] <= decisive.bound <= decisive.repeated[1] or sampling.rounds < _ENOUGH_ROUNDS
    may_go_on = (narrowing or sampling.typical) and not sampling.exhausted
    if may_go_on and sampling.rounds < MOST_ROUNDS // 2:
        return _decision(None, sampling, growth, best, "too close to the bound yet", "more")
    if may_escalate:
        return _decision(None, sampling, growth, best, "too close to the bound: longer calls will tell", "escalate")
    if may_go_on and sampling.rounds < MOST_ROUNDS:
        return _decision(None, sampling, growth, best, "too close to the bound yet", "more")
    undecided = _decision("unclear", sampling, growth, best, "")
    return replace(undecided, why=f"{undecided.why}; {_what_would_help(sampling, tails)}")


def _by_shape(sampling: Sampling, claim: GrowthClass, shape: Shape) -> str:
    return (
        f"classes above {claim} hold {shape.share:.0%} of the time at n = {_cut(sampling.sizes[-1])} in the best "
        f"mixture of classes, which misses the times by {shape.full:.1%}; without them it misses by {shape.own:.0%}"
    )


def _what_would_help(sampling: Sampling, tails: Sequence[Tail]) -> str:
    if tails[0].slope - tails[-1].slope > 3.0 * _BEND:
        return (
            f"it steepens to n^{tails[0].slope:.2f} from n = {_cut(tails[0].first)} on, which memory does to many "
            "curves: a reference with over= cancels that, larger sizes would tell a late higher class"
        )
    if sampling.exhausted:
        return "the time budget is used up: give it more, or run it on a quieter machine"
    return "inputs of more even difficulty, or other sizes, would tell"


def _check(sampling: Sampling) -> None:
    sizes = sampling.sizes
    if any(not (math.isfinite(n) and n > 0) for n in sizes):
        wrong = next(n for n in sizes if not (math.isfinite(n) and n > 0))
        msg = f"sizes are positive numbers, but one of them is {wrong!r}. Look at the n that inputs(n) returns"
        raise ClaimError(msg)
    if any(small >= large for small, large in pairwise(sizes)):
        msg = f"sizes must ascend, but they are {', '.join(map(_cut, sizes))}. Look at the n that inputs(n) returns"
        raise ClaimError(msg)


def _unusable(sampling: Sampling) -> str:
    if sampling.problem:
        return sampling.problem
    sizes = sampling.sizes
    if len(sizes) < FEWEST_SIZES or sizes[-1] < SMALLEST_RANGE * sizes[0]:
        why = f" ({sampling.ended})" if sampling.ended else ""
        return (
            f"growth needs at least {FEWEST_SIZES} sizes over a factor of {SMALLEST_RANGE:g}, but only "
            f"n = {', '.join(map(_cut, sizes)) or 'none'} could be measured{why}"
        )
    figures = [one for row in (*sampling.samples, *(sampling.reference or ())) for one in row]
    if sampling.rounds and not all(math.isfinite(one) and one > 0 for one in figures):
        return f"too fast for the clock: {sampling.clock} of a whole batch of calls read as nothing"
    return ""


def _decision(
    outcome: Outcome | None,
    sampling: Sampling,
    claim: GrowthClass,
    tail: Tail,
    pending: str,
    wants: Wants | None = None,
) -> ScalingDecision:
    interval = (tail.low + tail.bound, tail.high + tail.bound)
    largest = sampling.sizes[-1]
    subject = "the ratio of the two times" if sampling.reference is not None else sampling.clock
    why = pending or (
        f"{subject} grows like n^{tail.slope:.2f} ({CONFIDENCE:.0%} interval {interval[0]:.2f} to {interval[1]:.2f}) "
        f"from n = {_cut(tail.first)} to {_cut(largest)}; {claim} is n^{tail.claimed:.2f} there, "
        f"refuted from n^{tail.bound:.2f} on"
    )
    return ScalingDecision(
        outcome,
        tail.slope,
        interval,
        why,
        bound=tail.bound,
        claimed=tail.claimed,
        window=(tail.first, largest),
        holds_up_to=largest if outcome == "passed" else _holds_up_to(sampling, claim),
        wants=wants,
        details=tuple(filter(None, (*sampling.notes, sampling.ended))),
    )


def _holds_up_to(sampling: Sampling, claim: GrowthClass) -> float | None:
    """The largest n before the slope over three neighbours first exceeds the bound and never comes back."""
    seconds = sampling.figures
    sizes = sampling.sizes
    for last in range(len(sizes) - 1, 1, -1):
        slope = math.log(seconds[last] / seconds[last - 2])
        allowed = 0.5 * sum(
            one.log_growth(sizes[last]) - one.log_growth(sizes[last - 2]) for one in (claim.ceiling, claim.next_group)
        )
        if slope <= allowed:
            return sizes[last]
    return None


def _cut(number: float) -> str:
    return f"{number:,.0f}".replace(",", " ") if number >= 100 or number == int(number) else f"{number:.3g}"
