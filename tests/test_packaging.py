"""What goes into a wheel and a source distribution, and what ``build_ext`` does: built from a copy of the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as it looks after a while of use: with built libraries, caches and an editor's files in it."""
    copy = tmp_path_factory.mktemp("packaging") / "checkout"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    # LEFT_OUT drops the package's own build/ as well as the one that setuptools makes.
    for folder in ("pytest_efficiency/build", "tests/build"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=LEFT_OUT)
    exercise = next(path.parent for path in sorted(copy.glob("exercises/*/*/exercise.toml")))
    for name in ("x.so", "x.o", "__pycache__/x.cpython-311.pyc", ".x.swp", "pristine/__pycache__/x.cpython-311.pyc"):
        (exercise / name).parent.mkdir(exist_ok=True)
        (exercise / name).write_text("")
    library = copy / "build" / "solutions" / "x.so"
    library.parent.mkdir(parents=True)
    library.write_text("")
    return copy


@pytest.fixture(scope="module")
def names(checkout: Path) -> dict[str, set[str]]:
    """What a wheel and a source distribution hold, and "file": the wheel's own name."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(checkout / "dist"), str(checkout)]
    done = subprocess.run([*command, "--wheel"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    done = subprocess.run([*command, "--sdist"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = (checkout / "dist").glob("*.whl")
    [source] = (checkout / "dist").glob("*.tar.gz")
    with tarfile.open(source) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    return {"file": {wheel.name}, "wheel": set(zipfile.ZipFile(wheel).namelist()), "source": packed}


def tracked(folder: str) -> set[str]:
    """The files of ``folder`` that belong to the project, relative to the checkout."""
    made = {".so", ".o", ".pyc", ".swp"}
    files = (path for path in (ROOT / folder).rglob("*") if path.is_file() and path.suffix not in made)
    return {str(path.relative_to(ROOT)) for path in files}


def test_the_wheel_is_for_every_platform(names: dict[str, set[str]]) -> None:
    """No compiler is needed to install it."""
    [name] = names["file"]
    assert name.endswith("-py3-none-any.whl")
    assert not {name for name in names["wheel"] if name.endswith((".so", ".pyd", ".o"))}


def test_the_wheel_holds_no_solution(names: dict[str, set[str]]) -> None:
    """Learners install it."""
    assert not {name for name in names["wheel"] if "solution" in name or "near_miss" in name}
    sources = {path.name for path in (ROOT / "solutions").rglob("*") if path.suffix in (".pyx", ".cpp", ".c")}
    assert sources
    assert not {name for name in names["wheel"] if Path(name).name in sources}


def test_the_wheel_holds_every_exercise_as_it_is_handed_out(names: dict[str, set[str]]) -> None:
    """With its tests, its reference and its pristine stub, and with nothing that was built or cached."""
    packed = {name for name in names["wheel"] if name.startswith("pytest_efficiency/exercises/")}
    assert packed == {f"pytest_efficiency/{name}" for name in tracked("exercises")}
    assert any(name.endswith("exercise.toml") for name in packed)


def test_the_wheel_holds_the_package_with_its_types_schema_and_licence(names: dict[str, set[str]]) -> None:
    """And registers the plugin."""
    package = {name for name in names["wheel"] if not name.startswith("pytest_efficiency/exercises/")}
    assert {name for name in package if ".dist-info/" not in name} == tracked("pytest_efficiency")
    for end in ("py.typed", ".schema.json", "licenses/LICENSE", "entry_points.txt"):
        assert any(name.endswith(end) for name in package), end


def test_the_source_distribution_is_the_repository(names: dict[str, set[str]]) -> None:
    """With tests and solutions, without anything built."""
    packed = names["source"]
    for folder in ("exercises", "solutions", "tests", "pytest_efficiency"):
        assert tracked(folder) <= packed, folder
    assert not {name for name in packed if name.endswith((".so", ".o", ".pyc"))}


@pytest.fixture
def small_checkout(tmp_path: Path) -> Path:
    """A checkout with one solution, in C, because that compiles at once."""
    for name in ("setup.py", "pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "pytest_efficiency", tmp_path / "pytest_efficiency")
    folder = tmp_path / "solutions" / "01_first" / "answer" / "ctypes"
    folder.mkdir(parents=True)
    (folder / "answer.c").write_text("int answer(void) { return 42; }\n")
    return tmp_path


def build_ext(checkout: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "XDG_CACHE_HOME": str(checkout / "cache")}
    command = [sys.executable, "setup.py", "build_ext", *options]
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_build_ext_in_place_leaves_the_sources_alone(small_checkout: Path) -> None:
    """The library lies in the same place under build/, and a test run finds it in the cache."""
    done = build_ext(small_checkout, "--inplace")
    assert done.returncode == 0, done.stdout + done.stderr
    here = "solutions/01_first/answer/ctypes"
    assert (small_checkout / "build" / here / "answer.so").is_file()
    assert [path.name for path in (small_checkout / here).iterdir()] == ["answer.c"]
    assert list((small_checkout / "cache").rglob("answer.so"))


def test_build_ext_and_a_test_run_build_the_same_thing(small_checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command made, a test run does not compile again."""
    from pytest_efficiency.build import build

    source = small_checkout / "solutions/01_first/answer/ctypes/answer.c"
    monkeypatch.setenv("XDG_CACHE_HOME", str(small_checkout / "cache"))
    assert build_ext(small_checkout, "--inplace").returncode == 0
    assert build(source, backend="c").cached


def test_build_ext_ends_with_the_compilers_error(small_checkout: Path) -> None:
    """In its own words and without a traceback."""
    source = small_checkout / "solutions/01_first/answer/ctypes/answer.c"
    source.write_text("int answer(void) {\n    return nothing;\n}\n")
    done = build_ext(small_checkout, "--inplace")
    assert done.returncode != 0
    assert "answer.c, line 2: 'nothing' undeclared" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["--name", "--classifiers"]])
def test_other_commands_of_setup_declare_no_extension(arguments: list[str], small_checkout: Path) -> None:
    """They need neither a compiler nor the package's dependencies."""
    (small_checkout / "pytest_efficiency" / "build" / "__init__.py").write_text("raise SystemExit('imported')")
    command = [sys.executable, "setup.py", *arguments]
    done = subprocess.run(command, cwd=small_checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("skip", "status"),
    [
        ("", 0),
        ("<skipped message='unclear: 3.9x against a claim of 4x'/>", 0),
        ("<skipped message=\"could not import 'numba': No module named 'numba'\"/>", 1),
        ("<skipped>there is no C compiler on PATH</skipped>", 1),
    ],
)
def test_a_test_run_that_lacked_something_fails(skip: str, status: int, tmp_path: Path) -> None:
    """An undecided claim is fine; a test that was skipped for a missing package says nothing about the code."""
    report = tmp_path / "junit.xml"
    report.write_text(f"<testsuites><testsuite><testcase name='t'>{skip}</testcase></testsuite></testsuites>")
    command = [sys.executable, str(ROOT / ".ci" / "skips.py"), str(report)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, bool(done.stdout)) == (status, bool(status))


def test_a_test_run_of_no_test_fails(tmp_path: Path) -> None:
    """A wrong path collects nothing and would look like success."""
    report = tmp_path / "junit.xml"
    report.write_text("<testsuites><testsuite/></testsuites>")
    done = subprocess.run([sys.executable, str(ROOT / ".ci" / "skips.py"), str(report)], check=False)
    assert done.returncode == 1
