"""Values as bytes, for a pipe whose other end is not trusted.

msgpack, with typed extensions for what it lacks: big int, tuple, set, frozenset, complex, bytearray, dict with keys
that are not str, NumPy scalar and array. Types survive: a tuple comes back a tuple, an ``np.float32`` an
``np.float32``, a strided, read-only or Fortran-ordered array as such. Only exact types cross, never subclasses, and
decoding builds nothing else: no class is looked up by name, nothing is called, evaluated or unpickled.

Arrays above `SMALL` bytes stay out of the message; they are the *buffers* beside it (see `frames`).
"""

from __future__ import annotations

import math
import re
import struct
import sys
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from pytest_efficiency.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np

SMALL = 65536
DEEPEST = 150
LONGEST_INT = 4 * 2**20
# A view whose elements overlap (broadcast, sliding windows) can claim more than it brings: only this much of it.
OVERLAP = 64 * 2**20
ALIGNMENT = 64

_BIG_INT, _TUPLE, _SET, _FROZENSET, _COMPLEX, _BYTEARRAY, _DICT, _SURROGATES, _ROWS, _SCALAR, _ARRAY = range(1, 12)

_AS_THEY_ARE = frozenset({type(None), bool, float, bytes})
_FLAT = _AS_THEY_ARE | {int, str}
# Numbers up to 8 bytes a part, and text of fixed width; never object ("O"), whose bytes are pointers.
_DTYPE = re.compile(r"\|b1|[|<>][iu][1248]|[<>]f[248]|[<>]c(?:8|16)|[<>]U\d{1,6}|\|S\d{1,6}")
_encode = msgspec.msgpack.Encoder().encode
_COMPLEX_FORM = struct.Struct("<dd")

# (the place above, what leads here): a chain, because most values are never complained about.
Place = tuple["Place | None", str, Any]
# A message, and the buffers beside it: each is to be placed at the next multiple of ALIGNMENT.
Encoded = tuple[bytes, list[memoryview]]


class Blob(Protocol):
    """The bytes that came beside a message."""

    size: int

    def read_into(self, view: memoryview, start: int) -> None:
        """Fill ``view`` with the bytes from ``start`` on."""


def encode(value: Any, what: str = "the value") -> Encoded:
    """A value as a message; ``what`` it is, for complaints.

    Raises:
        WireError: the value, or something in it, has a type that cannot cross; says which and where.
    """
    return _written(lambda writing: writing.lower(value, (None, what, None), 0))


def encode_batch(name: str, calls: Sequence[tuple[tuple[Any, ...], Mapping[str, Any]]], keep: bool) -> Encoded:
    """The argument of *put*: a function's name and the arguments of its calls; complaints name the argument."""

    def lower(writing: _Writing) -> Any:
        batch = []
        for args, kwargs in calls:
            plain = [
                writing.lower(value, (None, f"argument {index} of {name}", None), 0)
                for index, value in enumerate(args, 1)
            ]
            named = {
                key: writing.lower(value, (None, f"argument {key!r} of {name}", None), 0)
                for key, value in kwargs.items()
            }
            batch.append([msgspec.msgpack.Ext(_TUPLE, _encode(plain)), named])
        return [name, batch, keep]

    return _written(lower)


def encode_results(name: str, results: Sequence[Any]) -> Encoded:
    """The answer of *get*; complaints say of which call."""

    def lower(writing: _Writing) -> Any:
        if len(results) == 1:
            return [writing.lower(results[0], (None, f"the result of {name}", None), 0)]
        return [
            writing.lower(result, (None, f"the result of call {number} of {name}", None), 0)
            for number, result in enumerate(results, 1)
        ]

    return _written(lower)


def _written(lower: Callable[[_Writing], Any]) -> Encoded:
    try:
        writing = _Writing()
        return _encode(lower(writing)), writing.buffers
    except (OverflowError, UnicodeEncodeError):
        # An int above 64 bits or a lone surrogate inside a flat list, which msgspec saw and we did not.
        writing = _Writing(careful=True)
        return _encode(lower(writing)), writing.buffers


def decode(message: bytes | bytearray | memoryview | msgspec.Raw, blob: Blob | None = None) -> Any:
    """The value again; arrays own their memory.

    Raises:
        WireError: the bytes are no message of ours.
    """
    try:
        return _Reading(blob).value(message)
    except WireError:
        raise
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError, MemoryError, OSError) as error:
        msg = f"a message was expected and these bytes are none: {type(error).__name__}: {str(error)[:200]}"
        raise WireError(msg) from None


