"""`speedup`: one function is at least R times as fast as another."""

from __future__ import annotations

import contextlib
import dataclasses
import random
from typing import TYPE_CHECKING, Any

from pytest_efficiency.assertions.claim import Claim, checked_budget, measuring, pause, subject_of
from pytest_efficiency.assertions.hot_lines import hot_lines
from pytest_efficiency.assertions.wording import between, number, ratio
from pytest_efficiency.judge.speedup import SpeedupDecision, check_claim, judge_looks, judge_speedup
from pytest_efficiency.measure.batches import SpeedupMeter
from pytest_efficiency.recorder import current
from pytest_efficiency.result import LITTLE_HEADROOM, Verdict
from pytest_efficiency.subject.agreement import agree
from pytest_efficiency.subject.here import subject_name
from pytest_efficiency.subject.protocol import Call
from pytest_efficiency.subject.worker import RemoteFunction

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_efficiency.judge.speedup import Round
    from pytest_efficiency.subject.protocol import Subject

_BUDGET = 2.0


def speedup(
    f: Callable[..., Any],
    *,
    over: Callable[..., Any],
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    inputs: Callable[[], Any] | None = None,
    equal: Callable[[Any, Any], str | None] | None = agree,
    budget: float | None = None,
) -> SpeedupClaim:
    """Claim that ``f`` is faster than ``over``: ``assert speedup(f, over=g, args=(data,)) >= 20``.

    Args:
        f: the candidate. An exercise's is called in a worker of its own.
        over: the reference.
        args, kwargs: the arguments of every call.
        inputs: instead of them, a callable that makes the arguments of one call: a tuple of them, or the only one.
            Each call then has fresh ones; without it a cache would win, and the report says so.
        equal: ``equal(expected, actual)`` returns None, or a text that says where two results differ. By default ints,
            strings and bools must be equal, floats to 1e-9 of their size, NaN equals NaN, and types, dtypes and shapes
            count. None compares nothing and says so.
        budget: seconds for the rounds of one look (2 by default); three rounds are always made.

    Returns:
        A `SpeedupClaim`: compare it with ``>=`` and a ratio. Without a claim, ``.ratio`` and ``.interval``.

    Raises:
        ClaimError: the budget is no number of seconds above zero; or (when compared) the ratio is no number above
            zero.
        ResultsDiffer: the two functions do not give the same results.
        Unclear: the claim could not be decided here and now.

    The method is that of interleaved batches of equal time on the CPU clock, judged one-sidedly at growing numbers of
    rounds; see docs/explanation/measuring.md.
    """
    return SpeedupClaim(f, over, args, dict(kwargs or {}), inputs, equal, budget)


