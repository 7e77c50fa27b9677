"""Grading exercises: what is run, what stands in its way, and what is said of it."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

STUB = '"""Count the numbers below n whose squares end in 6."""\n\n\ndef sixes(n):\n    raise NotImplementedError\n'
SLOW = "def sixes(n):\n    return sum(1 for i in range(n) if i * i % 10 == 6)\n"
FAST = "def sixes(n):\n    return n // 10 * 2 + sum(i in (4, 6) for i in range(n % 10))\n"
WRONG = "def sixes(n):\n    return n // 5\n"
TOML = """
id = "01_topic/sixes"
title = "Sixes"
goal = "Count without a loop."
topic = "Counting"
functions = ["sixes"]
backends = ["numba", "cython"]
hints = ["Which last digits have such squares?", "How many of them are in ten numbers?"]
setup_limit = 3.0
call_limit = 3.0

[points]
correct = 2
speed = 3
"""
TESTS = """
def test_counts(candidate, reference, efficiency_rng):
    for n in (0, 5, 17, int(efficiency_rng.integers(100, 200))):
        assert candidate.sixes(n) == reference.sixes(n)

def test_another(candidate):
    assert candidate.sixes(10) == 2

def test_is_fast(candidate, reference, speedup, efficiency_rng):
    def make():
        return (int(efficiency_rng.integers(2000, 3000)),)

    assert speedup(candidate.sixes, over=reference.sixes, inputs=make) >= 10
