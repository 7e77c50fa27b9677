"""Values as bytes, for a pipe whose other end is not trusted.

msgpack, with typed extensions for what it lacks: big int, tuple, set, frozenset, complex, bytearray, dict with keys
that are not str, NumPy scalar and array. Types survive: a tuple comes back a tuple, an ``np.float32`` an
``np.float32``, a strided, read-only or Fortran-ordered array as such. Only exact types cross, never subclasses, and
decoding builds nothing else: no class is looked up by name, nothing is called, evaluated or unpickled.

Arrays above `SMALL` bytes stay out of the message; they are the *buffers* beside it (see `frames`).
"""

from __future__ import annotations

import struct
import sys
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from pytest_efficiency.errors import WireError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

SMALL = 65536
DEEPEST = 150
LONGEST_INT = 4 * 2**20
ALIGNMENT = 64

_BIG_INT, _TUPLE, _SET, _FROZENSET, _COMPLEX, _BYTEARRAY, _DICT, _SURROGATES, _ROWS, _SCALAR, _ARRAY = range(1, 12)

_AS_THEY_ARE = frozenset({type(None), bool, float, bytes})
_FLAT = _AS_THEY_ARE | {int, str}
_encode = msgspec.msgpack.Encoder().encode
_COMPLEX_FORM = struct.Struct("<dd")

_MALFORMED = (
    msgspec.MsgspecError,
    struct.error,
    ValueError,
    TypeError,
    OverflowError,
    RecursionError,
    MemoryError,
    OSError,
)

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
    except _MALFORMED as error:
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

        from pytest_efficiency.workers import arrays

        if type(value) is not np.ndarray and not isinstance(value, np.generic):
            raise _cannot_cross(value, place)
        try:
            if isinstance(value, np.generic):
                # Empty text has a dtype of no bytes, and tobytes() gives four.
                raw = memoryview(value.tobytes()[: value.dtype.itemsize])
                return msgspec.msgpack.Ext(_SCALAR, _encode([arrays.describe(value.dtype), raw]))
            head, raw = arrays.lay_out(value)
        except WireError as error:
            msg = f"{_words(place)}: {error}"
            raise WireError(msg) from None
        if raw.nbytes <= SMALL:
            return msgspec.msgpack.Ext(_ARRAY, _encode([head, -1, raw]))
        where = -(-self._end // ALIGNMENT) * ALIGNMENT
        self._end = where + raw.nbytes
        self.buffers.append(raw)
        return msgspec.msgpack.Ext(_ARRAY, _encode([head, where, b""]))


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
            if not set(map(type, parts)) <= {list}:
                msg = "a list of rows holds something else"
                raise WireError(msg)
            return list(map(tuple, parts))
        if code == _SET:
            return set(parts)
        if code == _FROZENSET:
            return frozenset(parts)
        if code == _DICT:
            keys, items = (_expect(part, list) for part in parts)
            return dict(zip(keys, items, strict=True))
        if code == _SCALAR:
            from pytest_efficiency.workers import arrays

            return arrays.scalar(*parts)
        if code == _ARRAY:
            return self._array(*parts)
        msg = f"extension {code} is none of ours"
        raise WireError(msg)

    def _array(self, head: Any, where: Any, raw: Any) -> Any:
        from pytest_efficiency.workers import arrays

        blob = self._blob
        if where == -1:

            def fill(view: memoryview) -> None:
                view[:] = raw

            within = len(arrays.expect(raw, bytes))
        elif blob is not None:

            def fill(view: memoryview) -> None:
                blob.read_into(view, where)

            # Whatever lies outside what came is more than came.
            within = blob.size - arrays.natural(where)
        else:
            msg = "an array was announced beside a message and nothing came"
            raise WireError(msg)
        return arrays.rebuild(arrays.expect(head, list), within, fill)


def _text(value: str) -> Any:
    try:
        value.encode()
    except UnicodeEncodeError:
        return msgspec.msgpack.Ext(_SURROGATES, value.encode("utf-8", "surrogatepass"))
    return value


def _expect(value: Any, kind: type) -> Any:
    if type(value) is not kind:
        msg = f"{kind.__name__} was expected in a message and {type(value).__name__} came"
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