class _Writing:
    def __init__(self, *, careful: bool = False) -> None:
        self.buffers: list[memoryview] = []
        self._careful = careful
        self._end = 0

    def lower(self, value: Any, place: Place, depth: int) -> Any:
        """The value in types that msgspec writes as they are."""
        kind = type(value)
        if kind in _AS_THEY_ARE:
            return value
        if kind is int:
            return value if -(2**63) <= value < 2**64 else self._big_int(value, place)
        if kind is str:
            return value if not self._careful else _text(value)
        if depth > DEEPEST:
            msg = f"{_words(place)}: nested more than {DEEPEST} deep, or containing itself; pass something flatter"
            raise WireError(msg)
        if kind is list:
            return self._items(value, place, depth)
        if kind is tuple:
            return msgspec.msgpack.Ext(_TUPLE, _encode(self._items(value, place, depth)))
        if kind is dict:
            return self._dict(value, place, depth)
        if kind is set or kind is frozenset:
            items = [self.lower(item, (place, "element", None), depth + 1) for item in value]
            return msgspec.msgpack.Ext(_SET if kind is set else _FROZENSET, _encode(items))
        if kind is complex:
            return msgspec.msgpack.Ext(_COMPLEX, _COMPLEX_FORM.pack(value.real, value.imag))
        if kind is bytearray:
            return msgspec.msgpack.Ext(_BYTEARRAY, bytes(value))
        if kind.__module__ == "numpy" and "numpy" in sys.modules:
            return self._numpy(value, place)
        raise _cannot_cross(value, place)

    def _big_int(self, value: int, place: Place) -> msgspec.msgpack.Ext:
        length = value.bit_length() // 8 + 1
        if length > LONGEST_INT:
            msg = f"{_words(place)}: an int of {length} bytes cannot cross; at most {LONGEST_INT} can"
            raise WireError(msg)
        return msgspec.msgpack.Ext(_BIG_INT, value.to_bytes(length, "little", signed=True))

    def _items(self, values: Sequence[Any], place: Place, depth: int) -> Any:
        if not self._careful:
            kinds = set(map(type, values))
            if kinds <= _FLAT:
                return values
            if kinds == {tuple} and type(values) is list and set(map(type, chain.from_iterable(values))) <= _FLAT:
                # Points and pairs: one extension for the list instead of one for each tuple.
                return msgspec.msgpack.Ext(_ROWS, _encode(values))
        return [self.lower(item, (place, "item", index), depth + 1) for index, item in enumerate(values)]

    def _dict(self, value: dict[Any, Any], place: Place, depth: int) -> Any:
        kinds = set(map(type, value.values()))
        if not self._careful and set(map(type, value)) <= {str}:
            if kinds <= _FLAT:
                return value
            return {key: self.lower(item, (place, "key", key), depth + 1) for key, item in value.items()}
        keys = [self.lower(key, (place, "the key itself", key), depth + 1) for key in value]
        items = [self.lower(item, (place, "key", key), depth + 1) for key, item in value.items()]
        return msgspec.msgpack.Ext(_DICT, _encode([keys, items]))

    def _numpy(self, value: Any, place: Place) -> msgspec.msgpack.Ext:
        import numpy as np

        if isinstance(value, np.generic):
            return msgspec.msgpack.Ext(_SCALAR, _encode([_described(value.dtype, place), value.tobytes()]))
        if type(value) is not np.ndarray:
            raise _cannot_cross(value, place)
        described = _described(value.dtype, place)
        if value.flags.c_contiguous:
            order, view, start = "C", value.reshape(-1), 0
        elif value.flags.f_contiguous:
            order, view, start = "F", value.T.reshape(-1), 0
        else:
            order = "S"
            view, start = _extent(value)
            if value.nbytes > max(view.nbytes, OVERLAP):
                msg = f"{_words(place)}: a view of {value.nbytes} bytes whose elements overlap cannot cross; pass a copy"
                raise WireError(msg)
        raw = memoryview(view.view(np.uint8)) if view.nbytes else memoryview(b"")
        large = raw.nbytes > SMALL
        where = self._reserve(raw) if large else -1
        writeable = bool(value.flags.writeable)
        head = [described, list(value.shape), order, list(value.strides) if order == "S" else [], start, writeable]
        return msgspec.msgpack.Ext(_ARRAY, _encode([*head, where, raw.nbytes, b"" if large else raw]))

    def _reserve(self, raw: memoryview) -> int:
        where = -(-self._end // ALIGNMENT) * ALIGNMENT
        self._end = where + raw.nbytes
        self.buffers.append(raw)
        return where


class _Reading:
    def __init__(self, blob: Blob | None) -> None:
        self._blob = blob
        self._depth = 0
        self._decode = msgspec.msgpack.Decoder(ext_hook=self._extension).decode

    def value(self, message: Any) -> Any:
        return self._decode(message)

    def _extension(self, code: int, data: memoryview) -> Any:
        if code == _BIG_INT:
            if data.nbytes > LONGEST_INT:
                msg = "an int is longer than any we send"
                raise WireError(msg)
            return int.from_bytes(data, "little", signed=True)
        if code == _COMPLEX:
            return complex(*_COMPLEX_FORM.unpack(data))
        if code == _BYTEARRAY:
            return bytearray(data)
        if code == _SURROGATES:
            return str(data, "utf-8", "surrogatepass")
        if self._depth > DEEPEST:
            msg = f"a message is nested more than {DEEPEST} deep"
            raise WireError(msg)
        self._depth += 1
        try:
            return self._container(code, self._decode(data))
        finally:
            self._depth -= 1

    def _container(self, code: int, parts: Any) -> Any:
        if type(parts) is not list:
            msg = f"extension {code} holds no list"
            raise WireError(msg)
        if code == _TUPLE:
            return tuple(parts)
        if code == _ROWS:
            return [tuple(_expect(row, list)) for row in parts]
        if code == _SET:
            return set(parts)
        if code == _FROZENSET:
            return frozenset(parts)
        if code == _DICT:
            keys, items = (_expect(part, list) for part in parts)
            return dict(zip(keys, items, strict=True))
        if code == _SCALAR:
            return _scalar(*parts)
        if code == _ARRAY:
            return self._array(*parts)
        msg = f"extension {code} is none of ours"
        raise WireError(msg)

    def _array(
        self,
        described: Any,
        shape: Any,
        order: Any,
        strides: Any,
        start: Any,
        writeable: Any,
        where: Any,
        length: Any,
        raw: Any,
    ) -> np.ndarray[Any, Any]:
        import numpy as np

        dtype = _dtype(described)
        shape = tuple(_natural(count) for count in _expect(shape, list))
        length, start = _natural(length), _natural(start)
        within = self._blob.size if self._blob is not None and where != -1 else len(_expect(raw, bytes))
        elements = math.prod(shape)
        if length > within or elements * dtype.itemsize > max(within, OVERLAP):
            msg = f"an array of shape {shape} needs more bytes than came with it"
            raise WireError(msg)
        if order == "S":
            memory = np.empty(length, np.uint8)
            steps = tuple(_expect(step, int) for step in _expect(strides, list))
            if len(steps) != len(shape):
                msg = f"an array of shape {shape} came with {len(steps)} strides"
                raise WireError(msg)
            # ndarray() itself refuses strides that lead out of the buffer.
            array = np.ndarray(shape, dtype, buffer=memory.data, offset=start, strides=steps)
        elif order in {"C", "F"} and elements * dtype.itemsize == length:
            array = np.empty(shape, dtype, order=order)
            memory = (array if order == "C" else array.T).reshape(-1).view(np.uint8) if length else np.empty(0, np.uint8)
        else:
            msg = f"an array of shape {shape} came with {length} bytes in order {order!r:.20}"
            raise WireError(msg)
        if length and where == -1:
            memory[:] = np.frombuffer(raw, np.uint8, length)
        elif length and self._blob is not None:
            if _natural(where) + length > self._blob.size:
                msg = "an array lies outside the memory that came with the message"
                raise WireError(msg)
            self._blob.read_into(memoryview(memory), where)
        if not _expect(writeable, bool):
            array.flags.writeable = False
        return array


def _text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return msgspec.msgpack.Ext(_SURROGATES, value.encode("utf-8", "surrogatepass"))
    return value


def _extent(array: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], int]:
    """All memory from a strided array's lowest byte to its highest, and where in it the first element is."""
    import numpy as np

    reach = [(count - 1) * step for count, step in zip(array.shape, array.strides, strict=True)]
    below = -sum(step for step in reach if step < 0)
    above = sum(step for step in reach if step > 0) + array.itemsize
    address = array.__array_interface__["data"][0] - below
    # An odd address is part of what a strided view of a packed record costs: keep it odd.
    odd = address % array.dtype.alignment

    class Memory:
        __array_interface__ = {  # noqa: RUF012 - read by NumPy, once
            "data": (address, True),
            "shape": (below + above,),
            "typestr": "|u1",
            "version": 3,
        }
        keep = array

    raw = np.asarray(Memory())
    if odd:
        raw = np.concatenate([np.zeros(odd, np.uint8), raw])
    return raw, below + odd


