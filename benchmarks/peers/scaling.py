"""What other tools answer to the same questions about growth, on the same functions and beside the same loads.

    python benchmarks/peers/scaling.py --loads quiet hog1 --seconds 120 [--tools big_O bigO] [--half tune]
        [--show-held]

Each tool is its released package with its default settings. Only big_O brings sizes of its own, 100 to 100 000: with
those nothing that takes n^2 or longer has an answer, so that the largest is reduced to where a call takes 40 ms. The
other tools leave the sizes to their user, and are given some up to there. google/benchmark is C++: its fit is
re-stated, on sizes and mean CPU times as it takes them.

A tool that names a class is right about a bound that holds if the class is within the bound's group, and about one that
does not hold if the class is above it. Each measurement is done in a process of its own, which is ended after 10 s: no
answer is counted as unclear.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import gc
import importlib.metadata
import importlib.util
import json
import math
import os
import random
import resource
import select
import signal
import sys
import time
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

import corpus
import numpy as np
from corpus.case import group_of
from harness.alone import run_alone
from harness.trial import Trial
from rows.scaling import HIDDEN, NEXT, STEEPER, TRUE, TWO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LIMIT = 10.0
_LONGEST_CALL = 40e-3
_LONGEST_MAKING = 0.1
_SMALLEST = 4
_LARGEST = 1 << 26
_MEMORY = 4 << 30
# Its default. The fit of a cubic to much larger sizes raises an IndexError.
_LARGEST_OF_BIG_O = 100_000
_CALLS = 30
_SIZES = 10
# Of --benchmark_min_time, whose default of 0.5 s for each size would leave time for few functions.
_MIN_TIME = 0.1


@dataclass(frozen=True)
class Answer:
    """What a tool says to a claim, in how many seconds, and in which words; ``holds`` None: nothing."""

    holds: bool | None
    seconds: float
    words: str


# ---------------------------------------------------------------------------------------------------- sizes


def largest(case: corpus.Case) -> int:
    """The largest size whose call takes no longer than 40 ms, found by doubling."""
    n = smaller = _SMALLEST
    while n <= _LARGEST:
        start = time.thread_time()  # CPU time: a busy machine must not make the sizes smaller
        arguments, _ = case.arguments(n)
        made = time.thread_time()
        case.function(*arguments)
        if time.thread_time() - made > _LONGEST_CALL:
            return smaller
        if made - start > _LONGEST_MAKING:
            return n
        smaller, n = n, n + 1 if case.true == "2^n" else 2 * n
    return smaller


def geometric(upto: int, count: int) -> list[int]:
    """So many sizes, each the same factor above the one before, over a factor of 512 at most."""
    return sorted({round(size) for size in np.geomspace(max(_SMALLEST, upto / 512), upto, count)})


# ----------------------------------------------------------------------------------- tools that name a class


def _bounded(true_group: float, claims: Sequence[str], seconds: float, words: str) -> list[Answer]:
    answers = []
    for claim in claims:
        # Between n^1.5 and n^2 these tools know no class: to them n^1.585 may be either.
        allowed = 4.0 if claim == "n^1.585" else group_of(claim)
        answers.append(Answer(true_group <= allowed, seconds, words))
    return answers


def _group_of_power(power: float) -> float:
    powers = {0.0: 0.0, 0.5: 1.0, 1.0: 2.0, 1.5: 3.0, 2.0: 4.0, 3.0: 5.0}
    return powers[min(powers, key=lambda one: abs(one - power))]


def ask_big_o(case: corpus.Case, claims: Sequence[str], upto: int) -> list[Answer]:
    """`big_o.big_o` with its default sizes, but for the largest where a call of that size takes too long."""
    import big_o

    upto = min(upto, _LARGEST_OF_BIG_O)
    sizes = {"max_n": upto} | ({"min_n": max(1, upto // 10)} if upto <= 200 else {})
    start = time.perf_counter()
    best, _ = big_o.big_o(lambda made: case.function(*made), lambda n: case.arguments(int(n))[0], **sizes)
    seconds = time.perf_counter() - start
    groups = {"Constant": 0.0, "Logarithmic": 0.0, "Linear": 2.0, "Linearithmic": 2.0}
    groups |= {"Quadratic": 4.0, "Cubic": 5.0, "Exponential": 6.0}
    name = type(best).__name__
    group = _group_of_power(best.coefficients()[1]) if name == "Polynomial" else groups[name]
    return _bounded(group, claims, seconds, str(best))


def ask_bigocheck(case: corpus.Case, claims: Sequence[str], upto: int) -> list[Answer]:
    """`bigocheck.benchmark_function`, whose label its bounds are checked against."""
    import bigocheck

    sizes = geometric(upto, _SIZES)
    start = time.perf_counter()
    label = bigocheck.benchmark_function(
        case.function, sizes=sizes, setup=lambda n: (case.arguments(n)[0], {})
    ).best_label
    seconds = time.perf_counter() - start
    groups = {"O(1)": 0.0, "O(log n)": 0.0, "O(√n)": 1.0, "O(n)": 2.0, "O(n log n)": 2.0}
    groups |= {"O(n^2)": 4.0, "O(n^3)": 5.0, "O(2^n)": 6.0, "O(n!)": 7.0}
    return _bounded(groups[label], claims, seconds, label)


def google_fit(sizes: Sequence[float], seconds: Sequence[float]) -> str:
    """The class that google/benchmark's complexity.cc prints for these mean times: the least normalised RMS."""
    n, times = np.array(sizes, dtype=float), np.array(seconds, dtype=float)
    curves = {
        "(1)": np.ones_like(n),
        "lgN": np.log2(n),
        "N": n,
        "NlgN": n * np.log2(n),
        "N^2": n**2,
        "N^3": n**3,
    }
    errors = {}
    for name, curve in curves.items():
        coefficient = (times * curve).sum() / (curve**2).sum()
        errors[name] = math.sqrt(((times - coefficient * curve) ** 2).mean()) / times.mean()
    return min(errors, key=errors.__getitem__)


