"""How often `scaling` errs: functions of known complexity, each held against its own class and the next lower one.

    python benchmarks/scaling_corpus.py [--half tune|held|fresh|all] [--busy] [--no-counts] [--repeat N] [--only NAME]

Rules were to be tuned on the half "tune" alone. The interval of the tail was then chosen among four variants with the
results of "held" in sight, so "held" flatters the rules; "fresh" was written after the last change to them and has
decided nothing. Whoever tunes on "fresh" has to write another. ``--busy`` runs everything
beside one busy loop, which the script starts and ends. BLAS gets one thread, as in every worker.
"""

from __future__ import annotations

import argparse
import bisect
import collections
import copy
import hashlib
import heapq
import itertools
import json
import math
import os
import random
import re
import statistics
import subprocess
import sys
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # read once, when NumPy is loaded

import numpy as np  # noqa: E402  after the line that it reads

from pytest_efficiency.judge.scaling import judge_counts, judge_scaling  # noqa: E402  as above, and below
from pytest_efficiency.measure.ladder import Ladder  # noqa: E402
from pytest_efficiency.subject.here import Here  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

RNG = random.Random(1)
ARRAYS = np.random.default_rng(1)
LOWER = {
    "log n": None, "1": None, "sqrt n": "log n", "n": "sqrt n", "n log n": "sqrt n", "n^1.5": "n log n",
    "n^1.585": "n log n", "n^2": "n^1.5", "n^3": "n^2", "2^n": "n^3",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    name: str
    function: Callable[..., Any]
    inputs: Callable[[int], Any]
    true: str
    lower: str | None


CASES: list[Case] = []


def known(true: str, inputs: Callable[[int], Any], lower: str | None = None) -> Callable[[Any], Any]:
    def add(function: Any) -> Any:
        CASES.append(Case(function.__name__, function, inputs, true, lower or LOWER[true]))
        return function

    return add


def floats(n: int) -> Any:
    return ([RNG.random() for _ in range(n)],)


def ints(n: int) -> Any:
    return ([RNG.randrange(10 * n) for _ in range(n)],)


def array(n: int) -> Any:
    return (ARRAYS.random(n),)


def square(n: int) -> Any:
    return (ARRAYS.random((n, n)),)


def rows(n: int) -> Any:
    return ([[RNG.random() for _ in range(n)] for _ in range(n)],)


def ordered(n: int) -> Any:
    return (list(range(n)), RNG.randrange(n))


def octets(n: int) -> Any:
    return (RNG.randbytes(n),)


# ---------------------------------------------------------------------------------------------- pure Python


@known("1", lambda n: ({i: i for i in range(n)}, n // 2))
def dict_lookup(table, key):
    return table[key]


@known("log n", ordered)
def bisect_python(xs, x):
    low, high = 0, len(xs)
    while low < high:
        middle = (low + high) // 2
        if xs[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low


@known("log n", ordered, lower="1")
def bisect_against_constant(xs, x):
    return bisect_python(xs, x)


@known("sqrt n", lambda n: n)
def loop_to_root(n):
    total = 0
    for i in range(math.isqrt(n)):
        total += i
    return total


@known("n", ints)
def sum_loop(xs):
    total = 0
    for x in xs:
        total += x
    return total


@known("n log n", floats)
def merge_sort(xs):
    if len(xs) < 2:
        return xs
    middle = len(xs) // 2
    left, right = merge_sort(xs[:middle]), merge_sort(xs[middle:])
    out, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        if left[i] < right[j]:
            out.append(left[i])
            i += 1
        else:
            out.append(right[j])
            j += 1
    return out + left[i:] + right[j:]


@known("n log n", floats, lower="n")
def merge_sort_against_linear(xs):
    return merge_sort(xs)


@known("n log n", floats)
def heap_sort(xs):
    heap = []
    for x in xs:
        heapq.heappush(heap, x)
    return [heapq.heappop(heap) for _ in range(len(heap))]


@known("n^2", floats)
def insertion_sort(xs):
    for i in range(1, len(xs)):
        j, x = i, xs[i]
        while j and xs[j - 1] > x:
            xs[j] = xs[j - 1]
            j -= 1
        xs[j] = x


@known("n^1.5", lambda n: n)
def n_times_root(n):
    total = 0
    for _ in range(n):
        for j in range(math.isqrt(n)):
            total += j
    return total


@known("n^3", lambda n: (*rows(n), *rows(n)))
def matmul_python(a, b):
    columns = list(zip(*b, strict=True))
    return [[sum([x * y for x, y in zip(row, column, strict=True)]) for column in columns] for row in a]


@known("2^n", lambda n: n)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


@known("2^n", lambda n: ([RNG.randrange(1000) for _ in range(n)], -1))
def subset_sum(xs, target):
    if not xs:
        return target == 0
    return subset_sum(xs[1:], target - xs[0]) or subset_sum(xs[1:], target)


@known("n^2", ints)
def distinct_by_list(xs):
    seen = []
    for x in xs:
        if x not in seen:
            seen.append(x)
    return seen


@known("n", ints)
def distinct_by_set(xs):
    seen, out = set(), []
    for x in xs:
        if x not in seen:
            seen.add(x)
            out.append(x)
    return out


@known("n^2", ints, lower="n log n")
def pop_front(xs):
    total = 0
    while xs:
        total += xs.pop(0)
    return total


@known("n^2", ints, lower="n log n")
def slice_away(xs):
    total = 0
    while xs:
        total += xs[0]
        xs = xs[1:]
    return total


@known("n", lambda n: ([RNG.randrange(10 * n) for _ in range(n)], -1))
def two_sum(xs, target):
    seen = {}
    for i, x in enumerate(xs):
        if target - x in seen:
            return i
        seen[x] = i
    return None


@known("n^2", lambda n: (sorted(ints(n)[0]), -1))
def three_sum(xs, target):
    found = 0
    for i in range(len(xs)):
        low, high = i + 1, len(xs) - 1
        while low < high:
            total = xs[i] + xs[low] + xs[high]
            found += total == target
            if total < target:
                low += 1
            else:
                high -= 1
    return found


@known("n", floats)
def quick_select(xs):
    k = len(xs) // 2
    while len(xs) > 1:
        pivot = xs[len(xs) // 2]
        below = [x for x in xs if x < pivot]
        equal = sum(1 for x in xs if x == pivot)
        if k < len(below):
            xs = below
        elif k < len(below) + equal:
            return pivot
        else:
            k -= len(below) + equal
            xs = [x for x in xs if x > pivot]
    return xs[0]


@known("n", ordered)
def linear_search(xs, x):
    for i, y in enumerate(xs):
        if x == y:
            return i
    return None


@known("n", lambda n: n)
def sieve(n):
    flags = bytearray([1]) * (n + 1)
    for i in range(2, math.isqrt(n) + 1):
        if flags[i]:
            flags[i * i :: i] = bytes(len(range(i * i, n + 1, i)))
    return sum(flags)


@known("n^2", lambda n: (RNG.randbytes(n), RNG.randbytes(n)))
def longest_common(a, b):
    row = [0] * (len(b) + 1)
    for x in a:
        before = 0
        for j, y in enumerate(b):
            before, row[j + 1] = row[j + 1], before + 1 if x == y else max(row[j], row[j + 1])
    return row[-1]


@known("n", ordered)
def bisect_by_slices(xs, x):
    while len(xs) > 1:
        middle = len(xs) // 2
        xs = xs[:middle] if x < xs[middle] else xs[middle:]
    return xs


@known("n", lambda n: ({i: [RNG.randrange(n) for _ in range(4)] for i in range(n)},))
def breadth_first(graph):
    seen, todo = {0}, collections.deque([0])
    while todo:
        for other in graph[todo.popleft()]:
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return len(seen)


# -------------------------------------------------------------------------------------------- the library in C


@known("n log n", floats)
def list_sort(xs):
    xs.sort()


@known("n", lambda n: (list(range(n, 0, -1)),))
def sort_descending(xs):
    return sorted(xs)


@known("n", ordered)
def list_index(xs, x):
    return xs.index(x)


@known("n", octets)
def bytes_count(data):
    return data.count(b"ab")


@known("n", floats)
def json_text(xs):
    return json.dumps(xs)


@known("n", octets)
def sha256(data):
    return hashlib.sha256(data).digest()


@known("log n", ordered)
def bisect_c(xs, x):
    return bisect.bisect(xs, x)


@known("n^1.585", lambda n: (RNG.getrandbits(30 * n) | 1, RNG.getrandbits(30 * n) | 1))
def multiply_integers(a, b):
    return a * b


@known("n", floats)
def heapify(xs):
    heapq.heapify(xs)


@known("n", octets)
def compress(data):
    return zlib.compress(data, 1)


@known("n", lambda n: ("ab1 " * (n // 4 + 1),))
def find_all(text):
    return re.findall(r"[a-z]+\d", text)


@known("n^2", lambda n: (RNG.getrandbits(30 * n) | 1,), lower="n log n")
def integer_to_text(number):
    return str(number)


@known("n", floats)
def join_text(xs):
    return ",".join(map(str, xs))


@known("n", ints)
def deep_copy(xs):
    return copy.deepcopy(xs)


@known("n", ints)
def counter(xs):
    return collections.Counter(xs)


@known("2^n", lambda n: ([RNG.random() for _ in range(n)],))
def all_subsets(xs):
    return sum(1 for k in range(len(xs) + 1) for _ in itertools.combinations(xs, k))


@known("n^2", lambda n: (list(range(n)),), lower="n log n")
def insert_front(xs):
    out = []
    for x in xs:
        out.insert(0, x)
    return out


# ----------------------------------------------------------------------------------------------------- NumPy


@known("n", array)
def array_sum(a):
    return a.sum()


@known("n log n", array)
def array_sort(a):
    a.sort()


@known("n^3", lambda n: (*square(n), *square(n)))
def array_matmul(a, b):
    return a @ b


@known("n^3", square)
def array_inverse(a):
    return np.linalg.inv(a)


@known("n^2", lambda n: n, lower="n log n")
def array_append(n):
    out = np.empty(0)
    for i in range(n):
        out = np.append(out, i)
    return out


@known("n log n", lambda n: ((ARRAYS.random(1 << (n - 1).bit_length()),), 1 << (n - 1).bit_length()))
def array_fft(a):
    return np.fft.rfft(a)


@known("n^2", array)
def array_outer(a):
    return np.outer(a, a).sum()


@known("log n", lambda n: (np.arange(n), n // 3))
def array_search(a, x):
    return a.searchsorted(x)


@known("n", lambda n: (ARRAYS.random(n), ARRAYS.permutation(n)))
def array_gather(a, where):
    return a[where]


@known("n log n", lambda n: (ARRAYS.integers(0, n, n),))
def array_unique(a):
    return np.unique(a)


@known("n", array)
def array_cumsum(a):
    return np.cumsum(a)


@known("n", array)
def array_add_in_place(a):
    a += 1.0


@known("n^2", lambda n: (*array(n), *array(n)))
def array_convolve(a, b):
    return np.convolve(a, b)


@known("n^2", lambda n: (ARRAYS.random((n, 3)),))
def array_distances(a):
    return np.sqrt(((a[:, None] - a[None]) ** 2).sum(axis=-1))


@known("1", array)
def array_item(a):
    return a[0]


# ------------------------------------------------------------------------- written after the rules were last changed

SEEN = len(CASES)


@known("n", ints)
def running_maximum(xs):
    out, best = [], xs[0]
    for x in xs:
        best = max(best, x)
        out.append(best)
    return out


@known("n", lambda n: ({RNG.random(): i for i in range(n)},))
def invert_table(table):
    return {value: key for key, value in table.items()}


@known("n log n", ints)
def longest_increasing(xs):
    tails = []
    for x in xs:
        at = bisect.bisect_left(tails, x)
        tails[at : at + 1] = [x]
    return len(tails)


@known("n^2", ints)
def selection_sort(xs):
    for i in range(len(xs)):
        least = min(range(i, len(xs)), key=xs.__getitem__)
        xs[i], xs[least] = xs[least], xs[i]


@known("n^2", lambda n: n)
def pascal_row(n):
    row = [1]
    for _ in range(n):
        row = [1, *((a + b) % 1009 for a, b in itertools.pairwise(row)), 1]
    return row


@known("n^3", rows)
def floyd_warshall(distance):
    n = len(distance)
    for k in range(n):
        for i in range(n):
            for j in range(n):
                if distance[i][k] + distance[k][j] < distance[i][j]:
                    distance[i][j] = distance[i][k] + distance[k][j]


@known("sqrt n", lambda n: n)
def count_divisors(n):
    return sum(1 for i in range(1, math.isqrt(n) + 1) if n % i == 0)


@known("log n", lambda n: n)
def binary_digits(n):
    digits = 0
    while n:
        n //= 2
        digits += 1
    return digits


@known("2^n", lambda n: n)
def hanoi(n):
    return 0 if n == 0 else hanoi(n - 1) + 1 + hanoi(n - 1)


@known("n", ints)
def set_of(xs):
    return set(xs)


@known("n", octets)
def crc(data):
    return zlib.crc32(data)


@known("n", lambda n: ("word " * n,))
def split_text(text):
    return text.split()


@known("n^2", octets, lower="n log n")
def bytes_one_by_one(data):
    out = b""
    for i in range(len(data)):
        out = out + data[i : i + 1]
    return out


@known("1", lambda n: (collections.deque(range(n)),))
def deque_turn(items):
    items.rotate(1)
    return items[0]


@known("n", array)
def array_where(a):
    return np.where(a > 0.5, a, 0.0)


@known("n^2", square, lower="n log n")
def array_row_sums(a):
    return a.sum(axis=1)


@known("n log n", array)
def array_argsort(a):
    return np.argsort(a)


@known("n^3", square)
def array_determinant(a):
    return np.linalg.det(a)


# --------------------------------------------------------------------------------------------------- running


def verdict(case: Case, claim: str, *, counting: bool, budget: float) -> tuple[Any, float, int]:
    start = time.perf_counter()
    ladder = Ladder(Here(case.function), case.inputs, budget=budget, rng=random.Random(RNG.random()))
    decision = judge_counts(ladder.count_steps(), claim) if counting else None
    escalated = False
    if decision is None:
        for sampling in ladder.rounds():
            decision = judge_scaling(sampling, None, claim, escalated=escalated)
            if decision.final:
                break
            if decision.wants == "escalate":
                ladder.escalate()
                escalated = True
    ladder.close()
    return decision, time.perf_counter() - start, escalated


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", choices=["tune", "held", "fresh", "all"], default="all")
    parser.add_argument("--busy", action="store_true", help="beside one busy loop")
    parser.add_argument("--no-counts", action="store_true", help="by time alone")
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--budget", type=float, default=10.0)
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    sys.set_int_max_str_digits(0)
    halves = {"tune": CASES[:SEEN:2], "held": CASES[1:SEEN:2], "fresh": CASES[SEEN:], "all": CASES}
    chosen = halves[options.half]
    if options.only:
        chosen = [case for case in chosen if options.only in case.name]
    hog = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if options.busy else None
    tally: dict[str, collections.Counter[str]] = {
        "true claim": collections.Counter(),
        "lower claim": collections.Counter(),
    }
    took: list[float] = []
    try:
        for case, _ in itertools.product(chosen, range(options.repeat)):
            for kind, claim, right in (("true claim", case.true, "passed"), ("lower claim", case.lower, "failed")):
                if claim is None:
                    continue
                decision, seconds, escalated = verdict(
                    case, claim, counting=not options.no_counts, budget=options.budget
                )
                took.append(seconds)
                answer = (
                    "right" if decision.outcome == right else "unclear" if decision.outcome == "unclear" else "wrong"
                )
                tally[kind][answer] += 1
                if answer != "right" or options.verbose:
                    mark = " escalated" if escalated else ""
                    print(
                        f"{answer:8}{case.name} <= {claim!r} ({case.true}) {seconds:.2f} s{mark}: {decision.why}",
                        flush=True,
                    )
    finally:
        if hog is not None:
            hog.kill()
            hog.wait()
    for kind, answers in tally.items():
        total = sum(answers.values())
        print(f"{kind}: {total} verdicts, wrong {answers['wrong']}, unclear {answers['unclear']}")
    print(f"seconds a verdict: median {statistics.median(took):.2f}, longest {max(took):.2f}, all {sum(took):.0f}")


if __name__ == "__main__":
    main()
