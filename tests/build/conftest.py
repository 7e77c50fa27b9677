"""A folder of a learner's, and a Python process that loads what was built: an extension never enters this process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_LOAD = """
import ctypes, importlib.util, json, sys
path, name, expression = sys.argv[1:]
if name:
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
else:
    module = ctypes.CDLL(path)
print(json.dumps(eval(expression)))
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Write a file into the learner's folder; returns its path."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / "learner" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return write


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def evaluate() -> Callable[[Path, str, str], Any]:
    """Load a built file in a process of its own and evaluate an expression on ``module``; no name = a C library."""

    def evaluate(path: Path, name: str, expression: str) -> Any:
        command = [sys.executable, "-c", _LOAD, str(path), name, expression]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    return evaluate
