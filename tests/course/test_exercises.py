"""The exercises that are handed out: whole, consistent, and with a solution for every backend they name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from pytest_efficiency.course import COLUMNS, load_exercise, own_submission, solutions
from pytest_efficiency.course.exercise import Exercise

ROOT = Path(__file__).parents[2]
EXERCISES = [load_exercise(path.parent) for path in sorted((ROOT / "exercises").glob("*/*/exercise.toml"))]
CLAIMS = {"speedup": "speed", "scaling": "scaling", "gil": "gil", "memory": "memory"}

each = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)


def test_there_are_exercises() -> None:
    """An empty list would make every test below pass."""
    assert len(EXERCISES) >= 4


@each
def test_the_stub_is_the_pristine_one(exercise: Exercise) -> None:
    """Nobody handed out a solved exercise, byte for byte."""
    stub = exercise.folder / f"{exercise.name}.py"
    assert stub.read_bytes() == (exercise.pristine / stub.name).read_bytes()
    assert own_submission(exercise).state == "not started"


@each
def test_the_stub_defines_every_function_and_its_docstring_is_the_task(exercise: Exercise) -> None:
    """The learner finds the names that the tests call."""
    module = ast.parse((exercise.folder / f"{exercise.name}.py").read_text())
    defined = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
    assert set(exercise.functions) <= defined
    assert len(ast.get_docstring(module) or "") > 200


@each
def test_every_declared_backend_has_its_solution(exercise: Exercise) -> None:
    """numba, cython, pybind11 and cppyy are the four that no exercise lacks."""
    found = [one.label for one in solutions(exercise, ROOT / "solutions", "all")]
    assert found == list(exercise.backends)
    assert {"numba", "cython", "pybind11", "cppyy"} <= set(found)


@each
def test_points_and_columns_agree(exercise: Exercise) -> None:
    """A column with points has a test, and a test's column has points."""
    tested = {"correct"}
    for path in exercise.tests:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                tested |= {CLAIMS[one.arg] for one in node.args.args if one.arg in CLAIMS}
                assert ast.get_docstring(node), f"{node.name} says what it asks"
    assert set(exercise.points) == tested
    assert list(exercise.points) == [column for column in COLUMNS if column in tested]


@each
def test_hints_go_from_a_question_to_names(exercise: Exercise) -> None:
    """Three of them; the first asks."""
    assert len(exercise.hints) == 3
    assert "?" in exercise.hints[0]
