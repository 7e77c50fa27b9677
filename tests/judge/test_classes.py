from __future__ import annotations

import math

import pytest

from pytest_efficiency.errors import ClaimError
from pytest_efficiency.judge.classes import KNOWN, GrowthClass, parse_class


@pytest.mark.parametrize("name", KNOWN)
def test_every_listed_class_is_understood_and_keeps_its_name(name: str) -> None:
    """What the error message offers can be written."""
    assert parse_class(name).name == name


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("O(n log n)", "n log n"),
        ("n*log(n)", "n log n"),
        ("nlogn", "n log n"),
        ("n log2 n", "n log n"),
        ("n**2", "n^2"),
        ("n²", "n^2"),
        ("sqrt(n)", "sqrt n"),
        ("n^0.5", "sqrt n"),
        ("n^2.5", "n^2.5"),
        ("3^n", "3^n"),
        ("n log^2 n", "n log^2 n"),
    ],
)
def test_common_spellings_mean_the_same_class(written: str, meant: str) -> None:
    """People write the same class in many ways."""
    assert parse_class(written).name == meant


@pytest.mark.parametrize(
    ("written", "suggested"),
    [("n log", "'n log n'"), ("linear", "'n'"), ("quadratic", "'n^2'"), ("n lgo n", "'n log n'")],
)
def test_an_unknown_class_is_refused_with_the_nearest_and_all_known(written: str, suggested: str) -> None:
    """The message says what was asked, what was probably meant, and what there is."""
    with pytest.raises(ClaimError) as error:
        parse_class(written)
    assert repr(written) in str(error.value)
    assert f"did you mean {suggested}?" in str(error.value)
    assert all(repr(name) in str(error.value) for name in KNOWN)


@pytest.mark.parametrize("written", ["", "n^nan", "n^-1", "n^99", "0.5^n", "1^n", "log", "x", "n!"])
def test_what_is_no_bound_is_refused(written: str) -> None:
    """A claim that means nothing is an error and not a verdict."""
    with pytest.raises(ClaimError):
        parse_class(written)


@pytest.mark.parametrize("written", [2, 1.5, None, math.nan])
def test_a_number_is_no_class(written: object) -> None:
    """``scaling(f, inputs) <= 2`` is refused with the right form."""
    with pytest.raises(ClaimError, match="'n log n'"):
        parse_class(written)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "larger"),
    [
        ("1", "sqrt n"),
        ("log n", "sqrt n"),
        ("n", "n^1.5"),
        ("n log n", "n^1.5"),
        ("n^2", "n^3"),
        ("n^3", "n^4"),
        ("2^n", "4^n"),
    ],
)
def test_the_next_group_is_one_that_a_clock_can_tell(name: str, larger: str) -> None:
    """Log factors do not make a group."""
    assert parse_class(name).next_group.name == larger


def test_a_group_holds_classes_that_differ_in_logs_alone() -> None:
    """n and n log n are one to a clock; n and n^1.5 are two."""
    n, n_log_n = parse_class("n"), parse_class("n log n")
    assert n.same_group(n_log_n)
    assert n.ceiling == n_log_n
    assert not n.same_group(parse_class("n^1.5"))
    assert parse_class("n^1.5").ceiling == parse_class("n^1.5")


def test_growth_and_local_exponent_agree_with_arithmetic() -> None:
    """n log n doubles and a bit when n doubles, and its slope is the textbook's."""
    n_log_n = parse_class("n log n")
    assert n_log_n.growth(1024) == pytest.approx(1024 * 10)
    assert n_log_n.local_exponent(1e5) == pytest.approx(1 + 1 / math.log(1e5))
    assert parse_class("2^n").growth(10) == pytest.approx(1024)
    assert parse_class("2^n").log_growth(5000) == pytest.approx(5000 * math.log(2))
    assert math.isinf(parse_class("2^n").growth(5000))


def test_classes_are_ordered_by_growth() -> None:
    """The list of known classes ascends."""
    orders = [parse_class(name).order for name in KNOWN]
    assert orders == sorted(orders)
    assert GrowthClass(base=2.0).order > GrowthClass(20.0).order
