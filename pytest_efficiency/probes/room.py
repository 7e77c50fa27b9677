"""Room on the interpreter's stack for what is measured.

CPython keeps the frames of a thread in chunks of 16 KB (`push_chunk` in Python/pystate.c, since 3.11). Where a chunk
happens to end just above a loop of calls, every call maps a new chunk and every return unmaps it: 8 us each time, for a
function that takes 25 ns, at one depth of the stack in a few hundred. Measured so: "1900 times as fast" became 6.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def _call(function):  # type: ignore[no-untyped-def]  # a template for the code object below; annotations play no part
    return function()


# A frame of more slots than a usual chunk holds (2048) always gets a new chunk, and that one is made with room for at
# least 1000 slots more.
_SLOTS = 2100
_roomy = FunctionType(_call.__code__.replace(co_stacksize=_SLOTS, co_name="with_room"), globals())


def with_room(function: Callable[[], T]) -> T:
    """Call ``function`` where no chunk of the stack ends close above."""
    result: T = _roomy(function)
    return result
