"""The result model ``pytest-efficiency/result/1`` and the file that holds it (schema: result-1.schema.json here)."""

from __future__ import annotations

import json
import os
import platform
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pytest_efficiency.report.explain import total
from pytest_efficiency.report.score import rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_efficiency.report.entries import Entry

SCHEMA = "pytest-efficiency/result/1"
_OUTPUT_LIMIT = 64 * 1024
_OUTCOMES = {
    "passed": "passed",
    "expected": "passed",
    "failed": "failed",
    "not started": "failed",
    "waiting": "failed",
    "unclear": "unclear",
    "skipped": "unclear",
    "error": "error",
    "not built": "error",
    "refused": "error",
}


def result(
    entries: Iterable[Entry],
    *,
    version: str,
    seed: int | None,
    wall: str,
    submission: str,
    ended: Literal["no", "yes", "early"],
    started: str,
) -> dict[str, Any]:
    """The whole run as plain JSON data; see the schema for every key.

    ``ended``: "no" while tests still run, "early" where the run was interrupted or nothing was collected.
    """
    entries = list(entries)
    found = rows(entries)
    shares = {
        entry["id"]: (row.earned(column) / len(column_entries), row.points.get(column, 0) / len(column_entries))
        for row in found
        for column, column_entries in row.columns.items()
        for entry in column_entries
    }
    return {
        "schema": SCHEMA,
        "status": _status(entries, ended),
        "submission": {"id": submission, "submitted_at": started},
        "exercises": {"ids": sorted({row.exercise for row in found})},
        "tool": {"name": "pytest-efficiency", "version": version, "seed": seed},
        "wall": wall,
        "host": _host(),
        "score": sum(row.score for row in found),
        "max_score": sum(row.max_score for row in found),
        "claims": total(entries),
        "tests": [_test(entry, *shares.get(entry["id"], (0.0, 0.0))) for entry in entries],
    }


def write(path: Path, model: dict[str, Any]) -> None:
    """Replace ``path`` at once: whoever reads it, at any moment, reads a whole file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(model, file, indent=1, allow_nan=False)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _status(entries: list[Entry], ended: Literal["no", "yes", "early"]) -> str:
    if ended != "yes":
        return "running" if ended == "no" else "infra_error"
    nothing = {"not started", "not built", "refused"}
    return "student_error" if entries and all(entry["state"] in nothing for entry in entries) else "graded"


def _test(entry: Entry, score: float, max_score: float) -> dict[str, Any]:
    long = len(entry["stdout"]) > _OUTPUT_LIMIT or len(entry["stderr"]) > _OUTPUT_LIMIT
    return {
        "id": entry["id"],
        "exercise": entry["exercise"],
        "title": entry["title"],
        "backend": entry["backend"],
        "kind": entry["column"],
        "outcome": _OUTCOMES[entry["state"]],
        "state": entry["state"],
        "score": round(score, 6),
        "max_score": round(max_score, 6),
        "measures": [_finite(verdict) for verdict in entry["verdicts"]],
        "message": entry["message"],
        "hint": entry["hint"],
        "file": entry["file"],
        "line": entry["line"],
        "seconds": round(entry["seconds"], 6),
        "stdout": entry["stdout"][-_OUTPUT_LIMIT:],
        "stderr": entry["stderr"][-_OUTPUT_LIMIT:],
        "truncated": long,
    }


def _finite(value: Any) -> Any:
    """JSON has no infinity and no NaN: both become null."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value


@cache
def _host() -> dict[str, Any]:
    return {
        "cpu": _cpu_model(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "quota": _quota(),
        "system": platform.system(),
        "python": platform.python_version(),
    }


def _cpu_model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found.group(1) if found else platform.processor()


def _quota() -> float | None:
    """Cores that the container may use (cgroup v2), or None where nothing limits it."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)
