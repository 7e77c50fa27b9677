"""What is known of one test, as plain JSON data: it travels inside pytest's reports and so survives pytest-xdist."""

from __future__ import annotations

from typing import Any, Literal, TypedDict

# "not started", "not built" and "refused" say why there was nothing to run; "waiting" is a claim held back because
# the answer is not correct yet.
State = Literal[
    "passed", "failed", "error", "unclear", "skipped", "not started", "not built", "refused", "waiting", "expected"
]


class Entry(TypedDict):
    """One test. ``exercise`` is None for a library's own claims."""

    id: str
    exercise: str | None
    title: str
    submission: str
    backend: str
    source: str | None
    column: str
    planned: int  # how many tests the column has in all, run or not
    points: dict[str, int]
    state: State
    message: str
    hint: str
    verdicts: list[dict[str, Any]]
    file: str
    line: int
    seconds: float
    stdout: str
    stderr: str