class SpeedupClaim(Claim):
    """What `speedup` returns. Measures when it is compared."""

    # The judge of looks does its own waiting, near the claim and where nothing could be measured.
    _patience = ()
    _form = "write `assert speedup(f, over=g) >= 20`; for an upper bound swap the two functions"

    def __init__(
        self,
        f: Callable[..., Any],
        over: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        inputs: Callable[[], Any] | None,
        equal: Callable[[Any, Any], str | None] | None,
        budget: float | None,
    ) -> None:
        own = checked_budget(budget)  # before anybody is told of a claim that will not be made
        super().__init__()
        self._f, self._over, self._inputs, self._equal = f, over, inputs, equal
        self._call, self._own_budget = Call(tuple(args), kwargs), own
        self._report: SpeedupDecision | None = None

    def __repr__(self) -> str:
        f, over = subject_name(self._f), subject_name(self._over)
        # An exercise's two functions bear the same name.
        over = f"the reference {over}" if f == over else over
        return f"speedup({f}, over={over})"

    def __ge__(self, other: float) -> Verdict:
        self.used = True
        claim = check_claim(other)
        return self._decided(claim, lambda: self._judged(claim))

    @property
    def ratio(self) -> float:
        """How many times as fast the candidate is, to 3 % where the budget allows."""
        return self._measured().value

    @property
    def interval(self) -> tuple[float, float]:
        """The 99 % confidence interval of ``ratio``."""
        return self._measured().likely

    def _measured(self) -> SpeedupDecision:
        self.used = True
        if self._report is None:
            with self._subjects() as (candidate, reference):
                self._report = _look(self._meter(candidate, reference, None), None)[0]
        return self._report

    @contextlib.contextmanager
    def _subjects(self) -> Any:
        if isinstance(self._over, RemoteFunction):
            self._over.pool.ahead(self._over.spec)  # the two workers are then born side by side
        with measuring(lambda: subject_of(self._f), lambda: subject_of(self._over)) as both:
            yield both

    def _meter(self, candidate: Subject, reference: Subject, claim: float | None) -> SpeedupMeter:
        recorder = current.get()
        return SpeedupMeter(
            candidate,
            reference,
            inputs=self._inputs,
            call=self._call,
            claim=claim,
            equal=self._equal,
            budget=self._own_budget or self._budget or _BUDGET,
            rng=random.Random(),
            unchecked=recorder is None or not recorder.graded,
        )

    def _judged(self, claim: float) -> Verdict:
        """All looks: the first decides, unless it is too near the claim for one moment to be trusted."""
        looks: list[SpeedupDecision] = []
        rounds: list[Round] = []
        carried: list[Round] = []
        while True:
            with self._subjects() as (candidate, reference):
                meter = self._meter(candidate, reference, claim)
                look, measured = _look(meter, claim, carried)
                looks.append(look)
                rounds += measured
                # Long calls leave room for few rounds. Where those say nothing yet, the next ones are added to them.
                carried = [*carried, *measured] if look.noisy else []
                decision = judge_looks(looks)
                if carried:
                    looks[-1] = dataclasses.replace(look, side=None, rounds=0)
                if decision.outcome is not None:
                    hot = hot_lines(candidate, self._example()) if decision.outcome == "failed" else []
                    return self._verdict(claim, decision, meter, rounds, hot)
            pause(decision.wait)

    def _example(self) -> Call:
        if self._inputs is None:
            return self._call
        made = self._inputs()
        return Call(made) if type(made) is tuple else Call((made,))

    def _verdict(
        self, claim: float, decision: SpeedupDecision, meter: SpeedupMeter, rounds: list[Round], hot: list[str]
    ) -> Verdict:
        outcome = decision.outcome or "unclear"
        said = f"{self!r} >= {number(claim)}"
        measured = f"{ratio(decision.value)} ({between(decision.likely, 'x')})"
        figures = f"{measured}, {decision.clock}, {decision.rounds} rounds"
        message = f"{said}: {outcome}, {decision.why}" if outcome == "unclear" else f"{said}: {outcome}, {figures}"
        details = [
            f"candidate {meter.candidate_seconds:.3g} s a call, reference {meter.reference_seconds:.3g} s a call",
            decision.why,
            *dict.fromkeys((*meter.notes, *decision.notes)),
            *hot,
        ]
        if outcome == "passed" and decision.headroom < LITTLE_HEADROOM:
            details.append(f"only {decision.headroom:.2f} times the claim: another machine may say otherwise")
        return Verdict(
            kind="speedup",
            outcome=outcome,
            claim=said,
            message=message,
            value=decision.value,
            interval=decision.likely,
            bound=claim,
            unit="x",
            clock=decision.clock,
            rounds=decision.rounds,
            headroom=decision.headroom,
            details=tuple(details),
            data={
                "candidate_seconds": [r.candidate for r in rounds],
                "reference_seconds": [r.reference for r in rounds],
                "candidate_calls": rounds[-1].candidate_calls if rounds else 0,
                "reference_calls": rounds[-1].reference_calls if rounds else 0,
                "reference_stopped": sum(r.stopped for r in rounds),
                "why": decision.why,
                "notes": list(meter.notes),
            },
        )


def _look(
    meter: SpeedupMeter, claim: float | None, carried: Sequence[Round] = ()
) -> tuple[SpeedupDecision, list[Round]]:
    """One look: rounds until the judge has seen enough or the meter has no more; after those that were ``carried``."""
    rounds: list[Round] = []
    with contextlib.closing(meter.rounds()) as coming:
        for one in coming:
            rounds.append(one)
            if carried and carried[-1].clock != one.clock:
                carried = ()
            decision = judge_speedup([*carried, *rounds], claim)
            if decision.wants != "more":
                return decision, rounds
    return judge_speedup([*carried, *rounds], claim, ended=True), rounds
