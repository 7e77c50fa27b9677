"""Whether both sides of a speedup give the same results: what is compared, and on which arguments they differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import ResultsDiffer
from pytest_efficiency.measure.afterwards import finished
from pytest_efficiency.measure.digest import state
from pytest_efficiency.measure.inputs import rough_size
from pytest_efficiency.subject.agreement import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytest_efficiency.measure.clocks import Sample
    from pytest_efficiency.measure.pace import Pace
    from pytest_efficiency.subject.protocol import Call


@dataclass(frozen=True)
class FirstCall:
    """One call of one side: its cost, its result, its arguments afterwards and whether it changed them."""

    call: Call
    sample: Sample
    result: Any
    changed: bool


def first_call(side: Pace, call: Call, *, cpu_limit: float | None = None) -> FirstCall:
    """Make the first call of a side and watch what it does to its arguments (in a worker it gets copies anyway)."""
    here = side.subject.home == "here"
    before = state(call) if here else 0
    with finished(side.subject):
        sample = side.timed([call], keep=True, cpu_limit=cpu_limit)
    (result,) = side.subject.get()
    return FirstCall(call, sample, result, here and state(call) != before)


def answers(expected: FirstCall, actual: FirstCall) -> tuple[Any, Any]:
    """What to compare: the results, or the arguments of functions that return nothing and work in place.

    One side that changes its arguments is enough. The other one may have forgotten to.
    """
    if expected.result is None and actual.result is None and (expected.changed or actual.changed):
        return (expected.call.args, dict(expected.call.kwargs)), (actual.call.args, dict(actual.call.kwargs))
    return expected.result, actual.result


class Comparison:
    """Compares results with ``equal`` and raises for the smallest of the inputs on which two differ."""

    def __init__(self, equal: Callable[[Any, Any], str | None] | None, candidate: str, reference: str) -> None:
        self._equal = equal
        self._names = candidate, reference

    def check(self, calls: Sequence[Call], expected: Sequence[Any], actual: Sequence[Any]) -> None:
        """Compare the results of these calls, one by one.

        Raises:
            ResultsDiffer: at least one pair differs.
        """
        if self._equal is None:
            return
        wrong = []
        for number, (call, one, other) in enumerate(zip(calls, expected, actual, strict=True)):
            found = self._equal(one, other)
            if found is not None:
                wrong.append((rough_size(call.args) + rough_size(dict(call.kwargs)), number, str(found)))
        if not wrong:
            return
        _, number, found = min(wrong)
        call = calls[number]
        arguments = ", ".join(
            [cut(a) for a in call.args] + [f"{name}={cut(a, 100)}" for name, a in call.kwargs.items()]
        )
        of = f", the smallest of {len(wrong)} such inputs" if len(wrong) > 1 else ""
        candidate, reference = self._names
        msg = (
            f"a speedup compares functions that give the same results, but {candidate} does not agree with "
            f"{reference}: {_shortened(found, 300)}; the arguments were ({_shortened(arguments, 200)}){of}; "
            f"make the results agree first, or pass equal= if both are right"
        )
        raise ResultsDiffer(msg)


def _shortened(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 3] + "..."
