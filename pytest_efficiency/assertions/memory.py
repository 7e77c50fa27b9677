"""`memory`: how much memory a call needs at its peak, and how much it never gives back."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from pytest_efficiency.assertions.claim import Claim, measuring, subject_of
from pytest_efficiency.errors import ClaimError
from pytest_efficiency.judge.memory import judge_leak, judge_peak
from pytest_efficiency.judge.sizes import Size, parse_size, show_bytes
from pytest_efficiency.measure.highwater import measure_peak
from pytest_efficiency.measure.leaks import measure_leak
from pytest_efficiency.result import Verdict
from pytest_efficiency.subject.here import subject_name
from pytest_efficiency.subject.protocol import Call

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_efficiency.judge.memory import LeakEvidence, PeakEvidence


def memory(f: Callable[..., Any], *args: Any, **kwargs: Any) -> MemoryClaim:
    """Claim what ``f(*args, **kwargs)`` needs: ``assert memory(f, a, b).peak <= "1.5 outputs"``.

    Returns:
        A `MemoryClaim` with two figures, each compared with ``<=`` and a size: ``.peak``, the most that the process
        grew by during one call, result included; ``.leaked``, what each call never gives back. Sizes are written
        "8 MB" (1e6 bytes), "16 MiB" (2**20), "0 B", a number of bytes, or in multiples of what goes in and comes out:
        "1.5 outputs", "2 inputs". Without a claim, ``.peak.bytes`` and ``.leaked.bytes``.

    Raises:
        ClaimError: (when compared) the size cannot be understood, or the result has none.
        Unclear: it could not be told here and now.

    Peaks are the kernel's high-water mark after the heap was trimmed, so memory of every library counts. Leaks are the
    slope of the heap and of Python's own blocks over many calls. See docs/explanation/measuring.md.
    """
    return MemoryClaim(f, args, kwargs)


class MemoryClaim(Claim):
    """What `memory` returns: ask for ``peak`` or ``leaked``."""

    _form = 'name the figure: `assert memory(f, *args).peak <= "1.5 outputs"`, or `.leaked <= "0 B"`'

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__()
        self._f, self._call = f, Call(args, kwargs)

    def __repr__(self) -> str:
        return f"memory({subject_name(self._f)})"

    @property
    def peak(self) -> PeakClaim:
        """The most memory that the process grew by during one call; compare it with ``<=``."""
        self.used = True
        return PeakClaim(self._f, self._call)

    @property
    def leaked(self) -> LeakClaim:
        """The bytes that each call never gives back; compare them with ``<=``."""
        self.used = True
        return LeakClaim(self._f, self._call)


class _FigureClaim(Claim):
    """One of the two figures of a call, compared with a size."""

    _figure = ""

    def __init__(self, f: Callable[..., Any], call: Call) -> None:
        super().__init__()
        self._f, self._call = f, call

    def __repr__(self) -> str:
        return f"memory({subject_name(self._f)}).{self._figure}"

    def __le__(self, other: str | float) -> Verdict:
        self.used = True
        bound = parse_size(other)
        return self._decided(str(bound), lambda: self._judged(bound))

    def _judged(self, bound: Size) -> Verdict:
        raise NotImplementedError


class PeakClaim(_FigureClaim):
    """The peak of one call."""

    _figure = "peak"
    _form = 'write `assert memory(f, *args).peak <= "1.5 outputs"`'

    @property
    def bytes(self) -> float:
        """The peak in bytes."""
        self.used = True
        return self._evidence.bytes

    @cached_property
    def _evidence(self) -> PeakEvidence:
        return self._measure()

    def _measure(self) -> PeakEvidence:
        with measuring(lambda: subject_of(self._f)) as (subject,):
            return measure_peak(subject, self._call)

    def _judged(self, bound: Size) -> Verdict:
        evidence = self._measure()
        allowed = _allowed(bound, evidence)
        decision = judge_peak(evidence, allowed)
        outcome = decision.outcome or "unclear"
        said = f'{self!r} <= "{bound}"'
        shown = _in_unit(decision.value, bound, evidence)
        how = ", sampled" if evidence.sampled else ""
        message = f"{said}: {outcome}, {decision.why if outcome == 'unclear' else f'{shown}{how}'}"
        return Verdict(
            kind="memory",
            outcome=outcome,
            claim=said,
            message=message,
            value=decision.value,
            interval=decision.interval,
            bound=allowed,
            unit="B",
            clock="peak RSS" if not evidence.sampled else "sampled RSS",
            rounds=len(evidence.runs),
            headroom=allowed / decision.value if decision.value > 0 else None,
            details=(
                decision.why,
                f"inputs {show_bytes(evidence.inputs)}, result {show_bytes(evidence.outputs)}",
                *evidence.notes,
            ),
            data={"shown": shown, "runs": list(evidence.runs), "sampled": evidence.sampled, "why": decision.why},
        )


class LeakClaim(_FigureClaim):
    """What each call leaves behind."""

    _figure = "leaked"
    _form = 'write `assert memory(f, *args).leaked <= "0 B"`'

    @property
    def bytes(self) -> float:
        """The leak in bytes a call."""
        self.used = True
        return judge_leak(self._evidence, 0.0).value

    @cached_property
    def _evidence(self) -> LeakEvidence:
        return self._measure()

    def _measure(self) -> LeakEvidence:
        with measuring(lambda: subject_of(self._f)) as (subject,):
            return measure_leak(subject, self._call)

    def _judged(self, bound: Size) -> Verdict:
        if bound.unit in ("inputs", "outputs"):
            msg = f'a leak is claimed in bytes, found {str(bound)!r}; write e.g. `memory(f).leaked <= "0 B"`'
            raise ClaimError(msg)
        evidence = self._measure()
        allowed = bound.bytes()
        decision = judge_leak(evidence, allowed)
        outcome = decision.outcome or "unclear"
        said = f'{self!r} <= "{bound}"'
        shown = f"{show_bytes(decision.value)} a call"
        message = f"{said}: {outcome}, {decision.why if outcome == 'unclear' else shown}"
        return Verdict(
            kind="memory",
            outcome=outcome,
            claim=said,
            message=message,
            value=decision.value,
            interval=decision.interval,
            bound=allowed,
            unit="B",
            clock="heap",
            rounds=len(evidence.rounds),
            headroom=allowed / decision.value if allowed > 0 and decision.value > 0 else None,
            details=(decision.why, *evidence.notes),
            data={"shown": shown, "why": decision.why},
        )


def _allowed(bound: Size, evidence: PeakEvidence) -> float:
    """The bound in bytes."""
    whole = {"inputs": evidence.inputs, "outputs": evidence.outputs}.get(bound.unit)
    if whole == 0 < bound.count:
        what = "its result" if bound.unit == "outputs" else "what goes in"
        msg = f'"{bound}" was claimed, but {what} takes no memory that could be a measure; claim bytes, e.g. "8 MB"'
        raise ClaimError(msg)
    return bound.bytes(inputs=evidence.inputs, outputs=evidence.outputs)


def _in_unit(value: float, bound: Size, evidence: PeakEvidence) -> str:
    """The figure in the unit of the claim: "3.01 outputs"."""
    whole = {"inputs": evidence.inputs, "outputs": evidence.outputs}.get(bound.unit)
    return f"{value / whole:.2f} {bound.unit}" if whole else show_bytes(value)
