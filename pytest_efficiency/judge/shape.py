"""Whether a class above the claim explains a whole curve far better than the claim and all below it. Pure.

A tail's slope sees a higher class only once that dominates. A non-negative mixture of classes sees it earlier: "append
to an array" is n up to 30 ms a call, and its n^2 part is a third of the time by then. But memory bends curves as well,
and only small memory rules that out, so the shape decides where the data fit the cache, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_efficiency.judge.classes import KNOWN, GrowthClass, parse_class
from pytest_efficiency.judge.counts import mixture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from pytest_efficiency.judge.tail import Sampling

# Share at n_max, misfit of the claim, and how many times better the higher classes fit. Chosen on the half "tune" of
# the corpus, quiet and beside two busy loops: where the data fit the cache no true claim there is "likely" refuted.
_PLAIN = (0.80, 0.15, 4.0)
_LIKELY = (0.25, 0.045, 4.0)
# A higher class holds ever more of the time as n grows; what holds less of it again was a bump.
_RISING = 0.9
_LATE = (0.10, 0.02, 1.5)


@dataclass(frozen=True)
class Shape:
    """How two mixtures fit the curve: classes up to the claim, and those with the ones above it.

    Attributes:
        share: the part of the time at n_max that the classes above the claim hold in the full mixture.
        own: root mean square relative error of the claim's mixture.
        full: the same of the full mixture.
        without_last: the same question without the largest size; one point that jumps makes no class.
    """

    share: float
    own: float
    full: float
    without_last: Shape | None = None

    @property
    def plain(self) -> bool:
        """The claim is refuted by the shape alone."""
        return self._beyond(_PLAIN) and self._confirmed

    @property
    def likely(self) -> bool:
        """The claim is refuted by the shape where memory cannot be what bends it."""
        return self._beyond(_LIKELY) and self._confirmed

    @property
    def late(self) -> bool:
        """A higher class may be hidden: larger sizes would tell."""
        return self._beyond(_LATE)

    def _beyond(self, limits: tuple[float, float, float]) -> bool:
        share, own, times = limits
        return self.share > share and self.own > own and self.own > times * self.full

    @property
    def _confirmed(self) -> bool:
        before = self.without_last
        return before is None or (before.late and self.share > _RISING * before.share)


def shape_of(sampling: Sampling, claim: GrowthClass) -> Shape:
    """Fit both mixtures to the times, or to their ratio to a reference's."""
    known = [parse_class(name) for name in KNOWN]
    lower = {claim, claim.ceiling, *(one for one in known if one.order <= claim.ceiling.order)}
    higher = {claim.next_group, *(one for one in known if one.order >= claim.next_group.order and one.base is None)}
    sizes, figures = sampling.sizes, sampling.figures
    return _fitted(sizes, figures, lower, higher, _fitted(sizes[:-1], figures[:-1], lower, higher))


def _fitted(
    sizes: Sequence[float],
    figures: Sequence[float],
    lower: AbstractSet[GrowthClass],
    higher: AbstractSet[GrowthClass],
    without_last: Shape | None = None,
) -> Shape:
    classes = sorted({*lower, *higher}, key=lambda one: one.order)
    shares, full = mixture(sizes, figures, classes)
    _, own = mixture(sizes, figures, [one for one in classes if one in lower])
    above = sum(share for one, share in zip(classes, shares, strict=True) if one in higher)
    return Shape(above, own, full, without_last)
