"""Touches a known amount of memory and gives it back, which shows how far off the high-water mark is.

The kernel makes the mark of page counts that every CPU adds up 32 or more at a time, so what other CPUs have not
added yet is missing from it, the same amount again and again.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def probe(
    function: Callable[..., Any],  # noqa: ARG001 - every probe is called the same way
    args: Sequence[Any],  # noqa: ARG001
    kwargs: Mapping[str, Any],  # noqa: ARG001
    *,
    pages: int,
) -> dict[str, Any]:
    """Map so many pages of private memory, write to each, and unmap them.

    Returns:
        ``{"bytes"}``: how much that was; 0 where there is no such memory.
    """
    try:
        size = pages * mmap.PAGESIZE
        with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
            for place in range(0, size, mmap.PAGESIZE):
                memory[place] = 1
    except (OSError, AttributeError):
        return {"bytes": 0}
    return {"bytes": size}
