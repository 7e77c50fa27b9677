"""What a test says: four functions that make lazy claims. Each joins a meter to a judge."""

from __future__ import annotations

from pytest_efficiency.assertions.gil import GilClaim, gil
from pytest_efficiency.assertions.memory import MemoryClaim, memory
from pytest_efficiency.assertions.scaling import ScalingClaim, scaling
from pytest_efficiency.assertions.speedup import SpeedupClaim, speedup
from pytest_efficiency.measure.comparisons import Comparisons

__all__ = [
    "Comparisons",
    "GilClaim",
    "MemoryClaim",
    "ScalingClaim",
    "SpeedupClaim",
    "gil",
    "memory",
    "scaling",
    "speedup",
]
