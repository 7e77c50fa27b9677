"""Who may import whom, and what the plugin may cost a project that does not use it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pytest_efficiency"

# An arrow that is not here, directly or through others, is a defect. `result`, `errors` and `recorder` are data that
# everybody may name.
ARROWS = {
    "plugin": {"assertions", "course", "report"},
    "assertions": {"measure", "judge"},
    # judge: for the frozen types that evidence is handed over in; a meter never asks a judge anything.
    "measure": {"subject", "judge"},
    "subject": {"workers", "probes"},
    "workers": {"wall", "probes"},
    "course": {"subject", "build"},
    "build": {"wall"},
    "report": set(),
    "judge": set(),
    "wall": set(),
    "probes": set(),
}
DATA = {"result", "errors", "recorder"}
# The modules of pytest's side, and the package's own face, are one part.
PLUGIN = {"plugin", "plugin_benchmark", "plugin_course", "plugin_options", "plugin_report", "__init__"}


def part_of(module: str) -> str:
    return "plugin" if module in PLUGIN else module


def reachable(part: str) -> set[str]:
    found: set[str] = set()
    todo = [part]
    while todo:
        for other in ARROWS[todo.pop()]:
            if other not in found:
                found.add(other)
                todo.append(other)
    return found


def imported(path: Path) -> set[str]:
    """The parts that a module names in its imports, at any depth and for types too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            first, _, rest = name.partition(".")
            if first == "pytest_efficiency":
                module = rest.split(".")[0]
                # What is no module is a name of the package's face.
                there = (PACKAGE / module).is_dir() or (PACKAGE / f"{module}.py").is_file()
                found.add(part_of(module) if rest and there else "plugin")
    return found


def modules() -> list[tuple[str, Path]]:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        first = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        found.append((part_of(first), path))
    return found


@pytest.mark.parametrize(
    ("part", "path"), [pytest.param(*one, id=str(one[1].relative_to(PACKAGE))) for one in modules()]
)
def test_a_module_imports_only_what_its_part_may_know(part: str, path: Path) -> None:
    """Every import follows an arrow of the design."""
    if part in DATA:
        allowed: set[str] = DATA
    else:
        allowed = reachable(part) | DATA | {part}
    assert imported(path) <= allowed


def test_the_import_check_sees_a_forbidden_import(tmp_path: Path) -> None:
    """The check above can fail: a judge that imports a meter is caught."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def f():\n    from pytest_efficiency.measure import batches\n")
    assert imported(wrong) == {"measure"}
    assert "measure" not in reachable("judge")


@pytest.mark.parametrize("heavy", ["numpy", "psutil", "msgspec", "rich", "jinja2", "line_profiler", "numba"])
def test_loading_the_plugin_imports_nothing_heavy(heavy: str) -> None:
    """A project that does not use the plugin pays for pytest alone."""
    code = f"import pytest, sys; import pytest_efficiency.plugin; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
