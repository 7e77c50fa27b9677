"""What the four claims have in common: lazy, compared once in one direction, and never a bool themselves."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from numbers import Real
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.judge.speedup import WAITS
from pytest_efficiency.measure.afterwards import refuse_function
from pytest_efficiency.measure.conditions import settle
from pytest_efficiency.recorder import current
from pytest_efficiency.result import Unclear, Verdict
from pytest_efficiency.subject.here import Here, subject_name
from pytest_efficiency.subject.worker import RemoteFunction, WorkerSubject

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator

    from pytest_efficiency.subject.protocol import Subject

pause = time.sleep


class Claim:
    """Base of the claim objects. Nothing is measured until it is compared.

    Subclasses say in ``_form`` how a claim of their kind is written; it is named wherever somebody writes it in
    another way.
    """

    _form = ""
    # Seconds to wait before each further try: a disturbance lasts 0.1 to 2 s.
    _patience: tuple[float, ...] = WAITS
    # Once an undecided claim has measured for so many seconds it is not measured again.
    _long = 4.0

    def __init__(self) -> None:
        self.used = False
        self.verdict_for_pytest: Verdict | None = None
        self._verdicts: dict[Hashable, Verdict] = {}
        recorder = current.get()
        if recorder is not None:
            checked_budget(recorder.budget)
            recorder.state(self)

    @property
    def _budget(self) -> float | None:
        recorder = current.get()
        return recorder.budget if recorder is not None else None

    def _decided(self, key: Hashable, measure: Callable[[], Verdict]) -> Verdict:
        """The verdict of ``measure``, asked again after a while where it is unclear; the same one when asked twice.

        Raises:
            Unclear: it stayed undecided.
        """
        known = self._verdicts.get(key)
        if known is not None:
            self.verdict_for_pytest = known
            return known
        started = time.perf_counter()
        verdict = measure()
        for wait in self._patience:
            # What took this long was not disturbed for a moment: it is too near its bound, and stays so.
            if verdict.outcome != "unclear" or time.perf_counter() - started > self._long:
                break
            pause(wait)
            verdict = measure()
        verdict = dataclasses.replace(verdict, seconds=time.perf_counter() - started)
        recorder = current.get()
        if recorder is not None:
            number = len(recorder.verdicts)
            verdict = dataclasses.replace(verdict, asked=lambda: recorder.asked.add(number))
            recorder.reach(verdict)
        self.verdict_for_pytest = verdict
        if verdict.outcome == "unclear":
            raise (recorder.unclear if recorder is not None else Unclear)(verdict)
        self._verdicts[key] = verdict
        return verdict

    def _refuse(self, written: str) -> NoReturn:
        # The error says what is wrong; that nobody looked at this claim need not be said again.
        self.used = True
        for verdict in self._verdicts.values():
            if verdict.asked is not None:
                verdict.asked()
        msg = f"{written} cannot be answered: {self._form}"
        raise TypeError(msg)

    def __bool__(self) -> bool:  # noqa: PLE0304  it raises: a claim is no bool
        self._refuse(f"the truth of {self!r}")

    def __eq__(self, other: object) -> bool:
        self._refuse(f"{self!r} == {other!r}")

    def __ne__(self, other: object) -> bool:
        self._refuse(f"{self!r} != {other!r}")

    def __lt__(self, other: object) -> Verdict:
        self._refuse(f"{self!r} < {other!r}")

    def __le__(self, other: Any) -> Verdict:
        self._refuse(f"{self!r} <= {other!r}")

    def __gt__(self, other: object) -> Verdict:
        self._refuse(f"{self!r} > {other!r}")

    def __ge__(self, other: Any) -> Verdict:
        self._refuse(f"{self!r} >= {other!r}")

    __hash__ = object.__hash__


def checked_budget(budget: float | None) -> float | None:
    """The seconds that a claim may measure, as they were given.

    Raises:
        ClaimError: that is no time: zero, less, NaN, infinite, or not a number.
    """
    if budget is None:
        return None
    if isinstance(budget, bool) or not isinstance(budget, Real) or not 0.0 < budget < math.inf:
        msg = f"a budget is a number of seconds above zero, found {budget!r}; leave it out for the default"
        raise ClaimError(msg)
    return float(budget)


@contextlib.contextmanager
def measuring(*makers: Callable[[], Subject]) -> Iterator[tuple[Subject, ...]]:
    """The subjects of one measurement, and quiet among the other workers; their own workers end with it."""
    with contextlib.ExitStack() as stack:
        subjects = []
        for make in makers:
            subject = make()
            stack.callback(subject.close)
            subjects.append(subject)
        for subject in subjects:
            if isinstance(subject, WorkerSubject):
                stack.enter_context(subject.pool.quiet())
        if any(subject.home == "here" for subject in subjects):
            settle()
        yield tuple(subjects)


def subject_of(function: Callable[..., Any]) -> Subject:
    """A subject of its own for one claim: a fresh worker for an exercise's function, this process for any other.

    Raises:
        TypeError: ``function`` cannot be called.
        ReturnedEarly: calling it does nothing yet: it is a coroutine function or a generator function.
    """
    if isinstance(function, RemoteFunction):
        return function.subject()
    if not callable(function):
        msg = f"a claim is about a function: {function!r} cannot be called; pass the function itself, not its result"
        raise TypeError(msg)
    refuse_function(function, subject_name(function))
    return Here(function)
