"""NumPy data as plain numbers and bytes, and back, for `wire`.

What crosses is a dtype from a short list, a shape, an order or strides, a flag, and bytes. Never object arrays, whose
bytes are pointers; never subclasses. Only loaded when NumPy data is met.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pytest_efficiency.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable

# A view whose elements overlap (broadcast, sliding windows) can claim more than it brings: only this much of it.
OVERLAP = 64 * 2**20
# Numbers up to 8 bytes a part, and text of fixed width.
_DTYPE = re.compile(r"\|b1|[|<>][iu][1248]|[<>]f[248]|[<>]c(?:8|16)|[<>]U\d{1,6}|\|S\d{1,6}")
Array = np.ndarray[Any, Any]


def lay_out(array: Array) -> tuple[list[Any], memoryview]:
    """What describes an array, and all of its memory: of a strided one, from its lowest byte to its highest."""
    described = describe(array.dtype)
    strides: list[int] = []
    start = 0
    if array.flags.c_contiguous:
        order, flat = "C", array.reshape(-1)
    elif array.flags.f_contiguous:
        order, flat = "F", array.T.reshape(-1)
    else:
        order, strides = "S", list(array.strides)
        flat, start = _extent(array)
        if array.nbytes > max(flat.nbytes, OVERLAP):
            msg = f"a view of {array.nbytes} bytes whose elements overlap cannot cross; pass a copy"
            raise WireError(msg)
    raw = _bytes(flat)
    return [described, list(array.shape), order, strides, start, bool(array.flags.writeable), raw.nbytes], raw


def rebuild(head: list[Any], within: int, fill: Callable[[memoryview], None]) -> Array:
    """The array that `lay_out` described; ``fill`` brings its memory, of which ``within`` bytes have come.

    Raises:
        WireError, ValueError, TypeError: the description is none of ours, or leads out of its memory.
    """
    described, shape, order, strides, start, writeable, length = head
    dtype = undescribe(described)
    shape = tuple(natural(count) for count in expect(shape, list))
    elements = math.prod(shape)
    if natural(length) > within or elements * dtype.itemsize > max(within, OVERLAP):
        msg = f"an array of shape {shape} needs more bytes than came with it"
        raise WireError(msg)
    array: Array
    if order == "S":
        memory = np.empty(length, np.uint8)
        fill(memory.data)
        steps = tuple(expect(step, int) for step in expect(strides, list))
        # ndarray() itself refuses strides that are too few or that lead out of the buffer.
        array = np.ndarray(shape, dtype, buffer=memory.data, offset=natural(start), strides=steps)
    elif order in {"C", "F"} and elements * dtype.itemsize == length:
        array = np.empty(shape, dtype, order=order)
        if length:
            fill(_bytes((array if order == "C" else array.T).reshape(-1)))
    else:
        msg = f"an array of shape {shape} came with {length} bytes in order {order!r:.20}"
        raise WireError(msg)
    if not expect(writeable, bool):
        array.flags.writeable = False
    return array


def scalar(described: Any, raw: Any) -> Any:
    """A NumPy scalar from its dtype and bytes."""
    dtype = undescribe(described)
    if len(expect(raw, bytes)) != dtype.itemsize:
        msg = f"a NumPy scalar of {dtype.itemsize} bytes came as {len(raw)}"
        raise WireError(msg)
    if dtype.itemsize == 0:
        return dtype.type()
    # A copy, because a record scalar is a view and what it would view here is read-only.
    return np.frombuffer(raw, dtype).copy()[0]


def describe(dtype: np.dtype[Any]) -> Any:
    """A dtype as plain data: its code, or for flat records [[names, codes, offsets], size, aligned]."""
    if dtype.names is None:
        if dtype.subdtype is None and _DTYPE.fullmatch(dtype.str):
            return dtype.str
    elif dtype.fields is not None:
        fields = [dtype.fields[name] for name in dtype.names]
        codes = [field[0].str for field in fields]
        flat = all(field[0].names is None and field[0].subdtype is None for field in fields)
        if flat and all(_DTYPE.fullmatch(code) for code in codes):
            offsets = [int(field[1]) for field in fields]
            return [[list(dtype.names), codes, offsets], dtype.itemsize, dtype.isalignedstruct]
    msg = f"NumPy data of dtype {str(dtype)[:80]} cannot cross; numbers, bool and text of fixed width can"
    raise WireError(msg)


def undescribe(described: Any) -> np.dtype[Any]:
    """The dtype that `describe` described."""
    if type(described) is str:
        return np.dtype(_code(described))
    (names, codes, offsets), size, aligned = expect(described, list)
    return np.dtype(
        {
            "names": [expect(name, str) for name in expect(names, list)],
            "formats": [_code(code) for code in expect(codes, list)],
            "offsets": [natural(offset) for offset in expect(offsets, list)],
            "itemsize": natural(size),
        },
        align=expect(aligned, bool),
    )


def expect(value: Any, kind: type) -> Any:
    """A value that came, if it is of exactly this type."""
    if type(value) is not kind:
        msg = f"{kind.__name__} was expected in a message and {type(value).__name__} came"
        raise WireError(msg)
    return value


def natural(value: Any) -> int:
    """A value that came, if it is a count or an offset."""
    if type(value) is not int or value < 0:
        msg = f"a count or offset was expected in a message and {type(value).__name__} came"
        raise WireError(msg)
    return value


def _code(code: Any) -> str:
    if type(code) is not str or not _DTYPE.fullmatch(code):
        msg = f"dtype {code!r:.40} is none that crosses"
        raise WireError(msg)
    return code


def _bytes(flat: Array) -> memoryview:
    if not flat.nbytes:
        return memoryview(b"")
    return flat.view(np.uint8).data


def _extent(array: Array) -> tuple[Array, int]:
    """All memory from a strided array's lowest byte to its highest, and where in it the first element is."""
    reach = [(count - 1) * step for count, step in zip(array.shape, array.strides, strict=True)]
    below = -sum(step for step in reach if step < 0)
    above = sum(step for step in reach if step > 0) + array.itemsize
    address = array.__array_interface__["data"][0] - below
    raw: Array = np.asarray(_Memory(address, below + above, array))
    # An odd address is part of what a view into packed records costs: keep it odd.
    odd = address % array.dtype.alignment
    if odd:
        raw = np.concatenate([np.zeros(odd, np.uint8), raw])
    return raw, below + odd


class _Memory:
    """A stretch of memory that NumPy may look at while ``owner`` lives."""

    def __init__(self, address: int, length: int, owner: Array) -> None:
        self.owner = owner
        self.__array_interface__ = {"data": (address, True), "shape": (length,), "typestr": "|u1", "version": 3}
