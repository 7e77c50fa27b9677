"""Functions whose complexity is known, on which `scaling` and its peers are tried: two halves of equal composition.

Rules and constants may be chosen with the half "tune" in sight. The half "held" never informs one: of its outcomes only
totals are looked at.
"""

from __future__ import annotations

import os
import sys

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # read once, when NumPy is loaded

from corpus.case import CASES, CLASSES, KINDS, Case, Half, Kind, reseed  # noqa: E402  after the lines that it reads

__all__ = ["CLASSES", "KINDS", "Case", "Half", "Kind", "cases", "reseed"]

# One of the functions writes out integers of more digits than Python allows by default.
sys.set_int_max_str_digits(0)


def cases(half: Half | None = None, kinds: tuple[Kind, ...] = KINDS) -> list[Case]:
    """The cases of a half (of both by default), in a fixed order; Cython's are built the first time.

    Numba's functions are compiled by the first call: see `Case.warm`.
    """
    import importlib

    halves: tuple[Half, ...] = ("tune", "held") if half is None else (half,)
    for one in halves:
        for kind in kinds:
            importlib.import_module(f"corpus.{one}_{kind}")
    return [case for case in CASES if case.half in halves and case.kind in kinds]
