from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_efficiency.build import build
from pytest_efficiency.build.cache import default_cache
from pytest_efficiency.errors import BuildError

# Counts its runs, and holds on until as many have come as it is told, or for two seconds.
_SLOW_GCC = """\
#!/bin/sh
mktemp {runs}/XXXXXX > {runs}.log
tries=0
while [ $(ls {runs} | wc -l) -lt {together} ] && [ $tries -lt {tries} ]; do sleep 0.05; tries=$((tries + 1)); done
exec {gcc} "$@"
"""
_BUILD = """
import contextlib, sys
from pathlib import Path
from pytest_efficiency.build import build, cache
source, folder, locked = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "locked"
if not locked:
    cache._locked = lambda *args, **options: contextlib.nullcontext()
made = build(source, backend="c", cache=folder)
import ctypes
print(made.cached, ctypes.CDLL(str(made.path)).f())
"""


@pytest.fixture
def source(write) -> Path:
    return write("a.c", '#include "a.h"\nint f(void) { return ANSWER; }')


@pytest.fixture(autouse=True)
def header(write) -> Path:
    return write("a.h", "#define ANSWER 1")


@pytest.fixture
def slow_gcc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a slow gcc first on PATH; returns the folder that has a file for each time it ran."""

    def install(*, together: int, seconds: float) -> Path:
        runs = tmp_path / "runs"
        runs.mkdir()
        real = shutil.which("gcc")
        (tmp_path / "bin").mkdir()
        script = tmp_path / "bin" / "gcc"
        script.write_text(_SLOW_GCC.format(runs=runs, together=together, tries=int(seconds / 0.05), gcc=real))
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
        return runs

    return install


def start(source: Path, cache: Path, locked: str = "locked") -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _BUILD, str(source), str(cache), locked]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_for_compiler(runs: Path) -> None:
    deadline = time.monotonic() + 30
    while not list(runs.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_same_content_is_built_once(source, cache) -> None:
    """Wherever it lies: the key is of contents, not of places."""
    first = build(source, backend="c", cache=cache)
    elsewhere = source.parent.parent / "other"
    shutil.copytree(source.parent, elsewhere)
    second = build(elsewhere / source.name, backend="c", cache=cache)
    assert (first.cached, second.cached, second.path) == (False, True, first.path)


@pytest.mark.parametrize("change", ["source", "header", "compiler"])
def test_a_change_of_anything_that_was_compiled_builds_anew(change, source, header, cache, slow_gcc) -> None:
    """And the old result stays, for the run that still uses it."""
    before = build(source, backend="c", cache=cache)
    if change == "source":
        source.write_text(source.read_text() + "\n")
    elif change == "header":
        header.write_text("#define ANSWER 2")
    else:
        slow_gcc(together=1, seconds=0)
    after = build(source, backend="c", cache=cache)
    assert not after.cached
    assert before.path != after.path
    assert before.path.is_file()


def test_a_file_that_nobody_includes_changes_nothing(source, write, cache) -> None:
    """Notes and other exercises may lie beside a source."""
    build(source, backend="c", cache=cache)
    write("notes.h", "")
    assert build(source, backend="c", cache=cache).cached


@pytest.mark.parametrize(("lock", "compilations"), [("locked", 1), ("not locked", 2)])
def test_two_processes_that_build_the_same_thing_compile_it_once(lock, compilations, source, cache, slow_gcc) -> None:
    """Both get it. Without the lock it would be compiled twice, which shows that the two do meet here."""
    runs = slow_gcc(together=2, seconds=20 if lock == "not locked" else 1.5)
    both = [start(source, cache, lock) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [answer for _, answer in said] == ["1", "1"]
    assert len(list(runs.iterdir())) == compilations


def test_a_builder_that_was_killed_leaves_the_lock_and_nothing_half_made(source, cache, slow_gcc) -> None:
    """The next one builds as if it had never been."""
    runs = slow_gcc(together=2, seconds=60)
    with start(source, cache) as process:
        wait_for_compiler(runs)
        process.send_signal(signal.SIGKILL)
    (runs / "let-it-through").touch()
    made = build(source, backend="c", cache=cache)
    assert not made.cached
    assert made.path.is_file()


def test_waiting_for_a_builder_that_never_ends_has_an_end(source, cache, slow_gcc) -> None:
    """The message names the lock, so that its holder can be found."""
    runs = slow_gcc(together=2, seconds=60)
    with start(source, cache) as process:
        wait_for_compiler(runs)
        with pytest.raises(BuildError, match=r"another process .* holds .*\.lock"):
            build(source, backend="c", cache=cache, timeout=0.1)
        process.kill()


def test_a_failed_build_is_not_remembered(source, header, cache) -> None:
    """A full disk or a killed compiler is no property of the source."""
    header.write_text("#define ANSWER nothing")
    for _ in range(2):
        with pytest.raises(BuildError):
            build(source, backend="c", cache=cache)
    assert not list(cache.glob("??/*"))


def test_what_nobody_has_used_for_two_months_is_dropped_by_the_next_build(source, header, cache) -> None:
    """Each edit of a learner's leaves a library behind; one in use stays however old it is."""
    old = build(source, backend="c", cache=cache).path
    long_ago = time.time() - 61 * 24 * 3600
    for path in old.parent.iterdir():
        os.utime(path, (long_ago, long_ago))
    header.write_text("#define ANSWER 2")
    build(source, backend="c", cache=cache)
    assert not old.exists()


def test_a_library_in_use_is_not_dropped(source, header, cache) -> None:
    """Finding it in the cache counts as use."""
    old = build(source, backend="c", cache=cache).path
    long_ago = time.time() - 61 * 24 * 3600
    for path in old.parent.iterdir():
        os.utime(path, (long_ago, long_ago))
    build(source, backend="c", cache=cache)
    header.write_text("#define ANSWER 2")
    build(source, backend="c", cache=cache)
    assert old.exists()


def test_the_cache_is_the_users_own(source, cache) -> None:
    """Nobody else may put a library there that this user would load."""
    build(source, backend="c", cache=cache)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_the_cache_lies_where_xdg_says(monkeypatch, tmp_path) -> None:
    """A relative XDG_CACHE_HOME does not count, as the XDG rules have it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "pytest-efficiency" / "build"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert default_cache() == tmp_path / "home" / ".cache" / "pytest-efficiency" / "build"


def test_a_cache_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A message with the folder and the variable that moves it, and no traceback of ours."""
    source = tmp_path / "one.c"
    source.write_text("int one(void) { return 1; }\n")
    (tmp_path / "file").write_text("")
    with pytest.raises(BuildError, match=r"one\.c was to be built in .*file/cache.*XDG_CACHE_HOME"):
        build(source, backend="c", cache=tmp_path / "file" / "cache")