def ask_google(case: corpus.Case, claims: Sequence[str], upto: int) -> list[Answer]:
    """``->RangeMultiplier(8)->Range(8, n)->Complexity()``, on CPU time, inputs made between the timed parts."""
    asked = sorted({upto, *(8**k for k in range(1, 10) if 8**k < upto)})
    start = time.perf_counter()
    sizes, means = [], []
    for n in asked:
        used, calls, chunk, began = 0.0, 0, 1, time.perf_counter()
        while used < _MIN_TIME and time.perf_counter() - began < 5.0 * _MIN_TIME:
            made = [case.arguments(n) for _ in range(chunk)]
            before = time.thread_time()
            for arguments, _ in made:
                case.function(*arguments)
            took = time.thread_time() - before
            used, calls = used + took, calls + chunk
            chunk = min(2 * chunk, 256) if took < 1e-3 else chunk
        sizes.append(made[0][1])
        means.append(used / calls)
    label = google_fit(sizes, means)
    seconds = time.perf_counter() - start
    groups = {"(1)": 0.0, "lgN": 0.0, "N": 2.0, "NlgN": 2.0, "N^2": 4.0, "N^3": 5.0}
    return _bounded(groups[label], claims, seconds, label)


# ------------------------------------------------------------------------------------ a tool that checks bounds


def ask_bigo(case: corpus.Case, claims: Sequence[str], upto: int) -> list[Answer]:
    """`bigO.bounds` and `bigO.check`, on 30 tracked calls."""
    import bigO

    names = {"1": "O(1)", "log n": "O(log(n))", "sqrt n": "O(sqrt(n))", "n log n": "O(n*log(n))", "2^n": "O(2**n)"}
    sizes = geometric(upto, _CALLS)
    # Few whole numbers lie below the size of exponential code: each of them is called more than once.
    sizes = [sizes[i % len(sizes)] for i in range(_CALLS)]

    def call(_: int, arguments: tuple[Any, ...]) -> Any:
        return case.function(*arguments)

    start = time.perf_counter()
    tracked = bigO.track(lambda n, _: n)(call)
    for size in sizes:
        arguments, n = case.arguments(size)
        tracked(n, arguments)
    measuring = time.perf_counter() - start
    answers = []
    for claim in claims:
        bound = names.get(claim, f"O({claim.replace('^', '**')})")
        start = time.perf_counter()
        bigO.bounds(lambda n, _: n, time=bound)(call)
        try:
            result = bigO.check(call)[0]
            holds, words = result.success, result.message
        except ValueError as error:
            holds, words = None, str(error)
        answers.append(Answer(holds, measuring + time.perf_counter() - start, words))
    return answers


@dataclass(frozen=True)
class Tool:
    """A tool: its name, how it is asked, and the package to import (none: it is re-stated here)."""

    called: str
    ask: Callable[[corpus.Case, Sequence[str], int], list[Answer]]
    package: str = ""

    @property
    def name(self) -> str:
        """With the version that is installed."""
        return f"{self.called} {importlib.metadata.version(self.called)}" if self.package else self.called

    @property
    def there(self) -> bool:
        return not self.package or importlib.util.find_spec(self.package) is not None


TOOLS = (
    Tool("big_O", ask_big_o, "big_o"),
    Tool("bigocheck", ask_bigocheck, "bigocheck"),
    Tool("bigO", ask_bigo, "bigO"),
    Tool("google/benchmark's fit, re-stated", ask_google),
)


def missing() -> list[str]:
    """The packages that are not installed."""
    return sorted({tool.package for tool in TOOLS if not tool.there})


def prepare() -> None:
    """Build and compile every function, and import the tools: neither is timed."""
    for case in corpus.cases():
        case.warm()
    _import_tools()


