"""Classes of growth: what ``"n log n"`` means as a number, and which classes a clock can tell apart.

Pure arithmetic. A class is ``n**power * (log n)**logs``, or ``base**n``.
"""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass

from pytest_efficiency.errors import ClaimError

# Shown when a claim is not understood; every k in n^k and every base in 2^n works as well.
KNOWN = ("1", "log n", "sqrt n", "n", "n log n", "n^1.5", "n^2", "n^2 log n", "n^3", "2^n")

# A clock sees these apart from each other, and no log factor between them.
_GROUP_POWERS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)
_WITH_LOG = (0.0, 1.0, 2.0)
# Two bounds closer than this in the exponent are one bound to a clock: cache steps alone move an exponent by 0.1.
_RESOLUTION = 0.3
_MAX_POWER = 20.0

_WORDS = {
    "constant": "1",
    "logarithmic": "log n",
    "linear": "n",
    "linearithmic": "n log n",
    "quasilinear": "n log n",
    "quadratic": "n^2",
    "cubic": "n^3",
    "exponential": "2^n",
}
_SUPERSCRIPTS = str.maketrans({"²": "^2", "³": "^3", "\u00b7": " ", "\u00d7": " ", "*": " "})
_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)"
_POLYNOMIAL = re.compile(rf"(?:(sqrt n)|(n)(?:\^{_NUMBER})?)?(?: ?(log)(?:\^([1-9]))? n)?")
_EXPONENTIAL = re.compile(rf"{_NUMBER}\^n")


@dataclass(frozen=True)
class GrowthClass:
    """``n**power * (log n)**logs``, or ``base**n`` where ``base`` is given."""

    power: float = 0.0
    logs: int = 0
    base: float | None = None

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """As it is written in a claim: "n log n"."""
        if self.base is not None:
            return f"{self.base:g}^n"
        powers = {0.0: "", 0.5: "sqrt n", 1.0: "n"}
        factors = [powers.get(self.power, f"n^{self.power:g}")]
        if self.logs:
            factors.append("log n" if self.logs == 1 else f"log^{self.logs} n")
        return " ".join(filter(None, factors)) or "1"

    @property
    def order(self) -> tuple[float, float, float]:
        """Compares classes: of two, the one with the larger order outgrows the other."""
        if self.base is not None:
            return (1.0, self.base, 0.0)
        return (0.0, self.power, float(self.logs))

    def log_growth(self, n: float) -> float:
        """The natural logarithm of f(n): 2^n itself would overflow at n = 1024."""
        if self.base is not None:
            return n * math.log(self.base)
        # log 1 = 0 would make f(1) = 0, which nothing that takes time is.
        return self.power * math.log(n) + self.logs * math.log(math.log2(max(n, 2.0)))

    def growth(self, n: float) -> float:
        """f(n); infinite where a float cannot hold it."""
        logarithm = self.log_growth(n)
        return math.exp(logarithm) if logarithm < 700.0 else math.inf

    def local_exponent(self, n: float) -> float:
        """The slope of f at n on log-log paper: 1 for n, 1.09 for n log n at n = 1e5."""
        if self.base is not None:
            return n * math.log(self.base)
        return self.power + (self.logs / math.log(n) if n > 2.0 else 0.0)

    def same_group(self, other: GrowthClass) -> bool:
        """Whether no clock can tell the two apart, because only log factors lie between them."""
        return self.base == other.base and (self.base is not None or self.power == other.power)

    @property
    def ceiling(self) -> GrowthClass:
        """The largest class of this one's group: n log n for n. A clock that cannot tell the two must allow for it."""
        in_group = self.base is None and self.power in _WITH_LOG and self.logs == 0
        return GrowthClass(self.power, 1) if in_group else self

    @property
    def next_group(self) -> GrowthClass:
        """The smallest class that a clock can tell from this one: n^1.5 for n and n log n, n^3 for n^2, 4^n for 2^n."""
        if self.base is not None:
            return GrowthClass(base=self.base**2)
        for power in _GROUP_POWERS:
            if power >= self.power + _RESOLUTION:
                return GrowthClass(power)
        return GrowthClass(self.power + 1.0)


def parse_class(text: str | GrowthClass) -> GrowthClass:
    """Read "n log n", "O(n**2)", "n^1.5", "n^2 log n", "sqrt n", "1", "2^n".

    Raises:
        ClaimError: the text is no class of growth.
    """
    if isinstance(text, GrowthClass):
        return text
    if not isinstance(text, str):
        msg = (
            f"a growth class is a text such as 'n log n', but the claim compares with {text!r}. "
            f"Write one of {_listed()}; n^k works for any k"
        )
        raise ClaimError(msg)
    plain = _normalised(text)
    if plain == "1":
        return GrowthClass()
    if match := _EXPONENTIAL.fullmatch(plain):
        base = float(match[1])
        if base > 1.0:
            return GrowthClass(base=base)
    match = _POLYNOMIAL.fullmatch(plain)
    if plain and match:
        root, n, power, log, logs = match.groups()
        value = 0.5 if root else (float(power) if power else 1.0) if n else 0.0
        if value <= _MAX_POWER:
            return GrowthClass(value, int(logs or 1) if log else 0)
    msg = f"unknown growth class {text!r}{_suggestion(plain)}. Known are {_listed()}; n^k works for any k up to 20"
    raise ClaimError(msg)


def _normalised(text: str) -> str:
    plain = text.strip().lower().replace("**", "^").translate(_SUPERSCRIPTS)
    wrapped = re.fullmatch(r"[oθ]\s*\((.*)\)", plain)
    plain = wrapped[1] if wrapped else plain
    plain = plain.replace("(", " ").replace(")", " ")
    plain = re.sub(r"\b(?:ln|lg|log2|log_2)\b", "log", plain)
    plain = re.sub(r"\s*\^\s*", "^", plain)
    plain = re.sub(r"(?<=[\dn])(?=log|sqrt)", " ", plain)
    plain = re.sub(r"\b(log|sqrt)n\b", r"\1 n", plain)
    return " ".join(plain.split())


def _suggestion(plain: str) -> str:
    if plain in _WORDS:
        return f"; did you mean {_WORDS[plain]!r}?"
    close = difflib.get_close_matches(plain, KNOWN, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""


def _listed() -> str:
    return ", ".join(repr(name) for name in KNOWN)
