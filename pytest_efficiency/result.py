"""What a claim ended in: frozen data that every part shares.

Nothing here measures, judges or prints, and nothing here imports another part of the package.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Outcome = Literal["passed", "failed", "unclear"]
Kind = Literal["speedup", "scaling", "gil", "memory"]

# Below this headroom the pass of a speedup is worth a word: a slower machine or another compiler may undo it.
LITTLE_HEADROOM = 1.25


@dataclass(frozen=True)
class Verdict:
    """The answer to one claim, with the evidence for it.

    ``bool(verdict)`` is True for *passed* and False for *failed*. An *unclear* verdict has no truth value: it travels
    inside the `Unclear` exception, and asking it for one raises ``TypeError``, because ``not`` would turn "we could
    not tell" into an answer.

    Attributes:
        kind: which of the four claims this is.
        outcome: "passed", "failed" or "unclear".
        claim: the claim as the test wrote it, e.g. ``speedup(fast, over=plain) >= 20``.
        message: the one line that a person reads first. Also ``repr(verdict)``.
        value: what was measured: a ratio, an exponent, a share of time, or bytes.
        interval: lower and upper end of the confidence interval of ``value``, in its unit.
        bound: what ``value`` was held against, in the same unit.
        unit: "x", "exponent", "share" or "B".
        clock: what was read: "CPU time", "wall time", "interpreter steps", "ticks", "peak RSS", "heap".
        rounds: how many rounds were measured.
        seconds: how long measuring took, in wall time.
        headroom: how far on the right side of the bound the value is, as a factor (1.0 is exactly at it): value / bound
            of a speedup, bound / value of bytes. Of growth: how many times more each doubling of n might cost before
            the claim is refuted. None where there is no such thing: the GIL, a leak of nothing.
        details: lines for the report section under a failed test.
        data: plain JSON data: samples, sizes, times, sub-figures. Goes into the result file as it is.
    """

    kind: Kind
    outcome: Outcome
    claim: str
    message: str
    value: float | None = None
    interval: tuple[float, float] | None = None
    bound: float | None = None
    unit: str = ""
    clock: str = ""
    rounds: int = 0
    seconds: float = 0.0
    headroom: float | None = None
    details: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    # Told when somebody asks for the truth value: a comparison whose result is thrown away is a mistake in the test.
    asked: Callable[[], None] | None = field(default=None, repr=False, compare=False)

    def __bool__(self) -> bool:
        if self.outcome == "unclear":
            msg = f"an unclear verdict is neither true nor false: {self.message}"
            raise TypeError(msg)
        if self.asked is not None:
            self.asked()
        return self.outcome == "passed"

    def __repr__(self) -> str:
        return self.message

    def as_json(self) -> dict[str, Any]:
        """Plain JSON types only, so that it survives pytest-xdist and the result file."""
        return {
            "kind": self.kind,
            "outcome": self.outcome,
            "claim": self.claim,
            "message": self.message,
            "value": self.value,
            "interval": list(self.interval) if self.interval is not None else None,
            "bound": self.bound,
            "unit": self.unit,
            "clock": self.clock,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "headroom": self.headroom,
            "data": dict(self.data),
        }


class Unclear(Exception):
    """Raised by a comparison that could not be decided on this machine at this moment.

    Neither true nor false, so it is never a bool. ``unclear.verdict`` holds what was measured. pytest reports the test
    as *unclear* (see ``--efficiency-unclear``); elsewhere, catch it or let it end the script.
    """

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict
