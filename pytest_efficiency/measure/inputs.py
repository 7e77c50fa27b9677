"""The arguments of measured calls: the same ones, a copy each, or fresh ones each. Always made outside the clock."""

from __future__ import annotations

import copy
import sys
import time
import zlib
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.subject.protocol import Call

if TYPE_CHECKING:
    from collections.abc import Callable

# How many elements of one container are looked at, by how deep it lies in the arguments: an estimate is enough, lists
# of millions are common, and so are lists of lists.
_LOOKED_AT = (1000, 1000, 32, 4)


def as_call(made: Any) -> Call:
    """What ``inputs()`` returned, as a call: a tuple holds the arguments, anything but a `Call` is the only one."""
    if isinstance(made, Call):
        return made
    return Call(made) if type(made) is tuple else Call((made,))


def rough_size(value: Any, depth: int = 0) -> int:
    """About how many bytes a value occupies; large containers are extrapolated from their first elements."""
    array_bytes = getattr(value, "nbytes", None)
    if isinstance(array_bytes, int):
        return array_bytes
    size = sys.getsizeof(value, 64)
    if depth < len(_LOOKED_AT) and isinstance(value, (list, tuple, set, frozenset, dict)) and value:
        items = list(islice(value.items() if isinstance(value, dict) else value, _LOOKED_AT[depth]))
        inside = sum(rough_size(item, depth + 1) for item in items)
        size += inside * len(value) // len(items)
    return size


def digest(value: Any, depth: int = 0) -> int:
    """A number that changes when the value is changed, for arrays, containers and plain objects; cheap, not secure.

    It has to notice that a function works in place, which changes most of a value rather than one hidden spot: of
    long containers a spread of elements is looked at, of large arrays everything.
    """
    kind = type(value)
    if kind in (int, float, complex, str, bytes, bool, type(None)):
        return hash((kind.__name__, value)) if value == value else 1  # NaN: hashed by identity
    if hasattr(value, "__array_interface__") and hasattr(value, "tobytes"):
        # Object arrays hold addresses, which change with their elements' identity: good enough for "was it changed".
        return hash((value.shape, str(value.dtype), zlib.crc32(value.tobytes())))
    if isinstance(value, (bytearray, memoryview)):
        return zlib.crc32(value)
    if depth >= len(_LOOKED_AT):
        return 0
    if isinstance(value, dict):
        items = _spread(list(value.items()), depth)
        return hash((len(value), *(digest(part, depth + 1) for item in items for part in item)))
    if isinstance(value, (list, tuple)):
        return hash((kind.__name__, len(value), *(digest(item, depth + 1) for item in _spread(value, depth))))
    if isinstance(value, (set, frozenset)):
        return hash((len(value), frozenset(digest(item, depth + 1) for item in islice(value, _LOOKED_AT[depth]))))
    inside = getattr(value, "__dict__", None)
    if isinstance(inside, dict) and not callable(value):
        return hash((kind.__name__, digest(inside, depth + 1)))
    if hasattr(value, "__len__"):
        try:
            items = list(islice(iter(value), _LOOKED_AT[depth]))
            return hash((kind.__name__, len(value), *(digest(item, depth + 1) for item in items)))
        except Exception:  # noqa: BLE001  a container of somebody else's that cannot be walked: nothing to compare
            return 0
    return 0


def _spread(values: Any, depth: int) -> Any:
    step = len(values) // _LOOKED_AT[depth] + 1
    return values[::step]


@cache
def second_level_cache() -> int:
    """Bytes of the second-level cache of a core; 1 MiB where the system does not say."""
    try:
        text = Path("/sys/devices/system/cpu/cpu0/cache/index2/size").read_text().strip()
        return int(text.rstrip("KMG")) * {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:], 1)
    except (OSError, ValueError):
        return 1 << 20


class Inputs:
    """Makes the calls of a batch.

    Attributes:
        fresh: each call has arguments of its own (made by ``make``, or copies because calls change them).
        notes: lines for the report.
    """

    def __init__(self, make: Callable[[], Any] | None, call: Call) -> None:
        self._make = make
        self._call = call
        self._copies = False
        self._size: int | None = None
        self._seconds = 0.0
        self.notes: list[str] = []
        if make is None:
            self.notes.append("same arguments each call: a cache would win")

    @property
    def fresh(self) -> bool:
        return self._make is not None or self._copies

    def one(self) -> Call:
        """The arguments of the next call."""
        if self._make is not None:
            return as_call(self._make())
        return self.copied(self._call) if self._copies else self._call

    def batch(self, n: int) -> list[Call]:
        if not self.fresh:
            return [self._call] * n
        start = time.perf_counter()
        calls = [self.one() for _ in range(n)]
        self._seconds = (time.perf_counter() - start) / max(n, 1)
        return calls

    def copied(self, call: Call) -> Call:
        try:
            return Call(copy.deepcopy(call.args), copy.deepcopy(dict(call.kwargs)))
        except Exception as error:
            msg = (
                f"the measured call needs arguments of its own, and they cannot be copied ({type(error).__name__}: "
                f"{error}); hand over `inputs=`, a function that makes fresh ones"
            )
            raise ClaimError(msg) from error

    def changed_by_a_call(self) -> None:
        """Fixed arguments turned out to be changed by a call: from now on each call gets a copy."""
        if self._make is None and not self._copies:
            self._copies = True
            self.notes.append("a call changes its arguments: each call gets a fresh copy of them")

    def most(self, capacity: int, seconds: float = 0.01) -> int:
        """How many calls' inputs fit into ``capacity`` bytes and are made within ``seconds``; at least one."""
        if not self.fresh:
            return sys.maxsize
        if self._size is None:
            call = self.batch(1)[0]
            self._size = max(rough_size(call.args) + rough_size(dict(call.kwargs)), 64)
        most = capacity // self._size
        if self._seconds > 0.0:
            most = min(most, int(seconds / self._seconds))
        return max(most, 1)
