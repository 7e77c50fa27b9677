from __future__ import annotations

import contextlib
import math
import string
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_efficiency.errors import WireError
from pytest_efficiency.workers import arrays, wire


class Memory:
    """Buffers laid out as the receiver of a message finds them."""

    def __init__(self, buffers: list[memoryview]) -> None:
        starts, self.size = wire.offsets(buffers)
        self._raw = bytearray(self.size)
        for start, raw in zip(starts, buffers, strict=True):
            self._raw[start : start + raw.nbytes] = raw

    def read_into(self, view: memoryview, start: int) -> None:
        view[:] = self._raw[start : start + view.nbytes]


def there_and_back(value: Any) -> Any:
    message, buffers = wire.encode(value)
    return wire.decode(message, Memory(buffers) if buffers else None)


def same(one: Any, other: Any) -> bool:
    """Equal, of the same types all the way down, and with arrays of the same layout."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        layout = one.dtype == other.dtype and one.shape == other.shape and one.flags.writeable == other.flags.writeable
        strides = one.strides == other.strides or one.size < 2 or one.flags.contiguous
        return bool(layout and strides and one.tobytes() == other.tobytes())
    if isinstance(one, np.generic):
        return bool(one.dtype == other.dtype and one.tobytes() == other.tobytes())
    if isinstance(one, float):
        return repr(one) == repr(other)
    if isinstance(one, complex):
        return repr(one) == repr(other)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        # Order is part of a dict, and its keys have types too.
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if isinstance(one, (set, frozenset)):
        return bool(one == other) and sorted(map(type_name, one)) == sorted(map(type_name, other))
    return bool(one == other)


def type_name(value: Any) -> str:
    return type(value).__name__


hashable = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters()) | st.binary(),
    lambda inner: st.lists(inner, max_size=4).map(tuple) | st.frozensets(inner, max_size=4),
    max_leaves=6,
)
dtypes = (
    hnp.boolean_dtypes()
    | hnp.integer_dtypes(endianness="?")
    | hnp.unsigned_integer_dtypes(endianness="?")
    | hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64))
    | hnp.complex_number_dtypes(endianness="?", sizes=(64, 128))
    | hnp.unicode_string_dtypes(min_len=1, max_len=4)
    | hnp.byte_string_dtypes(min_len=1, max_len=4)
)
views = hnp.arrays(dtypes, hnp.array_shapes(min_dims=1, max_dims=3, max_side=6)).flatmap(
    lambda array: hnp.basic_indices(array.shape, allow_ellipsis=False).map(lambda where: array[where])
)
values = st.recursive(
    hashable
    | st.floats()
    | st.complex_numbers()
    | st.binary().map(bytearray)
    | st.integers(-(2**300), 2**300)
    | views
    | hnp.arrays(dtypes, hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4)),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.dictionaries(st.text(string.ascii_letters, max_size=3), inner, max_size=4)
        | st.sets(hashable, max_size=4)
    ),
    max_leaves=12,
)
thorough = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@thorough
@given(values)
def test_values_come_back_as_they_went(value: Any) -> None:
    """Every value of the types that cross comes back equal, of the same types, with the same layout."""
    assert same(there_and_back(value), value)


@thorough
@given(values, st.data())
def test_mutated_messages_raise_wire_error_only(value: Any, data: st.DataObject) -> None:
    """A damaged message is a WireError or some other plain value; never another exception, never a crash."""
    message = bytearray(wire.encode(value)[0])
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(0, len(message) - 1))
        what = data.draw(st.sampled_from(["flip", "cut", "insert"]))
        if what == "flip":
            message[where] = data.draw(st.integers(0, 255))
        elif what == "cut" and len(message) > 1:
            del message[where:]
        else:
            message[where:where] = data.draw(st.binary(min_size=1, max_size=9))
        if not message:
            break
    with contextlib.suppress(WireError):
        wire.decode(bytes(message))


@thorough
@given(st.binary(max_size=200))
def test_noise_raises_wire_error_only(noise: bytes) -> None:
    """Bytes that nobody encoded are a WireError or some plain value."""
    with contextlib.suppress(WireError):
        wire.decode(noise)


@pytest.mark.parametrize(
    "value",
    [
        0,
        2**63,
        -(2**63) - 1,
        2**64,
        3**5000,
        [2**70, "x"],
        {"big": [1, 2**64]},
        (),
        [(1, 2), (3, "x"), ()],
        [(1, (2, 3))],
        {1, 2.5, "x", (1, frozenset({2}))},
        -0.0,
        math.nan,
        math.inf,
        complex(-0.0, math.nan),
        "\ud800 alone",
        ["\udfff", 1],
        {"\ud800": 1},
        bytearray(b"xyz"),
        {(1, 2): {3: None}},
        {True: "one", "1": "another", 2.0: 2},
        [[], {}, set(), "", b""],
    ],
    ids=list(map(str, range(22))),
)
def test_plain_values(value: Any) -> None:
    """The values at which a msgpack encoder stumbles come back as they went."""
    assert same(there_and_back(value), value)


@pytest.mark.parametrize(
    "value",
    [
        np.bool_(True),
        np.int8(-3),
        np.uint64(2**64 - 1),
        np.float16(0.1),
        np.float32(0.1),
        np.float64(0.1),
        np.complex64(1 + 2j),
        np.str_("abc"),
        np.bytes_(b"abc"),
    ],
    ids=type_name,
)
def test_numpy_scalars_keep_their_type(value: Any) -> None:
    """A NumPy scalar is not a Python number when it arrives, alone or in a list."""
    assert same(there_and_back(value), value)
    assert same(there_and_back([value, 1]), [value, 1])


BASE = np.arange(20_000.0).reshape(100, 200)
LAYOUTS = {
    "C": BASE,
    "Fortran": np.asfortranarray(BASE),
    "every other column": BASE[:, ::2],
    "backwards": BASE[::-1, ::-1],
    "a column": BASE[:, 3],
    "transposed cut": BASE[10:50, 5:9].T,
    "broadcast": np.broadcast_to(np.arange(5), (4, 5)),
    "windows": np.lib.stride_tricks.sliding_window_view(np.arange(10), 3),
    "scalar": np.array(3.5),
    "empty": np.empty((0, 3)),
    "big-endian": np.arange(5, dtype=">i4"),
    "text": np.array(["a", "bcd"]),
    "records": np.array([(1, 2.5)], dtype=[("a", "i1"), ("b", "f8")]),
    "field of packed records": np.zeros(9, dtype=[("a", "i1"), ("b", "f8")])["b"],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_arrays_keep_their_layout(layout: str) -> None:
    """Dtype, shape, strides and alignment of an array arrive as they left."""
    array = LAYOUTS[layout]
    back = there_and_back(array)
    assert same(back, array)
    assert back.flags.aligned == array.flags.aligned
    assert back.flags.c_contiguous == array.flags.c_contiguous
    assert back.flags.f_contiguous == array.flags.f_contiguous


@pytest.mark.parametrize("shape", [10, 100_000])
@pytest.mark.parametrize("step", [1, 2])
def test_read_only_arrays_arrive_read_only(shape: int, step: int) -> None:
    """The writeable flag crosses, for arrays in the message and beside it; a copy has memory of its own."""
    array = np.arange(float(shape))[::step]
    assert there_and_back(array).flags.writeable
    array.flags.writeable = False
    back = there_and_back(array)
    with pytest.raises(ValueError, match="read-only"):
        back[0] = 1.0
    assert not np.shares_memory(back, array)


def test_large_arrays_lie_beside_the_message() -> None:
    """Arrays above 64 KB are buffers and not part of the message, and several keep apart."""
    value = {"a": np.arange(9_000.0), "b": [np.ones((100, 400), np.int32)[:, ::2], np.arange(3)], "c": np.ones(20_000)}
    message, buffers = wire.encode(value)
    assert sorted(raw.nbytes for raw in buffers) == [72_000, 159_996, 160_000]
    assert len(message) < 1000
    assert same(wire.decode(message, Memory(buffers)), value)
    small, none = wire.encode(np.arange(8_000.0))
    assert not none
    assert len(small) > 64_000


class Foo:
    pass


class MyList(list[int]):
    pass


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Foo(), "the value: an object of type .*Foo cannot cross"),
        ([1, {"x": (2, Foo())}], "the value, item 1, key 'x', item 1: an object of type .*Foo"),
        ({Foo(): 1}, "the key of type Foo itself: an object of type .*Foo"),
        ({3: Foo()}, "key 3: an object of type .*Foo"),
        ([MyList()], "item 0: an object of type .*MyList"),
        (len, "builtin_function_or_method cannot cross"),
        (np.array([Foo()]), "the value: NumPy data of dtype object cannot cross"),
        ([np.datetime64("2020-01-01")], "item 0: NumPy data of dtype datetime64"),
        (np.ma.array([1]), "MaskedArray cannot cross"),
        (np.broadcast_to(1.0, (10_000, 10_000)), "whose elements overlap"),
        (1 << (wire.LONGEST_INT * 8), "an int of .* bytes cannot cross"),
    ],
    ids=list(map(str, range(11))),
)
def test_what_cannot_cross_is_named_with_its_place(value: Any, words: str) -> None:
    """The message names the type and the way to it."""
    with pytest.raises(WireError, match=words):
        wire.encode(value)


def test_a_list_in_itself_is_refused() -> None:
    """A cycle is an error and not a hang, and so is what is nested too deep."""
    cycle: list[Any] = []
    cycle.append(cycle)
    with pytest.raises(WireError, match="nested more than"):
        wire.encode(cycle)
    nested: Any = ()
    for _ in range(wire.DEEPEST):
        nested = (nested,)
    assert same(there_and_back(nested), nested)


def test_batches_name_the_argument() -> None:
    """A complaint about an argument says which one of which function."""
    with pytest.raises(WireError, match="argument 2 of f, key 'x': an object of type"):
        wire.encode_batch("f", [((1, {"x": Foo()}), {})], True)
    with pytest.raises(WireError, match="argument 'data' of f: an object of type"):
        wire.encode_batch("f", [((1,), {"data": Foo()})], True)
    with pytest.raises(WireError, match="the result of call 2 of f, item 0: an object of type"):
        wire.encode_results("f", [1, [Foo()]])


def forged(code: int, parts: Any) -> bytes:
    return msgspec.msgpack.encode(msgspec.msgpack.Ext(code, msgspec.msgpack.encode(parts)))


ARRAY, SCALAR, BIG_INT = wire._ARRAY, wire._SCALAR, wire._BIG_INT


@pytest.mark.parametrize(
    "message",
    [
        forged(ARRAY, [["|O", [1], "C", [], 0, True, 8], -1, b"12345678"]),
        forged(ARRAY, [["<f8", [2], "C", [], 0, True, 8], -1, b"12345678"]),
        forged(ARRAY, [["<f8", [2**40, 2**40], "C", [], 0, True, 8], -1, b"12345678"]),
        forged(ARRAY, [["<f8", [2**40], "S", [0], 0, True, 8], -1, b"12345678"]),
        forged(ARRAY, [["<f8", [2], "S", [8], 0, True, 8], -1, b"12345678"]),
        forged(ARRAY, [["<f8", [2], "S", [-8], 0, True, 16], -1, b"1234567812345678"]),
        forged(ARRAY, [["<f8", [1], "S", [8], 2**62, True, 8], -1, b"12345678"]),
        forged(ARRAY, [["<f8", [-1], "C", [], 0, True, 8], -1, b"12345678"]),
        forged(ARRAY, [["<f8", [1], "C", [], 0, True, 8], 0, b""]),
        forged(ARRAY, [["<f8", [1], "X", [], 0, True, 8], -1, b"12345678"]),
        forged(ARRAY, [[[[["a"], ["|O"], [0]], 8, False], [1], "C", [], 0, True, 8], -1, b"12345678"]),
        forged(SCALAR, ["|O", b"12345678"]),
        forged(SCALAR, ["<f8", b"1234"]),
        forged(99, []),
        forged(wire._TUPLE, {}),
        forged(wire._DICT, [[1, 2], [1]]),
        forged(wire._DICT, [[[1]], [1]]),
        msgspec.msgpack.encode(msgspec.msgpack.Ext(BIG_INT, bytes(wire.LONGEST_INT + 1))),
        b"\x91" * 100_000 + b"\xc0",
    ],
    ids=list(map(str, range(19))),
)
def test_forged_messages_are_refused(message: bytes) -> None:
    """What describes memory that is not there, pointers, or nothing of ours is a WireError."""
    with pytest.raises(WireError):
        wire.decode(message)


def test_memory_beside_a_message_is_bounded() -> None:
    """An array may not reach behind the memory that came with the message."""
    message, buffers = wire.encode(np.arange(10_000.0))
    with pytest.raises(WireError):
        wire.decode(message, Memory([buffers[0][:-1]]))
    for where in (1, 2**62):
        head, _ = arrays.lay_out(np.arange(10_000.0))
        with pytest.raises(WireError):
            wire.decode(forged(ARRAY, [head, where, b""]), Memory(buffers))
    assert len(wire.decode(message, Memory(buffers))) == 10_000