def _described(dtype: np.dtype[Any], place: Place) -> Any:
    """A dtype as plain data: its code, or for records [[names, codes, offsets], size]."""
    if dtype.names is None:
        if dtype.subdtype is None and _DTYPE.fullmatch(dtype.str):
            return dtype.str
    elif dtype.fields is not None:
        fields = [dtype.fields[name] for name in dtype.names]
        codes = [field[0].str for field in fields]
        if all(field[0].names is None and field[0].subdtype is None for field in fields) and all(
            _DTYPE.fullmatch(code) for code in codes
        ):
            return [[list(dtype.names), codes, [int(field[1]) for field in fields]], dtype.itemsize, dtype.isalignedstruct]
    msg = f"{_words(place)}: NumPy data of dtype {str(dtype)[:80]} cannot cross; use numbers, bool or text of fixed width"
    raise WireError(msg)


def _dtype(described: Any) -> np.dtype[Any]:
    import numpy as np

    if type(described) is str:
        return np.dtype(_code(described))
    (names, codes, offsets), size, aligned = _expect(described, list)
    return np.dtype(
        {
            "names": [_expect(name, str) for name in _expect(names, list)],
            "formats": [_code(code) for code in _expect(codes, list)],
            "offsets": [_natural(offset) for offset in _expect(offsets, list)],
            "itemsize": _natural(size),
        },
        align=_expect(aligned, bool),
    )


