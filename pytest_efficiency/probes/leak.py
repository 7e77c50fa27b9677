"""How much memory every call leaves behind: growth of the C heap and of the Python heap, round by round.

Counters of the allocators, not resident memory, whose slope is 8-16 bytes per call for code that leaks nothing.
"""

from __future__ import annotations

import copy
import gc
import sys
import time
from array import array
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


# Once more with longer rounds: for this long where the first ones found nothing, and to no more than so many bytes.
_MORE_CALLS = 16
_MORE_SECONDS = 0.1
_MORE_BYTES = 1 << 26
_BLOCK = 64


def _heap() -> Callable[[], int] | None:
    """What tells the bytes that the C heap has given out; None where the C library cannot tell (musl)."""
    try:
        from psutil import heap_info
    except ImportError:
        return None

    def used() -> int:
        info = heap_info()
        return int(info.heap_used + info.mmap_used)

    return used


def _can_be_copied(args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    try:
        copy.deepcopy((args, kwargs))
    except Exception:  # noqa: BLE001  an argument may refuse in any way it likes
        return False
    return True


def _on_copies(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Callable[[], Any]:
    def call() -> None:
        own, named = copy.deepcopy((tuple(args), dict(kwargs)))
        function(*own, **named)

    return call


def _read(
    call: Callable[[], Any], heap: Callable[[], int] | None, rounds: int, calls: int
) -> tuple[array[int], array[int]]:
    """Bytes of the C heap and blocks of the Python heap, before the first round of calls and after each."""
    # Machine words, not Python objects, so that keeping a reading does not change the next one.
    heaps, blocks = array("q", bytes(8 * (rounds + 1))), array("q", bytes(8 * (rounds + 1)))
    for i in range(rounds + 1):
        if i:
            for _ in range(calls):
                call()
        # Objects in cycles are not lost, only late.
        gc.collect()
        heaps[i] = heap() if heap is not None else 0
        blocks[i] = sys.getallocatedblocks()
    return heaps, blocks


def probe(
    function: Callable[..., Any],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    rounds: int = 7,
    calls: int = 200,
    warmup: int = 20,
    budget: float = 2.0,
    fresh: bool = False,
) -> dict[str, Any]:
    """Call ``function(*args, **kwargs)`` again and again and note what stays.

    Args:
        function: what is measured.
        args: its arguments, the same in every call.
        kwargs: its keyword arguments.
        rounds: how many rounds; a leak grows in every one of them, a cache or a free list in the first ones only.
        calls: how many calls a round, fewer if that takes longer than the budget; up to 16 times as many in a second
            set of rounds, which counts if it can be made: in the budget, and with 64 MiB if memory goes on growing.
        warmup: how many calls before the first round, at most; fewer likewise.
        budget: seconds for everything, as far as single calls allow.
        fresh: each call gets a deep copy of the arguments, if they can be copied.

    Returns:
        ``{"rounds": [{"calls", "heap", "blocks"}, ...], "warmup", "fresh"}``: bytes of the C heap (None if unknown) and
        blocks of the Python heap that a round of so many calls left behind, in all; whether each call got a copy.
    """
    heap = _heap()
    start = time.perf_counter()
    fresh = fresh and _can_be_copied(args, kwargs)
    call = _on_copies(function, args, kwargs) if fresh else partial(function, *args, **kwargs)
    collecting = gc.isenabled()
    gc.disable()
    # What was there before need not be searched for garbage in every round, unless somebody else has set things aside.
    freezing = not gc.get_freeze_count()
    if freezing:
        gc.freeze()
    try:
        warm, shortest = 0, float("inf")
        while warm < warmup and (warm < 2 or time.perf_counter() - start < budget / 8):
            before = time.perf_counter()
            call()
            shortest = min(shortest, time.perf_counter() - before)
            warm += 1
        calls = max(1, min(calls, int(budget * 0.5 / rounds / max(shortest, 1e-9))))
        begun = time.perf_counter()
        heaps, blocks = _read(call, heap, rounds, calls)
        spent = (time.perf_counter() - begun) / calls
        # What is left behind now and then, by a list that gets room for many or in every thousandth call, is left
        # behind in each of longer rounds; and a cache that fills is full by then.
        grew = max(heaps[-1] - heaps[0], _BLOCK * (blocks[-1] - blocks[0]), 0)
        limit = budget - (time.perf_counter() - start) if grew else min(_MORE_SECONDS, budget / 2)
        more = min(calls * _MORE_CALLS, int(0.7 * limit / max(spent, 1e-9)), calls * _MORE_BYTES // max(grew, 1))
        if more > calls:
            calls = more
            heaps, blocks = _read(call, heap, rounds, calls)
    finally:
        if freezing:
            gc.unfreeze()
        if collecting:
            gc.enable()
    return {
        "warmup": warm,
        "fresh": fresh,
        "rounds": [
            {
                "calls": calls,
                "heap": heaps[i + 1] - heaps[i] if heap is not None else None,
                "blocks": blocks[i + 1] - blocks[i],
            }
            for i in range(rounds)
        ],
    }
