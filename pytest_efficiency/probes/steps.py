"""How many interpreter steps (bytecode instructions) one call takes: the same on a quiet and on a busy machine.

A step count sees what no clock can: n apart from n log n. It is blind to work inside one call into C, so a small count
proves nothing; only a large one does. Runs beside the code under test, with the standard library alone.
"""

from __future__ import annotations

import sys
from threading import get_ident
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import CodeType, FrameType

_TOOL_NAMES = range(6)


class _Enough(BaseException):
    """Thrown into the counted code at the limit. A BaseException, so that ``except Exception`` lets it pass."""


class _Tally:
    __slots__ = ("full", "steps")

    def __init__(self) -> None:
        self.steps = 0
        self.full = False


def probe(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], *, limit: int = 200_000
) -> dict[str, Any]:
    """Call ``function`` once and count the bytecode instructions that this thread executes meanwhile.

    Whatever was tracing or monitoring before is restored; nothing of it sees the call. Exceptions of ``function`` pass
    through.

    Returns:
        ``steps``, ``complete`` (False: more than ``limit`` steps, the call was broken off there, or ran on uncounted
        where it swallowed every exception) and ``method``, "settrace" (Python 3.11) or "sys.monitoring" (3.12 and
        later; "settrace" where other tools hold all its places).
    """

    def call() -> Any:
        return function(*args, **kwargs)

    tally = _Tally()
    method = "settrace"
    previous = sys.gettrace()
    sys.settrace(None)
    try:
        tool = _free_tool()
        if tool is None:
            _count_traced(call, tally, limit)
        else:
            method = "sys.monitoring"
            _count_monitored(call, tally, limit, tool)
    except _Enough:
        tally.full = True
    finally:
        sys.settrace(previous)
    return {"steps": min(tally.steps, limit), "complete": not tally.full, "method": method}


def _count_traced(call: Callable[[], Any], tally: _Tally, limit: int) -> None:
    steps = 0

    def on_event(_frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal steps
        if event == "opcode":
            steps += 1
            if steps > limit:
                tally.full = True
                raise _Enough
        return on_event

    def on_call(frame: FrameType, _event: str, _argument: object) -> Any:
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        return on_event

    try:
        sys.settrace(on_call)
        call()
    finally:
        sys.settrace(None)
        tally.steps = steps


# sys.monitoring is new in Python 3.12; the type checker looks at 3.11 as well.
_monitoring: Any = getattr(sys, "monitoring", None)


def _free_tool() -> int | None:
    if _monitoring is None:
        return None
    return next((tool for tool in _TOOL_NAMES if _monitoring.get_tool(tool) is None), None)


def _count_monitored(call: Callable[[], Any], tally: _Tally, limit: int, tool: int) -> None:
    steps = 0
    counted = get_ident()

    def on_instruction(_code: CodeType, _offset: int) -> None:
        nonlocal steps
        # Events are global to the process, the count is not: a progress bar's thread is none of the candidate's work.
        if get_ident() != counted:
            return
        steps += 1
        if steps > limit:
            tally.full = True
            # Off before raising, or the very lines that clean up after the exception would be broken off as well.
            _monitoring.set_events(tool, 0)
            raise _Enough

    _monitoring.use_tool_id(tool, "pytest-efficiency steps")
    try:
        _monitoring.register_callback(tool, _monitoring.events.INSTRUCTION, on_instruction)
        _monitoring.set_events(tool, _monitoring.events.INSTRUCTION)
        try:
            call()
        finally:
            _monitoring.set_events(tool, 0)
    finally:
        _monitoring.register_callback(tool, _monitoring.events.INSTRUCTION, None)
        _monitoring.free_tool_id(tool)
        tally.steps = steps
