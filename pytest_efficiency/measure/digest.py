"""Whether a call changed its arguments, told from a number taken before and after it; cheap, however large they are.

It has to notice that a function works in place, which changes most of a value or its length and not one hidden spot,
because only that makes the next call another one. So arrays are read whole, up to 64 MB (a checksum takes about 1 ms
for 8 MB), and of longer lists a spread of elements is looked at, the first and the last among them. And it never says
that something was changed which was not.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice
from operator import length_hint
from types import FunctionType, GeneratorType, MemberDescriptorType, ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_efficiency.subject.protocol import Call

# How many elements are looked at, of all arguments together. They are hashed in C: 0.3 ms.
_ELEMENTS = 8192
_ENDS = 16
# Bytes of an array that are read whole, and what is read of a larger one: so many pieces, of so many bytes.
_WHOLE = 64 << 20
_PIECES, _PIECE = 64, 1 << 18
_ATOMS = {int, float, complex, str, bytes, bool, type(None)}
# These tell where they are by how they would be pickled; those of itertools no longer do, from Python 3.14 on.
_TRANSPARENT = (map, filter, zip, enumerate, reversed)
_STATELESS = (type, ModuleType, FunctionType)

_never_twice = itertools.count(1)


def state(call: Call) -> int:
    """A number that is another one after a call has changed its arguments."""
    values = [*call.args, *call.kwargs.values()]
    share = _ELEMENTS // max(len(values), 1)
    return hash(tuple([digest(value, share) for value in values]))


def digest(value: Any, elements: int = _ELEMENTS) -> int:
    """A number that changes when the value is changed: arrays, containers, objects, and how far an iterator has come.

    Args:
        value: anything; no method of it is called that could change it.
        elements: about how many elements of containers are looked at, at all depths together.
    """
    try:
        return _digest(value, elements)
    except Exception:  # noqa: BLE001  somebody else's container that cannot be walked: nothing to compare
        return 0


def _digest(value: Any, elements: int) -> int:
    kind = type(value)
    if kind in _ATOMS:
        return hash((kind, value)) if value == value else 1  # NaN is hashed by its identity
    if elements < 1 or isinstance(value, _STATELESS):
        return 0
    if hasattr(value, "__array_interface__"):
        return _array(value, elements)
    found: list[Any] = [kind]
    if isinstance(value, (list, tuple)):
        found += [len(value), _several(_spread(value, elements), elements)]
    elif isinstance(value, dict):
        found += [len(value), _several(_items(value, elements), elements)]
    elif isinstance(value, (set, frozenset)):
        # Its elements cannot change, and so neither can a set without changing them; the order is the table's own.
        found += [len(value), hash(frozenset(islice(value, elements)))]
    elif isinstance(value, Iterator):
        found.append(_progress(value, elements))
    elif (buffer := _buffer(value)) is not None:
        found.append(_bytes(buffer))
    elif isinstance(value, Collection):
        found += [len(value), _several(list(islice(value, elements)), elements)]
    found.append(_attributes(value, elements))
    return hash(tuple(found))


def _several(sample: Sequence[Any], elements: int) -> int:
    kinds = tuple(map(type, sample))
    different = set(kinds)
    if not different <= _ATOMS:
        # One more than there are, so that even a list that contains itself comes to an end.
        share = elements // (len(sample) + 1)
        return hash(tuple([_digest(item, share) for item in sample]))
    if not different.isdisjoint((float, complex)):
        sample = [item if item == item else None for item in sample]
    return hash((kinds, tuple(sample)))


def _spread(values: Sequence[Any], elements: int) -> Sequence[Any]:
    """The first and the last elements, and as many as may be looked at from in between."""
    if len(values) <= elements:
        return values
    # Odd: what repeats itself in lists mostly does so by powers of two.
    step = len(values) // elements + 1 | 1
    ends = min(_ENDS, elements // 4)
    return [*values[:ends], *values[::step], *values[len(values) - ends :]]


def _items(value: dict[Any, Any], elements: int) -> list[Any]:
    """Keys and values: all, or those that came first and last, because walking through a million takes 20 ms."""
    half = max(elements // 4, 1)
    pairs = [*islice(value.items(), half), *islice(reversed(value.items()), half)]
    return [one for pair in (value.items() if len(value) <= 2 * half else pairs) for one in pair]


def _array(value: Any, elements: int) -> int:
    """Shape, type and contents of a NumPy array, or of what behaves like one."""
    dtype = value.dtype
    if dtype.hasobject:
        contents = _several(_spread(value.ravel().tolist(), elements), elements)
    else:
        flags = value.flags
        # Read where it lies; what is scattered in memory is copied together first.
        straight = value if flags.c_contiguous else value.T if flags.f_contiguous else value.copy()
        contents = _bytes(memoryview(straight.reshape(-1).view("u1")))
    return hash((value.shape, str(dtype), contents, _attributes(value, elements)))


def _buffer(value: Any) -> memoryview | None:
    """The memory of a bytearray, an ``array.array`` and the like; None of what has none."""
    try:
        return memoryview(value).cast("B")
    except (TypeError, ValueError, BufferError):
        return None


def _bytes(buffer: memoryview) -> int:
    size = len(buffer)
    if size <= _WHOLE:
        return zlib.crc32(buffer)
    found = 0
    for piece in range(_PIECES):
        start = (size - _PIECE) * piece // (_PIECES - 1)
        found = zlib.crc32(buffer[start : start + _PIECE], found)
    return hash((size, found))


def _progress(value: Any, elements: int) -> int:
    """How far an iterator has come; never the same twice where nothing tells."""
    if isinstance(value, GeneratorType):
        frame = value.gi_frame
        return -1 if frame is None else frame.f_lasti
    if isinstance(value, _TRANSPARENT):
        return _digest(value.__reduce__(), elements // 2)
    if hasattr(value, "tell"):
        return int(value.tell())
    left = length_hint(value, -1)
    if left >= 0:
        return left
    return 0 if vars(type(value)).get("__slots__") or getattr(value, "__dict__", None) else next(_never_twice)


def _attributes(value: Any, elements: int) -> int:
    """What an object keeps in ``__dict__`` and ``__slots__``."""
    kept = getattr(value, "__dict__", None)
    kept = dict(kept) if isinstance(kept, dict) else {}
    for each in type(value).__mro__:
        slots = vars(each).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            # Not asked by its name, which a property of the same name could answer.
            member = vars(each).get(name)
            if isinstance(member, MemberDescriptorType):
                # Missing where it was never set.
                with suppress(AttributeError):
                    kept[name] = member.__get__(value, each)
    return _several(_items(kept, elements), elements // 2) if kept else 0
