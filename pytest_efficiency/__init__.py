"""Assert performance in tests: scaling, speedup over a reference, that the GIL is released, peak memory.

The four functions are also fixtures of the pytest plugin of the same names. They load what they need on first use, so
that importing this package costs a project nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import (
    BackendMissing,
    BuildError,
    CandidateRaised,
    ClaimError,
    CourseError,
    CpuLimitReached,
    DeadlinePassed,
    EfficiencyError,
    HeadroomWarning,
    PytestEfficiencyWarning,
    ResultsDiffer,
    ReturnedEarly,
    SetupFailed,
    SubjectError,
    WireError,
    WorkerDied,
)
from pytest_efficiency.probes import gilstate as _gilstate  # noqa: F401  it remembers what there was at the start
from pytest_efficiency.result import Unclear, Verdict

if TYPE_CHECKING:
    from pytest_efficiency.assertions import Comparisons, gil, memory, scaling, speedup

__version__ = "0.1.0"

__all__ = [
    "BackendMissing",
    "BuildError",
    "CandidateRaised",
    "ClaimError",
    "Comparisons",
    "CourseError",
    "CpuLimitReached",
    "DeadlinePassed",
    "EfficiencyError",
    "HeadroomWarning",
    "PytestEfficiencyWarning",
    "ResultsDiffer",
    "ReturnedEarly",
    "SetupFailed",
    "SubjectError",
    "Unclear",
    "Verdict",
    "WireError",
    "WorkerDied",
    "gil",
    "memory",
    "scaling",
    "speedup",
]


def __getattr__(name: str) -> Any:
    if name in {"Comparisons", "gil", "memory", "scaling", "speedup"}:
        # numpy, psutil and the measuring machinery load with the first claim, not with the import.
        from pytest_efficiency import assertions

        value = getattr(assertions, name)
        globals()[name] = value
        return value
    msg = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
