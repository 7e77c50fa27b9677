"""`gil`: other Python threads can run while a call runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_efficiency.assertions.claim import Claim, measuring, subject_of
from pytest_efficiency.judge.gil import GilClaim as Claimed
from pytest_efficiency.judge.gil import GilDecision, judge_gil
from pytest_efficiency.measure.ticker import probe_gil
from pytest_efficiency.result import Verdict
from pytest_efficiency.subject.here import subject_name
from pytest_efficiency.subject.protocol import Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_efficiency.judge.gil import GilEvidence

_STATES = {
    "released": "released",
    "held": "held",
    "moments": "released for moments only",
    "tampered": "not told: the switch interval was changed",
    "void": "void",
    "unclear": "unclear",
}


def gil(f: Callable[..., Any], *args: Any, **kwargs: Any) -> GilClaim:
    """Claim what ``f(*args, **kwargs)`` does with the GIL: ``assert gil(f, 200_000).released``.

    Returns:
        A `GilClaim` with ``.released`` (other threads can run during the call) and ``.held`` (none can). Code that lets
        go for moments only is neither.

    Raises:
        Unclear: (when ``.released`` or ``.held`` is asked for) it could not be told here and now, or this interpreter
            has no GIL and the claim is void.

    A thread that can move only when the call lets go of the GIL counts its own ticks, against a control that never
    needs the GIL; see docs/explanation/measuring.md. The call is repeated for 0.1 to 0.4 s with the same arguments.
    """
    return GilClaim(f, args, kwargs)


class GilClaim(Claim):
    """What `gil` returns. Measures when ``released`` or ``held`` is asked for."""

    _form = "write `assert gil(f, *args).released`, or `.held`"

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__()
        self._f, self._call = f, Call(args, kwargs)

    def __repr__(self) -> str:
        return f"gil({subject_name(self._f)})"

    @property
    def released(self) -> Verdict:
        """Whether other threads can run during the call."""
        self.used = True
        return self._decided("released", lambda: self._judged("released"))

    @property
    def held(self) -> Verdict:
        """Whether no other thread can run during the call."""
        self.used = True
        return self._decided("held", lambda: self._judged("held"))

    def _judged(self, claimed: Claimed) -> Verdict:
        with measuring(lambda: subject_of(self._f)) as (subject,):
            evidence = probe_gil(subject, self._call)
        return self._verdict(claimed, judge_gil(evidence, claimed), evidence)

    def _verdict(self, claimed: Claimed, decision: GilDecision, evidence: GilEvidence) -> Verdict:
        outcome = decision.outcome or "unclear"
        said = f"{self!r}.{claimed}"
        figures = (
            f"{_STATES[decision.state]}: it did without the GIL for {decision.share:.0%} of its time "
            f"({decision.ticks} ticks)"
        )
        switched_on = decision.state == "held" and not evidence.gil_before
        shown = (
            decision.why if outcome == "unclear" or decision.state in ("void", "tampered") or switched_on else figures
        )
        return Verdict(
            kind="gil",
            outcome=outcome,
            claim=said,
            message=f"{said}: {outcome}, {shown}",
            value=decision.share,
            interval=decision.interval,
            unit="share",
            clock="ticks",
            rounds=len(evidence.batches),
            details=(
                figures,
                decision.why,
                f"calls of {evidence.call_seconds:.3g} s, {sum(batch.calls for batch in evidence.batches)} in all",
                *evidence.notes,
            ),
            data={"state": decision.state, "ticks": decision.ticks, "why": decision.why},
        )
