"""The corpus of functions of known complexity: two halves of equal composition, whose labels are true."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import math
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pytest_efficiency.build import available
from pytest_efficiency.judge.classes import parse_class
from pytest_efficiency.probes import steps

pytestmark = [
    pytest.mark.skipif(bool(lacking), reason=str(lacking)) for lacking in (available("numba"), available("cython"))
]

FEWEST = 120
# Packages of benchmarks/, whose scripts import each other by these names.
OURS = ("corpus", "harness", "peers", "rows")
# Work inside one call into C, which the interpreter's steps do not show, or inputs whose luck decides.
UNSEEN = {
    "bisect_by_slices",
    "bytes_one_by_one",
    "common_by_list",
    "dict_lookup",
    "distinct_by_list",
    "grow_tuple",
    "heap_sort",
    "is_palindrome",
    "linear_search",
    "longest_increasing",
    "pop_front",
    "prefix_sums_anew",
    "prepend_letters",
    "selection_sort",
    "sieve",
    "slice_away",
}
# Steps do not grow by exactly the class's factor over a factor of 4 in n: smaller terms are left at these sizes.
SLACK = 0.2


@pytest.fixture(scope="module")
def corpus():
    folder = str(Path(__file__).parents[1] / "benchmarks")
    sys.path.insert(0, folder)
    try:
        import corpus

        yield corpus
    finally:
        sys.path.remove(folder)
        for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
            del sys.modules[name]


@pytest.fixture(scope="module")
def cases(corpus):
    return corpus.cases()


def named(cases, name):
    return next(case for case in cases if case.name == name)


def result(cases, name, *arguments):
    return named(cases, name).function(*arguments)


def excess(case, true):
    """By how much the slope of the interpreter's steps on log-log paper exceeds the class's, over a factor of 4."""
    growth = parse_class(true)
    small = {"n^2": 32, "n^3": 10}.get(case.true, 256)
    sizes = (small, 4 * small)
    counted = []
    for n in sizes:
        tries = [case.arguments(n) for _ in range(3)]
        found = [steps.probe(case.function, arguments, {}, limit=10_000_000) for arguments, _ in tries]
        assert all(one["complete"] for one in found)
        counted.append(sum(one["steps"] for one in found) / 3)
    expected = growth.log_growth(sizes[1]) - growth.log_growth(sizes[0])
    return (math.log(counted[1] / counted[0]) - expected) / math.log(sizes[1] / sizes[0])


def test_names_are_unique(cases):
    """A figure names one function."""
    assert not [name for name, count in collections.Counter(case.name for case in cases).items() if count > 1]


def test_the_halves_are_large_and_alike(cases):
    """Equal numbers of every kind and class, and no function in both."""
    tune, held = ([case for case in cases if case.half == half] for half in ("tune", "held"))
    assert len(cases) == len(tune) + len(held) >= FEWEST
    one, other = (collections.Counter((case.kind, case.true) for case in half) for half in (tune, held))
    assert one == other
    assert not {case.function for case in tune} & {case.function for case in held}
    assert all(sum(case.over is not None for case in half) >= 30 for half in (tune, held))
    assert all(sum(case.kind == kind for case in tune) >= 12 for kind in ("pure", "stdlib", "numpy", "numba", "cython"))


def test_a_part_can_be_had(corpus, cases):
    """The cases of a half and of some kinds are those of the whole."""
    some = corpus.cases("held", ("pure", "stdlib"))
    assert some == [case for case in cases if case.half == "held" and case.kind in ("pure", "stdlib")]


def test_claims_are_understood_and_false_ones_are_lower(cases):
    """The claims that must fail lie one and two groups below the truth."""
    for case in cases:
        orders = [parse_class(claim) for claim in (case.true, case.next_lower, case.two_lower) if claim is not None]
        assert all(not one.same_group(other) for one, other in itertools.pairwise(orders)), case.name
        assert orders == sorted(orders, key=lambda one: one.order, reverse=True), case.name
        assert (case.next_lower is None) == (case.true in ("1", "log n")), case.name


def test_what_grows_faster_has_a_reference_beside_it(cases):
    """A bound on such a function is only fair over another that memory slows down alike."""
    assert not [case.name for case in cases if case.grows_faster and case.over is None]


def test_every_function_runs(cases):
    """At small sizes, its reference too, and what a generator calls the true n is near what was asked."""
    for case in cases:
        case.warm()
        for n in (4, 16, 64 if case.true != "2^n" else 17):
            for function in filter(None, (case.function, case.over)):
                arguments, size = case.arguments(n)
                assert 0.5 * n <= size <= 2 * n, case.name
                function(*arguments)


def test_doubling_finds_different_sizes(cases):
    """A generator in steps has a larger true n for twice the n that is asked of it."""
    for case in cases:
        sizes = [case.arguments(n)[1] for n in (4, 8, 16, 32)]
        assert sizes == sorted(set(sizes)), case.name


def test_inputs_repeat_after_a_seed(corpus, cases):
    """The same seed gives the same inputs."""
    case = named(cases, "insertion_sort")
    corpus.reseed(5)
    first = case.arguments(20)
    assert case.arguments(20) != first
    corpus.reseed(5)
    assert case.arguments(20) == first


def test_steps_grow_as_the_label_says(cases):
    """Interpreter steps of plain Python functions follow the class that the corpus gives them."""
    checked = [case for case in cases if case.kind == "pure" and case.true not in ("1", "log n", "2^n")]
    wrong = {}
    for case in checked:
        if case.name not in UNSEEN and abs(excess(case, case.true)) > SLACK:
            wrong[case.name] = excess(case, case.true)
    assert not wrong


def test_the_check_of_steps_sees_a_wrong_label(cases):
    """A neighbouring group would be noticed."""
    assert excess(named(cases, "merge_sort"), "n^1.5") < -SLACK
    assert excess(named(cases, "merge_sort"), "sqrt n") > SLACK
    assert excess(named(cases, "insertion_sort"), "n^1.5") > SLACK


def test_exponential_functions_double(cases):
    """By no more than a factor of 2 for one more n, and by 1.6 at least."""
    for case in cases:
        if case.kind == "pure" and case.true == "2^n":
            small, large = (
                steps.probe(case.function, case.arguments(n)[0], {}, limit=10_000_000)["steps"] for n in (9, 12)
            )
            assert 1.6**3 < large / small < 2.1**3, case.name


def test_kernels_do_what_they_say(cases):
    """Compiled functions that did nothing would be of any class."""
    random = np.random.default_rng(3)
    a = random.random(64)
    m, k = random.random((2, 9, 9))
    for name in ("nb_merge_sort", "nb_insertion_sort", "nb_quick_sort"):
        assert result(cases, name, a).tolist() == sorted(a)
    sorted_in_place = a.copy()
    result(cases, "cy_heap_sort", sorted_in_place)
    assert sorted_in_place.tolist() == sorted(a)
    out = np.zeros((9, 9))
    result(cases, "cy_matmul", m, k, out)
    assert np.allclose(out, m @ k)
    assert np.allclose(result(cases, "nb_matmul", m, k), m @ k)
    assert np.isclose(result(cases, "cy_fft", a), np.fft.fft(a).real.sum())
    assert result(cases, "cy_sieve", 100) == 25
    assert result(cases, "cy_fibonacci", 20) == 6765
    assert result(cases, "cy_distinct", np.array([5, 9, 5, 7, 9])) == 3
    assert result(cases, "cy_coins", np.array([1, 2, 5]), 10) == 10
    assert result(cases, "cy_palindromic_part", np.frombuffer(b"character", dtype=np.uint8)) == 5
    assert result(cases, "nb_edit_distance", np.array([1, 2, 3, 4]), np.array([1, 3, 4, 4])) == 2
    assert result(cases, "nb_longest_common", np.array([1, 2, 3, 4]), np.array([1, 3, 4, 4])) == 3
    assert result(cases, "nb_divisor_sums", 12)[12] == 28
    assert np.isclose(result(cases, "nb_gather", a, np.arange(64)), a.sum())
    assert result(cases, "cy_xor_subsets", np.array([1, 2, 3])) == 2


def test_cycles_reach_every_place(cases):
    """A chase through a shorter cycle would take less than n steps."""
    for name in ("cycle_length", "nb_pointer_chase"):
        (after,), _ = named(cases, name).arguments(50)
        at, seen = after[0], 1
        while at != 0:
            at, seen = after[at], seen + 1
        assert seen == 50


def test_the_row_asks_every_claim_and_names_no_held_function(corpus, cases, monkeypatch):
    """True bounds, false ones and ratios; of the held half only totals are shown."""
    from rows import scaling

    asked = list(scaling.questions(cases))
    assert {question.text for question in asked} == set(scaling.QUESTIONS)
    assert all(question.truth == question.text.startswith("true") for question in asked)
    said = []

    class Claim:
        def __init__(self, *_, over):
            self.over = over

        def __le__(self, claim):
            said.append((claim, self.over))
            return SimpleNamespace(outcome="passed", details=("because",))

    monkeypatch.setattr(scaling.pytest_efficiency, "scaling", Claim)
    case = named(cases, "quick_sort")
    trials = [one.asked("quiet", shown=False) for one in asked if one.case is case]
    assert said == [("n log n", None), ("1", sorted), ("sqrt n", None), ("log n", None)]
    assert [one.answer for one in trials] == ["right", "right", "wrong", "wrong"]
    assert all((one.case, one.detail) == (scaling.HIDDEN, "") for one in trials)
    monkeypatch.setattr(scaling.pytest_efficiency, "scaling", None)
    broken = asked[0].asked("quiet", shown=True)
    assert (broken.answer, broken.case) == ("wrong", asked[0].case.name)
    assert "TypeError" in broken.detail


@pytest.mark.parametrize(
    ("grows", "label"),
    [(lambda _: 3e-9, "(1)"), (lambda n: 2e-9 * n, "N"), (lambda n: 1e-9 * n * n + 1e-9 * n, "N^2")],
)
def test_the_re_stated_fit_finds_plain_classes(corpus, grows, label):
    """On times without noise google/benchmark's rule names the class."""
    from peers import scaling

    sizes = [8, 64, 512, 4096]
    assert scaling.google_fit(sizes, [grows(n) for n in sizes]) == label


