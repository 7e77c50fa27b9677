"""When two results agree, and what is said when they do not."""

import collections
import decimal
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_efficiency.subject.agreement import agree, cut

NAN = math.nan
SAME = [
    (1, 1),
    (10**5000, 10**5000),
    ("a", "a"),
    (b"", b""),
    (None, None),
    (True, True),
    (1.0, 1.0 + 1e-12),
    (NAN, float("nan")),
    (math.inf, math.inf),
    (0.0, -0.0),
    (1 + 2j, 1 + (2 + 1e-12) * 1j),
    (complex(NAN, 1), complex(NAN, 1)),
    ([1, [2.0, NAN]], [1, [2.0, NAN]]),
    ((1, "x"), (1, "x")),
    ({"a": [1.0]}, {"a": [1.0 + 1e-13]}),
    ({1, 2}, {2, 1}),
    ({0.1 + 0.2, 5.0}, {0.3, 5.0}),
    (1.5, np.float64(1.5)),
    (3, np.int64(3)),
    (True, np.bool_(True)),
    (np.array([1.0, NAN]), np.array([1.0 + 1e-13, NAN])),
    (np.array([1, 2]), np.array([1, 2])),
    (np.array(2.0), np.array(2.0)),
    (np.zeros((0, 3)), np.zeros((0, 3))),
    (np.array(["NaT", "2024-01-01"], "M8[D]"), np.array(["NaT", "2024-01-01"], "M8[D]")),
    (np.array([(1, 2.0)], "i4,f8"), np.array([(1, 2.0)], "i4,f8")),
    (np.array([[1, "a"]], object), np.array([[1, "a"]], object)),
    ([np.array([1.0])], [np.array([1.0])]),
    (decimal.Decimal("1.0"), decimal.Decimal("1.0")),
    (collections.OrderedDict(a=1), collections.OrderedDict(a=1)),
]
DIFFERENT = [
    (1, 2, "expected 1, got 2"),
    (1, 1.0, "(int)"),
    (1, True, "(bool)"),
    (1.0, 1.0 + 1e-8, "rtol 1e-09"),
    (0.0, 1e-300, "expected 0.0"),
    (1.0, NAN, "got nan"),
    (math.inf, -math.inf, "got -inf"),
    (math.inf, 1e308, "expected inf"),
    (10**400, 10**400 + 1, "bits"),
    (1.0, 1.0 + 0j, "(complex)"),
    ("a", b"a", "(bytes)"),
    (None, 0, "expected None"),
    ([1, 2], (1, 2), "(tuple)"),
    ([1, 2], [1, 2, 3], "expected 2 elements, got 3"),
    ([1, [2, 3]], [1, [2, 4]], "at [1][1]: expected 3, got 4"),
    ([1, 1.0], [1, 1], "at [1]"),
    ({"a": 1}, {"a": 2}, "at ['a']: expected 1, got 2"),
    ({"a": 1}, {"b": 1}, "missing: ['a']"),
    ({1: 1}, {True: 1}, "unexpected: [True]"),
    ({1, 2}, {1, 3}, "missing [2], unexpected [3]"),
    ({1}, {1.0}, "missing [1]"),
    ({1}, frozenset({1}), "frozenset"),
    ([1.0], np.array([1.0]), "(numpy.ndarray)"),
    (np.array([1.0]), np.array([1.0], np.float32), "expected an array of float64, got float32"),
    (np.zeros((2, 3)), np.zeros((3, 2)), "shape (2, 3), got (3, 2)"),
    (np.array(1.0), np.array([1.0]), "shape"),
    (np.array([[1, 2], [3, 4]]), np.array([[1, 2], [3, 5]]), "at [1, 1]: expected"),
    (np.arange(100.0), np.arange(100.0) + 1, "100 of 100 elements differ"),
    (np.array([1.0, NAN]), np.array([1.0, 2.0]), "at [1]"),
    (np.array([(1, 2.0)], "i4,f8"), np.array([(1, 3.0)], "i4,f8"), "'f1'"),
    (np.array(["a"]), np.array(["b"]), "at [0]"),
    (decimal.Decimal(1), decimal.Decimal(2), "Decimal"),
    (object(), object(), "no equality of its own; pass equal="),
    (iter([1]), iter([1]), "does its work only when it is consumed"),
    ((x for x in [1]), (x for x in [1]), "return a list"),
]


@pytest.mark.parametrize("number", range(len(SAME)))
def test_what_is_the_same_agrees(number):
    """Both ways round."""
    one, other = SAME[number]
    assert agree(one, other) is None
    assert agree(other, one) is None


@pytest.mark.parametrize("number", range(len(DIFFERENT)))
def test_what_differs_is_shown(number):
    """The line says where and how; the other way round it differs as well."""
    expected, actual, said = DIFFERENT[number]
    found = agree(expected, actual)
    assert found is not None
    assert said in found
    assert "\n" not in found
    assert agree(actual, expected) is not None


def test_tolerances_can_be_given():
    """``rtol`` and ``atol`` widen what agrees, and no further."""
    assert agree(1.0, 1.01, rtol=0.1) is None
    assert agree(0.0, 1e-12, atol=1e-9) is None
    assert agree([0.0], [1e-6], atol=1e-9) is not None
    assert agree(np.zeros(3), np.full(3, 1e-12), atol=1e-9) is None
    assert agree(2, 3, rtol=1.0, atol=10.0) is not None


class Liar:
    def __eq__(self, other):
        raise RuntimeError

    __hash__ = None


def test_an_equality_that_raises_is_a_difference():
    """Somebody else's ``__eq__`` cannot end the measurement."""
    assert "cannot be compared (RuntimeError)" in agree(Liar(), Liar())


def test_bottomless_nesting_is_an_answer():
    """A list in itself is not compared and does not overflow the stack."""
    one, other = [], []
    one.append(one)
    other.append(other)
    assert "nested" in agree(one, other)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


@given(PLAIN)
def test_everything_plain_agrees_with_itself(value):
    """Reflexive for whatever can cross the wire, NaN included."""
    assert agree(value, value) is None
    assert agree([value], [value]) is None


@given(PLAIN, PLAIN)
def test_agreement_never_raises_and_does_not_depend_on_the_order(one, other):
    """A line or None for any two values; None one way is None the other way."""
    assert (agree(one, other) is None) == (agree(other, one) is None)


@pytest.mark.parametrize(
    "value",
    [
        "x" * 10**7,
        b"x" * 10**7,
        bytearray(10**7),
        10**100_000,
        list(range(10**6)),
        {i: i for i in range(10**5)},
        np.arange(10**6),
        np.array(3.5),
        [[["x" * 1000] * 1000] * 1000] * 1000,
        type("Broken", (), {"__repr__": lambda _: 1 // 0})(),
        type("Long", (), {"__repr__": lambda _: "y" * 10**6})(),
    ],
    ids=["str", "bytes", "bytearray", "int", "list", "dict", "array", "scalar", "nested", "broken", "long"],
)
def test_huge_values_are_cut(value):
    """A repr of 200 characters at most, in a moment, of whatever it is."""
    assert 0 < len(cut(value, 200)) <= 200
    assert len(cut(value, 40)) <= 40


def test_small_values_are_shown_as_they_are():
    """What fits is its repr."""
    for value in (1, "a", [1, 2], {"a": (1, 2)}, None, 2.5):
        assert cut(value) == repr(value)