"""


class Course:
    """A course of one exercise in a temporary folder."""

    def __init__(self, pytester: pytest.Pytester) -> None:
        self.pytester = pytester
        self.folder = pytester.path / "exercises" / "01_topic" / "sixes"
        (self.folder / "pristine").mkdir(parents=True)
        self.write("exercise.toml", TOML)
        self.write("sixes.py", STUB)
        self.write("pristine/sixes.py", STUB)
        self.write("reference.py", SLOW)
        self.write("test_sixes.py", TESTS)

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def solve(self, backend: str, name: str, text: str) -> None:
        folder = self.pytester.path / "solutions" / "01_topic" / "sixes" / backend
        folder.mkdir(parents=True)
        (folder / name).write_text(text)

    def run(self, *options: str) -> pytest.RunResult:
        return self.pytester.runpytest("exercises", "--efficiency-json=out.json", "-p", "no:cacheprovider", *options)

    def states(self) -> dict[str, str]:
        """Test name -> state, from the result file."""
        return {test["id"].rpartition("::")[2]: test["state"] for test in self.result()["tests"]}

    def by_test(self) -> dict[str, str]:
        """The same without the backend."""
        return {name.partition("[")[0]: state for name, state in self.states().items()}

    def result(self) -> Any:
        return json.loads((self.pytester.path / "out.json").read_text())


@pytest.fixture
def course(pytester: pytest.Pytester) -> Course:
    return Course(pytester)


def test_an_untouched_stub_is_one_line_and_no_points(course: Course) -> None:
    """Not started: no traceback, a row in the scoreboard, exit status 1."""
    result = course.run()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert set(course.states().values()) == {"not started"}
    text = result.stdout.str()
    assert text.count("as it was handed out") == 1
    assert "Traceback" not in text
    assert "FAILURES" not in text
    result.stdout.fnmatch_lines(["*01_topic/sixes*not started*0/5"])


def test_a_right_and_fast_answer_earns_everything(course: Course) -> None:
    """Two columns, five points, exit status 0."""
    course.write("sixes.py", FAST)
    result = course.run()
    assert result.ret == 0
    assert course.states() == {
        "test_counts[python]": "passed",
        "test_another[python]": "passed",
        "test_is_fast[python]": "passed",
    }
    assert course.result()["score"] == course.result()["max_score"] == 5


def test_a_right_and_slow_answer_fails_in_its_column(course: Course) -> None:
    """The reference itself is not ten times as fast as the reference."""
    course.write("sixes.py", SLOW)
    result = course.run()
    assert result.ret == 1
    assert course.states()["test_is_fast[python]"] == "failed"
    assert course.states()["test_counts[python]"] == "passed"
    assert course.result()["score"] == 2
    result.stdout.fnmatch_lines(["*assert speedup(sixes, over=the reference sixes) >= 10: failed, *x*"])
    result.stdout.fnmatch_lines(["*- hint -*", "Which last digits*"])


def test_a_wrong_answer_is_not_timed(course: Course) -> None:
    """Correctness gates the claims."""
    course.write("sixes.py", WRONG)
    assert course.run().ret == 1
    assert course.states()["test_is_fast[python]"] == "waiting"
    assert course.result()["score"] == 0


def test_a_wrong_answer_that_only_its_claim_is_asked_of_fails_there(course: Course) -> None:
    """-k cannot get round correctness: results are compared in the claim too, and the smallest input is shown."""
    course.write("sixes.py", WRONG)
    result = course.run("-k", "fast")
    assert course.states() == {"test_is_fast[python]": "failed"}
    assert course.result()["score"] == 0
    result.stdout.fnmatch_lines(["*ResultsDiffer: *expected *, got *the arguments were*"])


def test_correctness_comes_first_whatever_the_order_in_the_file(course: Course) -> None:
    """A claim written above the correctness tests runs below them."""
    before, claim, after = TESTS.partition("def test_is_fast")
    course.write("test_sixes.py", f"\n{claim}{after}\n{before}")
    course.write("sixes.py", WRONG)
    course.run()
    assert course.states()["test_is_fast[python]"] == "waiting"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import ctypes\n    ctypes.string_at(0)", "*segmentation fault*SIGSEGV*"),
        ("import os\n    os._exit(3)", "*exit status 3*"),
        ("while True:\n        pass", "*did not return from sixes within 3 s*"),
        ("raise SystemExit(5)", "*SystemExit*"),
        ("raise KeyboardInterrupt", "*KeyboardInterrupt*"),
        ("return object()", "*object*"),
        ("raise ValueError('no such luck')", "*ValueError: no such luck*"),
    ],
    ids=["segfault", "exit", "hang", "SystemExit", "KeyboardInterrupt", "object", "raises"],
)
def test_a_breaking_answer_costs_its_own_tests_only(course: Course, body: str, said: str) -> None:
    """It breaks for one input; the other test passes, and the message names what happened."""
    course.write("sixes.py", f"def sixes(n):\n    if n == 10:\n        return 2\n    {body}\n")
    result = course.run("-k", "counts or another")
    assert result.ret == 1
    assert course.by_test() == {"test_counts": "failed", "test_another": "passed"}
    result.stdout.fnmatch_lines([said])


def test_a_flood_of_output_neither_blocks_nor_fills(course: Course) -> None:
    """A right answer that also writes 100 MB is still right."""
    noisy = FAST.replace("    return", "    import sys\n    sys.stdout.write('x' * 10_000_000)\n    return")
    course.write("sixes.py", noisy)
    course.run("-k", "counts or another")
    assert set(course.states().values()) == {"passed"}


def test_an_answer_that_hangs_while_imported_is_named(course: Course) -> None:
    """The limit of the set-up, once, and every test says why."""
    course.write("sixes.py", "while True:\n    pass\n" + FAST)
    result = course.run("-k", "counts")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*was not imported within 3 s*"])


def test_the_answer_runs_in_a_process_of_its_own(course: Course) -> None:
    """A submission that records os.getpid() proves where it ran: neither here nor where the reference runs."""
    course.write("sixes.py", "import os\n\ndef sixes(n):\n    return os.getpid()\n")
    course.write("reference.py", "import os\n\ndef sixes(n):\n    return os.getpid()\n")
    course.write(
        "test_sixes.py",
        """
        import os

        def test_where(candidate, reference):
            assert len({candidate.sixes(1), reference.sixes(1), os.getpid()}) == 3
        """,
    )
    course.run()
    assert set(course.states().values()) == {"passed"}


@pytest.mark.parametrize("options", [(), ("--import-mode=prepend",), ("--import-mode=append",)])
def test_innocent_names_beside_a_test_are_never_imported(course: Course, options: tuple[str, ...]) -> None:
    """numpy.py and secrets.py in the exercise's folder shadow nothing, in any import mode and from any directory."""
    for name in ("numpy.py", "secrets.py", "json.py"):
        course.write(name, "raise SystemExit('imported by mistake')\n")
    course.write("sixes.py", "import numpy as np\nimport secrets\n\n" + FAST)
    course.write("test_sixes.py", "import numpy\nimport secrets\n" + TESTS)
    course.pytester.chdir()
    result = course.pytester.runpytest_subprocess(
        "exercises", f"--efficiency-json={course.pytester.path}/out.json", *options
    )
    assert result.ret == 0, result.stdout.str()
    assert set(course.states().values()) == {"passed"}


