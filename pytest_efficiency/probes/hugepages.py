"""Switches huge pages off and on in the process of the code under test, around a measurement of its peak memory.

With huge pages the first byte that is touched brings in 2 MB, so the same arrays peak 1-2 MB apart from run to run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_PR_SET_THP_DISABLE, _PR_GET_THP_DISABLE = 41, 42


def probe(
    function: Callable[..., Any],  # noqa: ARG001 - every probe is called the same way
    args: Sequence[Any],  # noqa: ARG001
    kwargs: Mapping[str, Any],  # noqa: ARG001
    *,
    disabled: bool,
) -> dict[str, Any]:
    """Set whether this process does without huge pages; those that it has stay.

    Returns:
        ``{"before"}``: whether they were disabled before; None where nothing could be set (not Linux, forbidden).
    """
    try:
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    except (ImportError, OSError, TypeError, AttributeError):
        return {"before": None}
    before = prctl(_PR_GET_THP_DISABLE, 0, 0, 0, 0)
    if before < 0 or prctl(_PR_SET_THP_DISABLE, int(disabled), 0, 0, 0) != 0:
        return {"before": None}
    return {"before": bool(before)}
