"""`scaling`: time grows at most like a class of functions of the size."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import random
from functools import partial
from typing import TYPE_CHECKING, Any

from pytest_efficiency.assertions.claim import Claim, checked_budget, measuring, subject_of
from pytest_efficiency.assertions.wording import class_text, number
from pytest_efficiency.errors import ClaimError
from pytest_efficiency.judge.classes import GrowthClass, parse_class
from pytest_efficiency.judge.scaling import ScalingDecision, judge_counter, judge_counts, judge_scaling
from pytest_efficiency.measure.counter import count_with
from pytest_efficiency.measure.ladder import Ladder
from pytest_efficiency.result import Verdict
from pytest_efficiency.subject.here import subject_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pytest_efficiency.judge.tail import Sampling

_BUDGET = 3.0


def scaling(
    f: Callable[..., Any],
    inputs: Callable[[int], Any],
    *,
    over: Callable[..., Any] | None = None,
    counting: Callable[[], int] | None = None,
    sizes: Sequence[int] | None = None,
    check: Callable[[tuple[Any, ...], Any], object] | None = None,
    budget: float | None = None,
) -> ScalingClaim:
    """Claim how the time of ``f`` may grow: ``assert scaling(f, inputs) <= "n log n"``.

    The bound is one-sided: timing can refute a class and never establish one. No clock tells n from n log n: only
    interpreter steps (Python functions) and ``counting`` see log factors, and the message says what decided.

    Args:
        f: the function. An exercise's is called in a worker of its own.
        inputs: ``inputs(n)`` returns the arguments for size n: a tuple of them, or the only one; or a pair of a tuple
            and the true n, where not every n can be had.
        over: a reference on the same sizes. The *ratio* of the two times is then held against the claim, which cancels
            caches and the allocator: ``scaling(f, inputs, over=sorted) <= "1"``.
        counting: returns the reading of a counter of your own, such as comparisons made so far. What it counts is then
            judged in place of time, and no load disturbs it.
        sizes: the sizes, instead of a ladder that is found by doubling.
        check: ``check(args, result)`` is asked whether a measured result is right: True or None, or a text that says
            what is wrong.
        budget: seconds after which no further round begins (3 by default).

    Returns:
        A `ScalingClaim`: compare it with ``<=`` and one of "1", "log n", "sqrt n", "n", "n log n", "n^1.5", "n^2",
        "n^2 log n", "n^3", "2^n", or n^k for any k. Without a claim, ``.exponent``, ``.interval`` and ``.points``.

    Raises:
        ClaimError: the budget is no number of seconds above zero; or (when compared) the class or the inputs cannot be
            understood.
        ResultsDiffer: ``check`` found a wrong result.
        Unclear: the claim could not be decided here and now.

    The method is that of a tail exponent with a bootstrap interval, and counts of interpreter steps before it; see
    docs/explanation/measuring.md.
    """
    if over is not None and counting is not None:
        msg = "scaling() takes over= or counting=, not both: one compares times, the other counts; leave one out"
        raise ClaimError(msg)
    return ScalingClaim(f, inputs, over, counting, sizes, check, budget)


class ScalingClaim(Claim):
    """What `scaling` returns. Measures when it is compared."""

    # Half of the time goes into longer calls where short ones did not decide: another try seldom does.
    _long = 0.5
    _form = 'write `assert scaling(f, inputs) <= "n log n"`: timing can refute a bound from above, and nothing else'

    def __init__(
        self,
        f: Callable[..., Any],
        inputs: Callable[[int], Any],
        over: Callable[..., Any] | None,
        counting: Callable[[], int] | None,
        sizes: Sequence[int] | None,
        check: Callable[[tuple[Any, ...], Any], object] | None,
        budget: float | None,
    ) -> None:
        own = checked_budget(budget)  # before anybody is told of a claim that will not be made
        super().__init__()
        self._f, self._inputs, self._over, self._counting = f, inputs, over, counting
        self._sizes, self._check, self._own_budget = sizes, check, own
        self._report: tuple[ScalingDecision, Sampling] | None = None

    def __repr__(self) -> str:
        over = f", over={subject_name(self._over)}" if self._over is not None else ""
        return f"scaling({subject_name(self._f)}{over})"

    def __le__(self, other: str | GrowthClass) -> Verdict:
        self.used = True
        claim = parse_class(other)
        return self._decided(str(claim), lambda: self._judged(claim))

    @property
    def exponent(self) -> float:
        """The slope of time against size on log-log paper, over the largest sizes."""
        return self._measured()[0].exponent

    @property
    def interval(self) -> tuple[float, float]:
        """The confidence interval of ``exponent``."""
        return self._measured()[0].interval

    @property
    def points(self) -> tuple[tuple[float, float], ...]:
        """(n, seconds per call), n ascending."""
        sampling = self._measured()[1]
        return tuple(zip(sampling.sizes, sampling.seconds, strict=True))

    def _measured(self) -> tuple[ScalingDecision, Sampling]:
        """Without a claim: a few rounds, of which only the exponent and its interval are used."""
        self.used = True
        if self._report is None:
            with self._laid_out() as ladder:
                sampling = next(one for one in ladder.rounds() if one.rounds >= 6 or one.exhausted or one.problem)
                self._report = judge_scaling(sampling, None, parse_class("n")), sampling
        return self._report

    @contextlib.contextmanager
    def _laid_out(self) -> Iterator[Ladder]:
        """The ladder of the function, and of the reference beside it where there is one."""
        import numpy as np  # noqa: F401  the judge needs it, and its threads spin for a while once it is loaded

        functions = [self._f] if self._over is None else [self._f, self._over]
        with measuring(*(partial(subject_of, one) for one in functions)) as subjects:
            ladder = self._ladder(subjects[0], subjects[1] if len(subjects) > 1 else None)
            with contextlib.closing(ladder):
                yield ladder

    def _ladder(self, subject: Any, over: Any) -> Ladder:
        budget = self._own_budget or self._budget or _BUDGET
        return Ladder(
            subject,
            self._inputs,
            sizes=self._sizes,
            budget=budget,
            check=self._check,
            over=over,
            rng=random.Random(),
        )

    def _judged(self, claim: GrowthClass) -> Verdict:
        with self._laid_out() as ladder:
            return self._run(claim, ladder)

    def _run(self, claim: GrowthClass, ladder: Ladder) -> Verdict:
        if self._counting is not None:
            ladder.build()
            counted = count_with(ladder.subject, self._inputs, ladder.sizes, self._counting)
            return self._verdict(claim, judge_counter(counted, claim), None, counted)
        counts = ladder.count_steps() if self._over is None else None
        rejected = judge_counts(counts, claim)
        sampling: Sampling | None = None
        decision, escalated = rejected, False
        while decision is None or not decision.final:
            for fresh in ladder.rounds():
                sampling = fresh
                decision = judge_scaling(sampling, counts, claim, escalated=escalated)
                if decision.wants == "weigh":
                    sampling = dataclasses.replace(sampling, in_cache=ladder.weigh())
                    decision = judge_scaling(sampling, counts, claim, escalated=escalated)
                if decision.final or decision.wants == "escalate":
                    break
            if decision is None:
                msg = "the ladder gave no sampling"
                raise RuntimeError(msg)
            if decision.wants == "escalate" and not escalated:
                escalated = ladder.escalate() or True
                decision = None
            elif not decision.final:
                break
        return self._verdict(claim, decision, sampling, counts)

    def _verdict(
        self, claim: GrowthClass, decision: ScalingDecision, sampling: Sampling | None, counts: Any
    ) -> Verdict:
        outcome = decision.outcome or "unclear"
        said = f'{self!r} <= "{claim}"'
        if outcome == "unclear":
            message = f"{said}: unclear, {decision.why}"
        else:
            message = f"{said}: {outcome}, {_summary(decision)}"
        points = list(zip(sampling.sizes, sampling.seconds, strict=True)) if sampling is not None else []
        details = [decision.why, *decision.details]
        if points:
            details += [
                "",
                "       n   seconds per call",
                *(f"{number(n):>8}   {seconds:.3g}" for n, seconds in points),
            ]
        if outcome == "failed" and decision.holds_up_to is not None:
            details.append(f"the claim holds up to n = {number(decision.holds_up_to)}")
        value = decision.exponent
        return Verdict(
            kind="scaling",
            outcome=outcome,
            claim=said,
            message=message,
            value=value,
            interval=decision.interval,
            bound=decision.bound,
            unit="exponent",
            clock=sampling.clock if sampling is not None else decision.evidence,
            rounds=sampling.rounds if sampling is not None else 0,
            headroom=_headroom(decision),
            details=tuple(details),
            data={
                "n": [n for n, _ in points],
                "seconds": [seconds for _, seconds in points],
                "samples": [list(one) for one in sampling.samples] if sampling is not None else [],
                "steps": [[n, mean] for n, mean in zip(counts.sizes, counts.means, strict=True)] if counts else [],
                "evidence": decision.evidence,
                "holds_up_to": decision.holds_up_to,
                "grows_like": class_text(value),
            },
        )


def _headroom(decision: ScalingDecision) -> float | None:
    """How many times more each doubling of n might cost before the claim is refuted; None where no slope decided."""
    if decision.evidence == "shape":
        return None
    headroom = 2.0 ** (decision.bound - decision.exponent)
    return headroom if math.isfinite(headroom) else None


def _summary(decision: ScalingDecision) -> str:
    low, high = decision.window
    span = f"n = {number(low)} to {number(high)}"
    if decision.evidence == "shape":
        return f"a higher class holds {decision.share:.0%} of the time at n = {number(high)}, and ever more beyond"
    if decision.evidence != "time":
        what = "the caller's counts" if decision.evidence == "counter" else decision.evidence
        return f"{what} grow like {class_text(decision.exponent)} over {span}"
    return f"time grows like {class_text(decision.exponent)} over {span} (refuted from {class_text(decision.bound)} on)"
