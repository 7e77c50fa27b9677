"""What a function of known complexity is, and the inputs that several of them share."""

from __future__ import annotations

import copy
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

Half = Literal["tune", "held"]
Kind = Literal["pure", "stdlib", "numpy", "numba", "cython"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# A clock tells these groups apart and nothing inside one. The last of each is the claim that stands for the group: a
# claim "one group lower" is the most that can be claimed there, and so the hardest to refute.
GROUPS = (("1", "log n"), ("sqrt n",), ("n", "n log n"), ("n^1.5",), ("n^2", "n^2 log n"), ("n^3",), ("2^n",))
_CLAIMS = ("log n", "sqrt n", "n log n", "n^1.5", "n^2", "n^3", "2^n")
CLASSES = (*(name for group in GROUPS for name in group), "n^1.585")

RNG = np.random.default_rng(20260101)
CASES: list[Case] = []


def reseed(seed: int) -> None:
    """Make every input after this one of a chosen sequence."""
    RNG.bit_generator.state = np.random.default_rng(seed).bit_generator.state


def group_of(true: str) -> float:
    """The number of a class's group; n^1.585 lies between two of them."""
    if true == "n^1.585":
        return 3.25
    return float(next(number for number, group in enumerate(GROUPS) if true in group))


def _lower(true: str, by: int) -> str | None:
    # From n^1.585 no clock tells n^1.5: the next that it tells is n log n.
    place = int(group_of(true)) - by
    return _CLAIMS[place] if place >= 0 else None


@dataclass(frozen=True)
class Case:
    """A function of known complexity.

    Attributes:
        name: unique in the corpus.
        half: "tune" or "held".
        kind: what it is written in.
        function: the function.
        inputs: ``inputs(n)`` makes the arguments for size n, as `scaling` takes them.
        true: its class of growth.
        next_lower: a claim one distinguishable group lower, which is false; None where there is none.
        two_lower: a claim two groups lower.
        over: a reference on the same inputs whose time grows at least as fast: the ratio is at most "1".
        grows_faster: random loads from memory that outgrows the caches dominate, so that over the sizes that can be
            reached its time grows faster than its class.
    """

    name: str
    half: Half
    kind: Kind
    function: Callable[..., Any]
    inputs: Callable[[int], Any]
    true: str
    next_lower: str | None
    two_lower: str | None
    over: Callable[..., Any] | None = None
    grows_faster: bool = False

    def arguments(self, n: int) -> tuple[tuple[Any, ...], int]:
        """The arguments for size n as a tuple, and the true n."""
        made = self.inputs(n)
        if isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], tuple) and isinstance(made[1], int):
            return made
        return (made if isinstance(made, tuple) else (made,)), n

    def warm(self) -> None:
        """Call the function and its reference once: a compiler that waits for the first call is done afterwards."""
        arguments, _ = self.arguments(16)
        for function in filter(None, (self.function, self.over)):
            function(*copy.deepcopy(arguments))


class Shelf:
    """Where the functions of one half and kind are put: ``known = Shelf("tune", "pure")``, ``@known("n", ints)``."""

    def __init__(self, half: Half, kind: Kind) -> None:
        self._half, self._kind = half, kind

    def __call__(
        self,
        true: str,
        inputs: Callable[[int], Any],
        *,
        over: Callable[..., Any] | None = None,
        grows_faster: bool = False,
        next_lower: str | None = None,
        two_lower: str | None = None,
    ) -> Callable[[Any], Any]:
        def add(function: Any) -> Any:
            lower, two = next_lower or _lower(true, 1), two_lower or _lower(true, 2)
            name = function.__name__
            CASES.append(Case(name, self._half, self._kind, function, inputs, true, lower, two, over, grows_faster))
            return function

        return add


def extension(name: str) -> ModuleType:
    """The module of ``corpus/NAME.pyx``, built once per content into the user's cache."""
    from pytest_efficiency.build import build

    built = build(Path(__file__).with_name(f"{name}.pyx"), backend="cython")
    spec = importlib.util.spec_from_file_location(name, built.path)
    assert spec is not None, built.path
    assert spec.loader is not None, built.path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def same(n: int) -> int:
    return n


def floats(n: int) -> Any:
    return (RNG.random(n).tolist(),)


def ints(n: int) -> Any:
    """Random integers, of which few are equal."""
    return (RNG.integers(0, 10 * n, n).tolist(),)


def octets(n: int) -> Any:
    return (RNG.bytes(n),)


def ordered(n: int) -> Any:
    """0, 1, ..., and one of them at a random place."""
    return (list(range(n)), int(RNG.integers(n)))


def array(n: int) -> Any:
    return (RNG.random(n),)


def two_arrays(n: int) -> Any:
    return (RNG.random(n), RNG.random(n))


def permutation(n: int) -> Any:
    """Values, and every place once in random order."""
    return (RNG.random(n), RNG.permutation(n))


def square(n: int) -> Any:
    return (RNG.random((n, n)),)


def two_squares(n: int) -> Any:
    return (RNG.random((n, n)), RNG.random((n, n)))


def rows(n: int) -> Any:
    return (RNG.random((n, n)).tolist(),)


def power_of_two(n: int) -> int:
    return 1 << (n - 1).bit_length()
