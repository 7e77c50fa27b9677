"""What a reader has to know about the machine and the packages to make something of a table."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path

PACKAGES = (
    "pytest-efficiency",
    "pytest",
    "numpy",
    "numba",
    "Cython",
    "pybind11",
    "cppyy",
    "pytest-benchmark",
    "big_O",
    "bigO",
    "bigocheck",
    "memray",
    "pytest-memray",
)


def machine() -> dict[str, str]:
    """Processor, CPUs, kernel, Python, packages and today's date, each as text; no names of hosts or folders."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": _processor(),
        "cpus": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        # What follows the version proper names a build, and at times a provider.
        "system": f"{platform.system()} {'.'.join(re.findall(r'[0-9]+', platform.release())[:2])}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": ", ".join(_installed()),
    }


def _installed() -> list[str]:
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    try:
        said = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    except OSError:
        said = None
    return said[1].strip() if said else platform.machine()