def test_a_tool_is_held_to_the_bound_and_to_the_time(corpus, cases, monkeypatch):
    """A lower class than the truth satisfies a true bound and passes a false one; no answer in time is unclear."""
    from peers import scaling

    case = named(cases, "insertion_sort")
    claims = [case.true, case.next_lower, case.two_lower]
    low = scaling.Tool("low", lambda _, claims, __: scaling._bounded(2.0, claims, 0.1, "linear"))
    assert [one.holds for one in scaling.asked_apart(low, case, claims, 50, 1)] == [True, True, True]
    exact = scaling.Tool("exact", lambda _, claims, __: scaling._bounded(4.0, claims, 0.1, "quadratic"))
    assert [one.holds for one in scaling.asked_apart(exact, case, claims, 50, 1)] == [True, False, False]
    assert scaling.largest_apart(case, 1) > scaling.largest_apart(dataclasses.replace(case, function=None), 1) == 4
    broken = scaling.Tool("broken", lambda *_: 1 / 0)
    assert scaling.asked_apart(broken, case, claims, 50, 1)[0].words.startswith("ZeroDivisionError")
    monkeypatch.setattr(scaling, "LIMIT", 0.3)
    slow = scaling.Tool("slow", lambda *_: time.sleep(60))
    assert [one.holds for one in scaling.asked_apart(slow, case, claims, 50, 1)] == [None, None, None]
