from __future__ import annotations

import bisect
import copy
import heapq
import random

import pytest

from pytest_efficiency import ClaimError, Comparisons, scaling


def test_each_comparison_counts_once_whichever_it_is() -> None:
    """Six operators, six counts, and the answers are those of the values."""
    count = Comparisons()
    one, two = count.of(1), count.of(2)
    assert (one < two, one <= two, one > two, one >= two, one == two, one != two) == (
        True,
        True,
        False,
        False,
        False,
        True,
    )
    assert count() == 6
    assert hash(one) == hash(1)
    assert repr(one) == "Compared(1)"


def test_code_in_c_is_seen() -> None:
    """sorted of n values in order takes n - 1 comparisons; a binary search at most 10 of 1000."""
    count = Comparisons()
    values = [count.of(number) for number in range(1000)]
    assert [one.value for one in sorted(values)] == list(range(1000))
    assert count() == 999
    bisect.bisect(values, count.of(400))
    assert count() - 999 <= 10


def test_copies_count_on_the_same_counter() -> None:
    """A call that changes its input gets copies, and those are counted as well."""
    count = Comparisons()
    values = copy.deepcopy([count.of(2), count.of(1)])
    values.sort()
    assert count() == 1


def test_a_plain_value_beside_a_counted_one_is_refused() -> None:
    """Half of the comparisons would go uncounted. A test for equality alone is answered: a set may ask that."""
    one = Comparisons().of(1)
    with pytest.raises(ClaimError, match="wrap both"):
        assert one < 2
    assert one != 1


def heap_sort(values: list) -> list:
    heap = list(values)
    heapq.heapify(heap)
    return [heapq.heappop(heap) for _ in values]


def selection_sort(values: list) -> list:
    rest, done = list(values), []
    while rest:
        done.append(rest.pop(rest.index(min(rest))))
    return done


@pytest.mark.parametrize(
    ("function", "claim", "outcome"),
    [(sorted, "n log n", True), (sorted, "n", False), (heap_sort, "n log n", True), (selection_sort, "n log n", False)],
)
def test_counts_tell_classes_that_no_clock_tells(function, claim: str, outcome: bool) -> None:
    """n log n passes as itself and fails as n, in C too; the quadratic fails."""
    count = Comparisons()

    def shuffled(n: int) -> list:
        return [count.of(number) for number in random.sample(range(n), n)]

    verdict = scaling(function, shuffled, counting=count) <= claim
    assert bool(verdict) is outcome