def _code(code: Any) -> str:
    if type(code) is not str or not _DTYPE.fullmatch(code):
        msg = f"dtype {code!r:.40} is none that crosses"
        raise WireError(msg)
    return code


def _scalar(described: Any, raw: Any) -> Any:
    import numpy as np

    dtype = _dtype(described)
    if len(_expect(raw, bytes)) != dtype.itemsize:
        msg = f"a NumPy scalar of {dtype.itemsize} bytes came as {len(raw)}"
        raise WireError(msg)
    if dtype.itemsize == 0:
        return dtype.type()
    # A copy, because a record scalar is a view and what it would view here is read-only.
    return np.frombuffer(raw, dtype).copy()[0]


def _expect(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        msg = f"{kind.__name__} was expected in a message and {type(value).__name__} came"
        raise WireError(msg)
    return value


def _natural(value: Any) -> int:
    if type(value) is not int or value < 0:
        msg = f"a count or offset was expected in a message and {type(value).__name__} came"
        raise WireError(msg)
    return value


def _cannot_cross(value: Any, place: Place) -> WireError:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return WireError(
        f"{_words(place)}: an object of type {name[:100]} cannot cross the process boundary; plain data can: "
        "None, bool, int, float, complex, str, bytes, list, tuple, dict, set, NumPy arrays and scalars"
    )


def _words(place: Place) -> str:
    """A chain of places as words: ``argument 2, key 'x', item 3``."""
    parts: list[str] = []
    here: Place | None = place
    while here is not None:
        here, what, which = here
        if what == "key":
            parts.append(f"key {_short(which)}")
        elif what == "the key itself":
            parts.append(f"the key {_short(which)} itself")
        elif what == "element":
            parts.append("an element")
        else:
            parts.append(what if which is None else f"{what} {which}")
    parts.reverse()
    if len(parts) > 8:
        parts[4:-3] = ["..."]
    return ", ".join(parts)


def _short(key: Any) -> str:
    if type(key) is str:
        return repr(key[:40])
    if type(key) in {int, float, bool, type(None)}:
        return repr(key)[:40]
    return f"of type {type(key).__name__[:40]}"


def offsets(buffers: Iterable[memoryview]) -> tuple[list[int], int]:
    """Where each buffer begins, and the length of all of them together."""
    starts: list[int] = []
    end = 0
    for raw in buffers:
        start = -(-end // ALIGNMENT) * ALIGNMENT
        starts.append(start)
        end = start + raw.nbytes
    return starts, end
