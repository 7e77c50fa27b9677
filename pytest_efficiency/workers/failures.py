"""What went wrong in a worker, in words: exceptions that crossed the wire, and deaths."""

from __future__ import annotations

import builtins
import re
import signal
from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import CandidateRaised, WireError

if TYPE_CHECKING:
    from pytest_efficiency.workers.spec import ModuleSpec

_LONGEST = 500
# StopIteration would silently end a loop of the caller; the others are refused by their own constructors.
_NOT_RAISED = {"StopIteration", "StopAsyncIteration", "ExceptionGroup"}
_RAISED: dict[str, type[Exception]] = {
    name: value
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, Exception) and name not in _NOT_RAISED
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_PLAIN = (type(None), bool, int, float, str)
_SIGNALS = {
    signal.SIGSEGV: "segmentation fault (SIGSEGV): it touched memory that is not its own",
    signal.SIGBUS: "bus error (SIGBUS): it touched memory that is not there",
    signal.SIGFPE: "arithmetic error (SIGFPE): an integer division by zero in native code",
    signal.SIGILL: "illegal instruction (SIGILL)",
    signal.SIGABRT: "aborted (SIGABRT): native code called abort(): an uncaught C++ exception, or a broken heap",
    signal.SIGKILL: "killed (SIGKILL): out of memory?",
    signal.SIGXCPU: "CPU time used up (SIGXCPU)",
}


def clean(text: str, longest: int = _LONGEST) -> str:
    """Text of theirs, cut and without characters that could forge what a terminal shows."""
    text = _CONTROL.sub("", text).replace("\r", "")
    return text if len(text) <= longest else text[:longest] + "..."


def exception(failure: Any, spec: ModuleSpec) -> Exception:
    """The exception that a worker reported: a built-in class with its arguments, else `CandidateRaised`.

    Raises:
        WireError: the report has a form that is none of ours.
    """
    kind, name, text, args, where = _read(failure, spec)
    if kind == "wire":
        return WireError(f"{spec.path.name}: {text}")
    known = _RAISED.get(name) if kind == "builtin" else None
    if known is not None:
        try:
            error = known(*(args if args is not None else [text]))
        except Exception:  # noqa: BLE001 - constructors refuse in many ways, and then the name is enough
            return CandidateRaised(name, text, where)
        if where:
            error.add_note(f"raised in {where}")
        return error
    return CandidateRaised(name, text, where)


def described(failure: Any, spec: ModuleSpec) -> str:
    """The same exception as one line: ``ZeroDivisionError: division by zero (shout.py, line 3)``."""
    _, name, text, _, where = _read(failure, spec)
    return str(CandidateRaised(name, text, where))


def _read(failure: Any, spec: ModuleSpec) -> tuple[str, str, str, list[Any] | None, str]:
    try:
        kind, name, text, args, line = (failure[key] for key in ("kind", "name", "text", "args", "line"))
        right = type(kind) is str and type(name) is str and type(text) is str and type(line) in {int, type(None)}
    except (TypeError, KeyError, IndexError):
        right = False
    if not right:
        msg = f"{spec.path.name}: an error report was expected from the worker and its form is none of ours"
        raise WireError(msg)
    if type(args) is not list or not all(type(value) in _PLAIN for value in args) or len(args) > 10:
        args = None
    else:
        args = [clean(value) if type(value) is str else value for value in args]
    where = f"{spec.path.name}, line {line}" if line is not None else ""
    return kind, clean(name, 100), clean(text), args, where


def how_it_ended(status: int | None) -> str:
    """An exit status in words: ``segmentation fault (SIGSEGV): ...``, ``left with exit status 3 (...)``."""
    if status is None:
        return "closed its connection"
    if status >= 0:
        return f"left with exit status {status} (os._exit or exit())"
    try:
        which = signal.Signals(-status)
    except ValueError:
        return f"ended by signal {-status}"
    return _SIGNALS.get(which, f"ended by signal {which.name}")


def last_words(output: str) -> str:
    """The end of what a process wrote, for a message; empty if it wrote nothing."""
    said = clean(output[-1500:], 1500).strip()
    return f"\nThe end of what it wrote:\n{said}" if said else ""


def was_setting_up(output: str) -> bool:
    """Whether the traceback that faulthandler left at the end of a worker's output is inside an import or a compiler.

    As in this process: what an installed package does on a first call says nothing about how slow the function is.
    """
    _, found, trace = output.rpartition("(most recent call first):")
    frames = trace.partition("/pytest_efficiency/workers/inside.py")[0]
    return bool(found) and any(place in frames for place in ("<frozen importlib", "/site-packages/", "/dist-packages/"))
