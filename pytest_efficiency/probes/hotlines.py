"""Where the time of one call goes: the hottest lines of the function's own source, by line_profiler.

One separate call, only after a failure: a profiled call is several times slower than a measured one.
"""

from __future__ import annotations

import inspect
import linecache
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import types
    from collections.abc import Callable, Mapping, Sequence


def _plain(function: Any) -> Any:
    """The function under partials, bound methods and decorators that say what they wrap."""
    while True:
        if isinstance(function, partial):
            function = function.func
        elif inspect.ismethod(function):
            function = function.__func__
        elif inspect.isfunction(function):
            # Not unwrapped: the wrapper of a decorator is Python too, and may be where the time goes.
            return function
        elif inspect.isfunction(getattr(function, "__wrapped__", None)):
            function = function.__wrapped__
        elif not isinstance(function, type) and inspect.isfunction(vars(type(function)).get("__call__")):
            function = vars(type(function))["__call__"]
        else:
            return function


def _python_of(function: Any) -> types.FunctionType | None:
    """The interpreted function, if there is one: for Numba only where it runs in object mode."""
    target = getattr(function, "py_func", None)
    if inspect.isfunction(target):
        return target if getattr(function, "targetoptions", {}).get("forceobj") else None
    plain = _plain(function)
    return plain if inspect.isfunction(plain) else None


def _why_not(function: Any) -> str:
    if inspect.isfunction(getattr(function, "py_func", None)):
        types = len(getattr(function, "signatures", ()))
        often = f" ({types} times, once for each combination of argument types)" if types > 1 else ""
        return f"compiled by Numba{often}: it has no Python lines"
    if type(function).__name__ == "cython_function_or_method":
        return "compiled by Cython: `cython -a` shows in yellow which of its lines still talk to Python"
    return "compiled: it has no Python lines"


def _neighbours(function: types.FunctionType) -> list[types.FunctionType]:
    """Functions and methods of the same file, which the call may spend its time in."""
    file = function.__code__.co_filename
    found: dict[types.CodeType, types.FunctionType] = {function.__code__: function}
    for value in list(function.__globals__.values()):
        members = list(vars(value).values()) if isinstance(value, type) else [value]
        for member in members:
            plain = inspect.unwrap(member) if callable(member) else member
            if isinstance(plain, (staticmethod, classmethod)):
                plain = plain.__func__
            if inspect.isfunction(plain) and plain.__code__.co_filename == file:
                found.setdefault(plain.__code__, plain)
    return list(found.values())


def probe(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], *, lines: int = 3
) -> dict[str, Any]:
    """Profile one call of ``function(*args, **kwargs)``.

    Args:
        function: what is profiled, together with the other functions of its file.
        args: its arguments.
        kwargs: its keyword arguments.
        lines: how many lines at most.

    Returns:
        ``{"lines": [[number, text, share], ...], "file", "reason"}``, hottest first. ``share`` is the part of the
        call's time that was spent on the line, with what it calls. ``reason`` says why there are no lines, else None.
    """
    answer: dict[str, Any] = {"lines": [], "file": "", "reason": None}
    target = _python_of(function)
    if target is None:
        answer["reason"] = _why_not(function)
        return answer
    try:
        from line_profiler import LineProfiler
    except ImportError:
        answer["reason"] = "line_profiler is not installed: pip install line_profiler"
        return answer
    answer["file"] = target.__code__.co_filename
    profiler = LineProfiler()
    for neighbour in _neighbours(target):
        profiler.add_callable(neighbour)
    # Coverage and debuggers have a tracer of their own, which has to be back afterwards.
    tracer = sys.gettrace()
    called = target if hasattr(function, "py_func") else function
    start = time.perf_counter()
    try:
        profiler.enable_by_count()
        try:
            called(*args, **kwargs)
        finally:
            profiler.disable_by_count()
    finally:
        seconds = time.perf_counter() - start
        if sys.gettrace() is not tracer:
            sys.settrace(tracer)
    answer["lines"] = _hottest(profiler.get_stats(), answer["file"], seconds, lines)
    if not answer["lines"]:
        answer["reason"] = "none of its lines was reached: it is wrapped by compiled code"
    return answer


def _hottest(stats: Any, file: str, seconds: float, lines: int) -> list[list[Any]]:
    spent: dict[int, float] = {}
    for (where, _, _), timings in stats.timings.items():
        if where == file:
            for number, _, ticks in timings:
                spent[number] = spent.get(number, 0.0) + ticks * stats.unit
    ranked = sorted(spent.items(), key=lambda item: item[1], reverse=True)
    return [
        [number, linecache.getline(file, number).strip(), min(1.0, used / max(seconds, 1e-9))]
        for number, used in ranked[:lines]
        if used > 0
    ]