def _import_tools() -> None:
    for package in {tool.package for tool in TOOLS if tool.package and tool.there}:
        module = importlib.import_module(package)
        if package == "bigO":  # it would write a file into the current folder when Python ends
            atexit.unregister(module.save_performance_data)


# ------------------------------------------------------------------------------------------------- asking them


def asked_apart(tool: Tool, case: corpus.Case, claims: Sequence[str], upto: int, seed: int) -> list[Answer]:
    """Ask in a process of its own, ended after `LIMIT` seconds; ``upto`` is the largest size to use."""
    start = time.perf_counter()
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Python warns of threads, which BLAS may have started; the child is this thread's copy and never returns.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.close(reading)
            _ask_and_write(tool, case, claims, upto, seed, writing)
        os._exit(0)
    os.close(writing)
    said = b""
    try:
        while time.perf_counter() - start < LIMIT:
            left = LIMIT - (time.perf_counter() - start)
            if not select.select([reading], [], [], max(0.0, left))[0]:
                break
            part = os.read(reading, 65536)
            if not part:
                break
            said += part
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
    seconds = time.perf_counter() - start
    if not said.endswith(b"\n"):
        why = f"no answer in {LIMIT:g} s" if seconds >= LIMIT else "the process died"
        return [Answer(None, seconds, why)] * len(claims)
    return [Answer(*one) for one in json.loads(said)]


def largest_apart(case: corpus.Case, seed: int) -> int:
    """`largest`, found where a function that fails for its size does no harm; it is the same for all tools."""
    finding = Tool("sizes", lambda case, *_: [Answer(None, 0.0, str(largest(case)))])
    said = asked_apart(finding, case, [""], 0, seed)[0].words
    return int(said) if said.isdecimal() else _SMALLEST


def _ask_and_write(tool: Tool, case: corpus.Case, claims: Sequence[str], upto: int, seed: int, descriptor: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + _MEMORY, used + _MEMORY))
    corpus.reseed(seed)
    gc.collect()
    start = time.perf_counter()
    try:
        answers = tool.ask(case, claims, upto)
    except BaseException as error:  # noqa: BLE001  whatever a tool or a function at too large a size raises
        seconds = time.perf_counter() - start
        answers = [Answer(None, seconds, f"{type(error).__name__}: {error}")] * len(claims)
    text = json.dumps([(one.holds, one.seconds, one.words[:300]) for one in answers])
    with os.fdopen(descriptor, "w", encoding="utf-8") as pipe:
        pipe.write(f"{text}\n")


def trials(
    load_name: str,
    *,
    seconds: float,
    seed: int,
    half: corpus.Half | None = None,
    tools: Sequence[str] = (),
    only: str = "",
    show_held: bool = False,
) -> Iterator[Trial]:
    """All tools, or those of these packages, on all functions in random order."""
    cases = [case for case in corpus.cases(half) if only in case.name]
    for case in cases:
        case.warm()
    _import_tools()
    chosen = [tool for tool in TOOLS if tool.there and (not tools or tool.name.startswith(tuple(tools)))]
    end = time.monotonic() + seconds
    rng = random.Random(seed)
    while cases and chosen:
        rng.shuffle(cases)
        for case in cases:
            questions = [(STEEPER if case.grows_faster else TRUE, case.true, True)]
            lower = ((NEXT, case.next_lower, False), (TWO, case.two_lower, False))
            questions += [(text, claim, truth) for text, claim, truth in lower if claim is not None]
            rng.shuffle(chosen)
            upto = largest_apart(case, rng.randrange(1 << 30))
            for tool in chosen:
                if time.monotonic() > end:
                    return
                answers = asked_apart(tool, case, [claim for _, claim, _ in questions], upto, rng.randrange(1 << 30))
                for (text, claim, truth), one in zip(questions, answers, strict=True):
                    yield _trial(tool, case, load_name, (text, claim, truth), one, shown=show_held)


def _trial(
    tool: Tool, case: corpus.Case, load_name: str, question: tuple[str, str, bool], one: Answer, *, shown: bool
) -> Trial:
    text, claim, truth = question
    answer = "unclear" if one.holds is None else "right" if one.holds == truth else "wrong"
    visible = shown or case.half == "tune"
    detail = f"<= {claim!r} of {case.true!r}: {one.words}" if visible else ""
    name = case.name if visible else HIDDEN
    return Trial("scaling", tool.name, name, load_name, text, answer, one.seconds, detail, case.half)


def main() -> None:
    """Parse what is of this module alone, and leave the rest to the harness."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--half", choices=("tune", "held"))
    parser.add_argument("--tools", nargs="+", default=())
    parser.add_argument("--only", default="")
    parser.add_argument("--show-held", action="store_true")
    own, rest = parser.parse_known_args()
    run_alone(
        partial(trials, half=own.half, tools=own.tools, only=own.only, show_held=own.show_held),
        __doc__,
        rest,
    )


if __name__ == "__main__":
    main()
