"""After a red: where the time went, from one call more under a line profiler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_efficiency.errors import EfficiencyError

if TYPE_CHECKING:
    from pytest_efficiency.subject.protocol import Call, Subject


def hot_lines(subject: Subject, call: Call) -> list[str]:
    """The candidate's hottest lines as lines for the report, or why there are none.

    Never raises: the verdict stands already, and this is advice.
    """
    try:
        found: dict[str, Any] = subject.probe("hotlines", call)
    except EfficiencyError as error:
        return [f"where the time went: not known ({error})"]
    except Exception as error:  # noqa: BLE001  the candidate's own, in a call that is not part of the verdict
        return [f"where the time went: not known ({type(error).__name__} in one more call)"]
    if not found.get("lines"):
        return [f"where the time went: {found['reason']}"] if found.get("reason") else []
    rows = [f"  {line:>4}  {share:>4.0%}  {text.strip()}" for line, text, share in found["lines"]]
    return ["where the time went (line, share of the call):", *rows]
