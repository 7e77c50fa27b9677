"""Refuses calls that return before their work is done: whatever their clock showed would be the time to ask for it."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any, NoReturn

from pytest_efficiency.errors import ReturnedEarly
from pytest_efficiency.measure.digest import state
from pytest_efficiency.measure.sized import copier
from pytest_efficiency.probes.afterwards import Snapshot, left_running, unfinished
from pytest_efficiency.subject.protocol import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_efficiency.subject.protocol import Subject

_ADVICE = {
    "await": "hand over a function that runs it to its end: `lambda *args: asyncio.run({name}(*args))`",
    "iterate": "hand over a function that consumes it: `lambda *args: list({name}(*args))`",
    "collect": "hand over a function that runs it to its end and collects what it yields",
    "wait": "let it return the result itself: `.result()` waits for it",
    "join": "let it wait for what it starts: join its threads and processes, or leave their pool's `with` block",
}


def refuse_function(function: Callable[..., Any], name: str) -> None:
    """Refuse a function that, when called, makes an object that does the work later. Nothing is called here.

    Raises:
        ReturnedEarly: it is a coroutine function or a generator function.
    """
    for what, is_one, needs in (
        ("a coroutine function", inspect.iscoroutinefunction, "await"),
        ("an asynchronous generator function", inspect.isasyncgenfunction, "collect"),
        ("a generator function", inspect.isgeneratorfunction, "iterate"),
    ):
        if is_one(function):
            _refuse(name, f"is {what}: calling it does nothing yet", needs)


@contextlib.contextmanager
def finished(subject: Subject) -> Iterator[None]:
    """Around the first *put* and *go* of a subject: refuses a call that returns before its work is done.

    That is one whose threads or processes go on, and one whose result is a generator, an awaitable, a future that is
    not done, or another iterator that does nothing before it is asked. Costs 50 us, and 10 to 300 ms where the call
    has started threads or processes.

    Raises:
        ReturnedEarly: it does.
    """
    if subject.home == "here":
        before = Snapshot()
        yield
        left = left_running(before)
        returned, needs = unfinished(subject.get()[-1])
    else:
        subject.probe("afterwards", Call(), phase="before")
        yield
        found = subject.probe("afterwards", Call(), phase="after")
        # From a worker everything is only a claim; a wrong one harms nobody but itself.
        left, returned, needs = (str(found.get(key, ""))[:300] for key in ("left", "returned", "needs"))
    if returned:
        _refuse(subject.name, f"returned {returned}", needs)
    if left:
        _refuse(subject.name, f"returned while {left}", "join")


def first_call(subject: Subject, call: Call) -> None:
    """Make one call, outside of any figure.

    Raises:
        ReturnedEarly: its work was not done when it returned.
        The candidate's own exception, WorkerDied, DeadlinePassed: as `Subject.go`.
    """
    with finished(subject):
        subject.put([call])
        subject.go()


def changes_arguments(subject: Subject, call: Call) -> bool:
    """Make one call as `first_call` does, on a copy where arguments can be copied, and say whether it changed them.

    A worker has copies of its own: there only functions that are declared to work in place are known to.
    """
    if subject.home == "worker":
        first_call(subject, call)
        return subject.name in getattr(getattr(subject, "spec", None), "in_place", ())
    make = copier(call)
    tried = make() if make is not None else call
    before = state(tried)
    first_call(subject, tried)
    return state(tried) != before


def _refuse(name: str, found: str, needs: str) -> NoReturn:
    advice = _ADVICE.get(needs, _ADVICE["join"]).format(name=name)
    msg = f"a claim measures a call until it returns, but {name} {found}; {advice}"
    raise ReturnedEarly(msg)
