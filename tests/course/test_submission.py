"""Which file answers an exercise."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_efficiency.course import load_exercise, own_submission, solutions, submission_in
from pytest_efficiency.course.submission import backend_of, same_tokens
from pytest_efficiency.errors import CourseError

STUB = '"""Task."""\n\n\ndef double(x):\n    raise NotImplementedError\n'
DESCRIPTION = """
id = "01_topic/double"
title = "Double"
goal = "Double a number."
topic = "Arithmetic"
functions = ["double"]
backends = ["numba", "cython"]
hints = ["What is twice?"]
[points]
correct = 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "exercises" / "01_topic" / "double"
    (folder / "pristine").mkdir(parents=True)
    (folder / "exercise.toml").write_text(DESCRIPTION)
    (folder / "double.py").write_text(STUB)
    (folder / "pristine" / "double.py").write_text(STUB)
    return folder


def test_an_untouched_stub_is_not_started(folder: Path) -> None:
    """Nothing was written, so there is nothing to grade."""
    found = own_submission(load_exercise(folder))
    assert found.state == "not started"
    assert "as it was handed out" in found.problem


def test_comments_and_blank_lines_are_no_answer(folder: Path) -> None:
    """A stub with a comment added has the same tokens."""
    (folder / "double.py").write_text(STUB.replace("\n\n\n", "\n\n# thinking ...\n\n"))
    assert own_submission(load_exercise(folder)).state == "not started"


def test_an_edited_stub_is_the_answer(folder: Path) -> None:
    """One changed token is a start."""
    (folder / "double.py").write_text(STUB.replace("raise NotImplementedError", "return 2 * x"))
    found = own_submission(load_exercise(folder))
    assert (found.state, found.backend, found.source) == ("started", "python", folder / "double.py")


def test_half_written_code_is_an_answer(folder: Path) -> None:
    """A file that cannot be tokenised was edited."""
    (folder / "double.py").write_text(STUB + "def half(:\n  '''")
    assert own_submission(load_exercise(folder)).state == "started"


@pytest.mark.parametrize(("ending", "backend"), [(".pyx", "cython"), (".cpp", "pybind11"), (".c", "ctypes")])
def test_a_compiled_source_beside_the_untouched_stub_is_the_answer(folder: Path, ending: str, backend: str) -> None:
    """A learner solves in C++ by putting a file beside the stub."""
    (folder / f"double{ending}").write_text("int x;\n")
    found = own_submission(load_exercise(folder))
    assert (found.state, found.backend) == ("started", backend)


def test_two_edited_answers_are_refused_and_named(folder: Path) -> None:
    """Which one counts is the learner's to say."""
    (folder / "double.py").write_text("def double(x):\n    return 2 * x\n")
    (folder / "double.cpp").write_text("int x;\n")
    found = own_submission(load_exercise(folder))
    assert found.state == "refused"
    assert "double.py" in found.problem
    assert "double.cpp" in found.problem


def test_a_symbolic_link_is_refused(folder: Path, tmp_path: Path) -> None:
    """An answer is a file of its own."""
    (tmp_path / "elsewhere.py").write_text("def double(x):\n    return 2 * x\n")
    (folder / "double.py").unlink()
    (folder / "double.py").symlink_to(tmp_path / "elsewhere.py")
    found = own_submission(load_exercise(folder))
    assert found.state == "refused"
    assert "symbolic link" in found.problem


@pytest.mark.parametrize("inside", ["", "01_topic/double"])
def test_a_submission_lies_flat_or_mirrored(folder: Path, tmp_path: Path, inside: str) -> None:
    """DIR/NAME.py and DIR/<exercise id>/NAME.py both count."""
    there = tmp_path / "handed_in" / inside
    there.mkdir(parents=True)
    (there / "double.py").write_text("def double(x):\n    return x + x\n")
    assert submission_in(load_exercise(folder), tmp_path / "handed_in").source == there / "double.py"


def test_a_submission_without_this_exercise_is_not_started(folder: Path, tmp_path: Path) -> None:
    """Nothing handed in is not an error of the run."""
    (tmp_path / "empty").mkdir()
    assert submission_in(load_exercise(folder), tmp_path / "empty").state == "not started"


def test_all_solutions_are_found_by_backend(folder: Path, tmp_path: Path) -> None:
    """--solution all is every declared one; one backend is that one."""
    for backend, ending in (("numba", ".py"), ("cython", ".pyx")):
        there = tmp_path / "solutions" / "01_topic" / "double" / backend
        there.mkdir(parents=True)
        (there / f"double{ending}").write_text("# solved\n")
    exercise = load_exercise(folder)
    assert [one.label for one in solutions(exercise, tmp_path / "solutions", "all")] == ["numba", "cython"]
    assert [one.label for one in solutions(exercise, tmp_path / "solutions", "cython")] == ["cython"]
    assert solutions(exercise, tmp_path / "solutions", "numpy") == []


def test_a_declared_solution_that_is_missing_is_an_error(folder: Path, tmp_path: Path) -> None:
    """A course must not promise what it does not hold."""
    with pytest.raises(CourseError, match="declares a numba solution"):
        solutions(load_exercise(folder), tmp_path / "solutions", "all")


@pytest.mark.parametrize(
    ("text", "backend"),
    [
        ("import numpy as np\n", "numpy"),
        ("from numba import njit\nimport numpy\n", "numba"),
        ("import cppyy\nimport numpy\n", "cppyy"),
        ("x = 'import numba'\n", "python"),
        ("def f():\n    import ctypes\n", "ctypes"),
    ],
)
def test_the_backend_of_a_python_file_is_read_off_its_imports(tmp_path: Path, text: str, backend: str) -> None:
    """The label names the strongest tool that the file imports."""
    path = tmp_path / "double.py"
    path.write_text(text)
    assert backend_of(path) == backend


def test_white_space_within_c_does_not_count(tmp_path: Path) -> None:
    """The same words are the same C."""
    (tmp_path / "a.c").write_text("int  f(void);\n")
    (tmp_path / "b.c").write_text("int f(void);\n\n")
    assert same_tokens(tmp_path / "a.c", tmp_path / "b.c")
    (tmp_path / "b.c").write_text("int g(void);\n")
    assert not same_tokens(tmp_path / "a.c", tmp_path / "b.c")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("title = ", "titel = "), "'title' must be"),
        (("[points]", "speling = 1\n[points]"), "unknown key 'speling'"),
        (('"cython"]', '"fortran"]'), "backends has 'fortran'"),
        (("correct = 1", "quick = 1"), "points has 'quick'"),
        (("correct = 1", "correct = -1"), "whole numbers"),
        (("01_topic/double", "01_topic/triple"), "must end with the name of its folder"),
        (("title =", "title"), "cannot be read"),
    ],
)
def test_a_wrong_description_says_where_and_what(folder: Path, change: tuple[str, str], said: str) -> None:
    """Every mistake in exercise.toml ends in one message that names the file and the key."""
    (folder / "exercise.toml").write_text(DESCRIPTION.replace(*change))
    with pytest.raises(CourseError, match=r"exercise\.toml") as caught:
        load_exercise(folder)
    assert said in str(caught.value)