def test_innocent_names_in_the_current_directory(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """python -m pytest puts the current directory on sys.path, and that may be an exercise's."""
    import sys

    course.write("msgspec.py", "raise SystemExit('imported by mistake')\n")
    course.write("psutil.py", "raise SystemExit('imported by mistake')\n")
    course.write("sixes.py", FAST)
    monkeypatch.chdir(course.folder)
    result = course.pytester.run(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", course.folder)
    assert result.ret == 0


def test_two_edited_answers_are_named(course: Course) -> None:
    """Which one counts is the learner's to say."""
    course.write("sixes.py", FAST)
    course.write("sixes.cpp", "int x;\n")
    result = course.run()
    assert set(course.states().values()) == {"refused"}
    result.stdout.fnmatch_lines(["*two answers to 01_topic/sixes*sixes.py*sixes.cpp*"])


def test_a_compile_error_is_an_outcome_of_its_own(course: Course) -> None:
    """Not built: the compiler's first error, with the learner's file and line; nothing is run."""
    course.write("sixes.pyx", "def sixes(n):\n    return n +\n")
    result = course.run()
    assert result.ret == 1
    assert set(course.states().values()) == {"not built"}
    assert course.result()["status"] == "student_error"
    result.stdout.fnmatch_lines(["*sixes.pyx:2*"])


def test_a_compiled_answer_is_built_and_graded(course: Course) -> None:
    """sixes.pyx beside the untouched stub."""
    course.write(
        "sixes.pyx",
        """
        def sixes(long n):
            cdef long i, total = 0
            for i in range(n):
                total += i * i % 10 == 6
            return total
        """,
    )
    result = course.run()
    assert set(course.states().values()) == {"passed"}, result.stdout.str()
    assert set(course.states()) == {"test_counts[cython]", "test_another[cython]", "test_is_fast[cython]"}


def test_solutions_run_the_same_tests_by_backend(course: Course) -> None:
    """--solution all: one answer for each declared backend."""
    course.solve("numba", "sixes.py", FAST)
    course.solve("cython", "sixes.pyx", FAST)
    result = course.run("--solution=all")
    assert result.ret == 0, result.stdout.str()
    assert sum("[numba]" in test for test in course.states()) == 3
    assert sum("[cython]" in test for test in course.states()) == 3
    assert course.result()["score"] == 10


def test_a_backend_that_an_exercise_does_not_offer_is_deselected(course: Course) -> None:
    """It says so, and nothing run is no success."""
    course.solve("numba", "sixes.py", FAST)
    result = course.run("--solution=cppyy")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["deselected: 01_topic/sixes: has no cppyy solution*"])


def test_a_missing_backend_deselects_its_solutions_and_says_so(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never a silent pass: without numba the line names it, and only cython runs."""
    import importlib.util

    import pytest_efficiency.build.backends as backends

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == "numba" else find(name, *rest))
    for function in vars(backends).values():
        if hasattr(function, "cache_clear"):
            function.cache_clear()
    course.solve("numba", "sixes.py", FAST)
    course.solve("cython", "sixes.pyx", FAST)
    result = course.run("--solution=all")
    result.stdout.fnmatch_lines(["deselected: numba: *"])
    assert all("[cython]" in test for test in course.states())


def test_files_that_live_elsewhere_are_graded(course: Course) -> None:
    """--submission DIR, and the learner's own file beside the tests does not count."""
    elsewhere = course.pytester.path / "handed_in"
    elsewhere.mkdir()
    (elsewhere / "sixes.py").write_text(FAST)
    course.write("sixes.py", WRONG)
    assert course.run("--submission=handed_in").ret == 0
    assert course.result()["score"] == 5


def test_an_exercise_without_tests_is_an_error(course: Course) -> None:
    """Nothing to run is not a pass."""
    (course.folder / "test_sixes.py").unlink()
    result = course.run()
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*01_topic/sixes has no tests*"])


def test_a_broken_description_is_one_message(course: Course) -> None:
    """exercise.toml with a key misspelt: no traceback of ours."""
    course.write("exercise.toml", TOML.replace("title", "titel"))
    result = course.run()
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*exercise.toml: 'title' must be a str, found nothing*"])


def test_a_claim_that_is_never_compared_is_an_error_in_an_exercise(course: Course) -> None:
    """In a library it is a warning; here it would be a free point."""
    course.write("sixes.py", FAST)
    course.write(
        "test_sixes.py",
        """
        def test_idle(candidate, reference, speedup):
            speedup(candidate.sixes, over=reference.sixes, args=(9,))
        """,
    )
    result = course.run()
    assert course.states() == {"test_idle[python]": "failed"}
    result.stdout.fnmatch_lines(["*was never compared*"])


def test_an_unclear_claim_costs_the_points_and_is_not_called_slow(course: Course) -> None:
    """The default of an exercise: "not measured", exit status 1."""
    course.write("sixes.py", FAST)
    course.write(
        "test_sixes.py",
        """
        from pytest_efficiency import Verdict
        from pytest_efficiency.recorder import current

        def test_noisy(candidate, speedup):
            verdict = Verdict("speedup", "unclear", "claim", "claim: unclear, too noisy")
            current.get().reach(verdict)
            raise current.get().unclear(verdict)
        """,
    )
    result = course.run()
    assert result.ret == 1
    assert course.states() == {"test_noisy[python]": "unclear"}
    result.stdout.fnmatch_lines(["*not measured: claim: unclear, too noisy*"])


def test_a_run_under_xdist_scores_the_same(course: Course) -> None:
    """-n 2: results and points come together in the process that prints."""
    course.write("sixes.py", FAST)
    result = course.pytester.runpytest_subprocess("exercises", "--efficiency-json=out.json", "-n", "2")
    assert result.ret == 0, result.stdout.str()
    assert course.result()["score"] == 5
    result.stdout.fnmatch_lines(["*01_topic/sixes*5/5"])


def test_the_scoreboard_goes_to_the_summary_of_a_github_job(course: Course, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where GITHUB_STEP_SUMMARY names a file, and nowhere else."""
    summary = course.pytester.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    course.run()
    assert "| 01_topic/sixes | - | not started |" in summary.read_text()


def test_a_seed_replays_the_inputs(course: Course) -> None:
    """The same seed gives the same numbers, another gives others."""
    course.write("sixes.py", FAST)
    course.write(
        "test_sixes.py", "def test_a(candidate, efficiency_rng):\n    print('DRAWN', efficiency_rng.integers(10**9))\n"
    )

    def drawn(seed: int) -> list[str]:
        text = course.run("-s", f"--efficiency-seed={seed}").stdout.str()
        return [line.partition("DRAWN")[2] for line in text.splitlines() if "DRAWN" in line]

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_subject_here_runs_in_this_process_and_grades_nothing(course: Course) -> None:
    """For a debugger."""
    course.write("sixes.py", "import os\n\ndef sixes(n):\n    return os.getpid()\n")
    course.write(
        "test_sixes.py",
        "import os\n\ndef test_where(candidate):\n    assert candidate.sixes(1) == os.getpid()\n",
    )
    result = course.pytester.runpytest("exercises", "--efficiency-subject=here")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*not graded*"])


def test_the_result_file_follows_its_schema(course: Course) -> None:
    """Real results, of a passing and a failing column."""
    import jsonschema

    import pytest_efficiency.report.result_file as result_file

    schema = json.loads((Path(result_file.__file__).parent / "result-1.schema.json").read_text())
    course.write("sixes.py", SLOW)
    course.run()
    jsonschema.validate(course.result(), schema)


def test_a_column_that_ran_in_part_earns_nothing(course: Course) -> None:
    """-k another: one of two correctness tests is no evidence of a correct answer."""
    course.write("sixes.py", WRONG)
    course.run("-k", "another")
    assert set(course.states().values()) == {"passed"}
    assert course.result()["score"] == 0


def test_the_submission_is_not_imported_whatever_asks_for_it(course: Course) -> None:
    """As a doctest, by its own path, by a pattern of names."""
    course.write("sixes.py", "raise SystemExit('imported by mistake')\n")
    for options in (
        ("exercises", "--doctest-modules"),
        ("exercises", "-o", "python_files=*.py"),
        (str(course.folder / "sixes.py"),),
    ):
        text = course.pytester.runpytest_subprocess("-p", "no:cacheprovider", "--co", *options).stdout.str()
        assert "imported by mistake" not in text


def test_two_folders_with_one_id_are_named(course: Course) -> None:
    """A copy of an exercise must not be graded with the code of the other."""
    import shutil

    copy = course.pytester.path / "last_year" / "01_topic" / "sixes"
    shutil.copytree(course.folder, copy)
    result = course.pytester.runpytest("exercises", "last_year")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*two exercises are called 01_topic/sixes*"])


def test_a_test_about_the_reference_earns_nothing(course: Course) -> None:
    """It passes whatever the answer is."""
    course.write("test_sixes.py", TESTS + "\ndef test_reference(reference):\n    assert reference.sixes(10) == 2\n")
    course.write("sixes.py", WRONG)
    course.run()
    assert (course.result()["score"], course.result()["max_score"]) == (0, 5)


def test_a_skipped_correctness_test_does_not_hold_claims_back(course: Course) -> None:
    """Nobody has seen the answer fail: the claim is measured, and the points are withheld."""
    course.write("sixes.py", SLOW)
    skipped = "import pytest\n\n@pytest.mark.skip(reason='later')\ndef test_later(candidate):\n    pass\n"
    course.write("test_sixes.py", skipped + TESTS)
    assert course.run().ret == 1
    assert course.by_test()["test_is_fast"] == "failed"


def test_a_linked_folder_in_a_submission_is_refused(course: Course) -> None:
    """Somebody else's answer is not handed in by a link."""
    other = course.pytester.path / "other" / "01_topic" / "sixes"
    other.mkdir(parents=True)
    (other / "sixes.py").write_text(FAST)
    mine = course.pytester.path / "mine" / "01_topic"
    mine.mkdir(parents=True)
    (mine / "sixes").symlink_to(other)
    course.run("--submission=mine")
    assert set(course.states().values()) == {"refused"}


def test_an_older_result_is_not_taken_for_this_runs(course: Course) -> None:
    """An interrupted or empty run says so in the file."""
    course.write("sixes.py", FAST)
    course.run()
    assert course.result()["status"] == "graded"
    course.run("-k", "nothing_of_that_name")
    assert course.result()["status"] == "infra_error"


def test_what_xdist_deselected_is_said(course: Course) -> None:
    """A worker of pytest-xdist has no terminal of its own."""
    course.solve("numba", "sixes.py", FAST)
    course.solve("cython", "sixes.pyx", FAST)
    result = course.pytester.runpytest_subprocess("exercises", "--solution=cppyy", "-n", "2")
    result.stdout.fnmatch_lines(["deselected: 01_topic/sixes: has no cppyy solution*"])


def test_a_folder_without_solutions_is_one_line(course: Course) -> None:
    """--solution where there are none: no traceback, and no success."""
    result = course.run("--solution=numba")
    assert result.ret != 0
    assert "Traceback" not in result.stdout.str()
    result.stdout.fnmatch_lines(["*declares a numba solution*has no sixes*"])


def test_the_seed_does_not_depend_on_where_pytest_was_started(course: Course) -> None:
    """The same seed gives the same inputs from another root directory."""
    course.write("sixes.py", FAST)
    course.write(
        "test_sixes.py", "def test_a(candidate, efficiency_rng):\n    print('DRAWN', efficiency_rng.integers(10**9))\n"
    )

    def drawn(*options: str) -> str:
        text = course.run("-s", "--efficiency-seed=5", *options).stdout.str()
        return next(line for line in text.splitlines() if "DRAWN" in line).partition("DRAWN")[2]

    assert drawn() == drawn(f"--rootdir={course.pytester.path.parent}")


@pytest.mark.parametrize("answer", [FAST, WRONG, STUB])
def test_skipped_claims_leave_the_answer_to_be_checked(course: Course, answer: str) -> None:
    """--efficiency-skip comes before whatever else stands in a claim's way; correctness is graded as ever."""
    course.write("sixes.py", answer)
    result = course.run("--efficiency-skip", "-rs")
    result.stdout.fnmatch_lines(["01_topic/sixes * skipped *", "*claims are skipped (--efficiency-skip)*"])
    correct = {FAST: {"passed": 2}, WRONG: {"failed": 1, "passed": 1}, STUB: {"not": 2}}[answer]  # "2 not started"
    assert result.parseoutcomes() == {**correct, "skipped": 1}


def test_explain_names_the_exercise_and_the_answer(course: Course) -> None:
    """--efficiency-explain, before the scoreboard; the total after it."""
    course.write("sixes.py", FAST)
    result = course.run("--efficiency-explain")
    result.stdout.fnmatch_lines(
        [
            "*= claims =*",
            "passed *x *01_topic/sixes test_is_fast[[]python[]]: speedup(sixes, over=the reference sixes) >= 10",
            "*= scoreboard =*",
            "1 claim: 1 passed in * s",
        ]
    )
