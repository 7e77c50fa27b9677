from __future__ import annotations

import contextlib
import importlib.machinery
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import pytest_efficiency
from pytest_efficiency.errors import EfficiencyError, SetupFailed, WorkerDied
from pytest_efficiency.subject.protocol import Call
from pytest_efficiency.subject.worker import RemoteModule, WorkerSubject
from pytest_efficiency.wall.process import Limits, run
from pytest_efficiency.workers.pool import Pool
from pytest_efficiency.workers.spec import ModuleSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_efficiency.workers.channel import Channel

    Module = Callable[..., ModuleSpec]
    Watch = Callable[[int], Callable[[], bool]]

STATE = """
import os
calls = []
def pid(): return os.getpid()
def count():
    calls.append(1)
    return len(calls)
def die(): os._exit(1)
def environment(): return dict(os.environ)
def directory(): return os.getcwd()
def litter():
    os.mkdir('deep')
    open('deep/file', 'w').close()
    return os.getcwd()
"""


@pytest.fixture(params=[True, False], ids=["forked", "started anew"])
def either(request: pytest.FixtureRequest) -> Iterator[Pool]:
    """A pool whose workers are forked, and one whose workers are started anew, as on macOS."""
    pool = Pool(zygotes=request.param, limits=Limits(address_space=4 * 2**30, open_files=128, cpu_seconds=60))
    yield pool
    pool.close()


def test_correctness_cases_share_a_worker_and_claims_do_not(either: Pool, module: Module) -> None:
    """Calls share one worker until it dies; each subject has a fresh one in which nothing was called yet."""
    spec = module(STATE)
    answer = RemoteModule(either, spec)
    assert [answer.count() for _ in range(3)] == [1, 2, 3]
    first = answer.pid()
    with pytest.raises(WorkerDied):
        answer.die()
    assert answer.count() == 1
    pids = {first, answer.pid(), os.getpid()}
    for _ in range(2):
        channel = either.fresh(spec)
        channel.put("count", [((), {})], keep=True)
        channel.run("count")
        assert channel.get("count") == [1]
        pids.add(channel.pid)
        channel.close()
    assert len(pids) == 5


def test_an_edited_module_is_another_one(pool: Pool, module: Module) -> None:
    """A shared worker whose file has changed is replaced by one that has loaded the new text."""
    spec = module("def f(): return 1")
    answer = RemoteModule(pool, spec)
    assert answer.f() == 1
    before = pool.shared(spec).pid
    assert pool.shared(spec).pid == before
    module("def f(): return 'another length'")
    assert answer.f() == "another length"
    assert pool.shared(spec).pid != before


def test_a_worker_started_ahead_is_taken(pool: Pool, module: Module) -> None:
    """`ahead` does not wait; the next fresh worker is the one that it started, and there is one at a time."""
    spec = module(STATE)
    pool.ahead(spec)
    pool.ahead(spec)
    (waiting,) = pool._loading()
    channel = pool.fresh(spec)
    assert channel is waiting
    assert pool._loading() == []
    assert pool.fresh(spec) is not waiting


def test_nothing_starts_while_something_is_timed(pool: Pool, module: Module) -> None:
    """In `quiet` nothing starts and what was loading stands still; both go on after it."""
    spec = module("end = 0\nwhile end < 3_000_000: end += 1\ndef f(): return end")
    other = ModuleSpec("other", spec.path)
    pool.ahead(spec)
    (loading,) = pool._loading()
    with pool.quiet(), pool.quiet():
        status = Path(f"/proc/{loading.pid}/stat")
        give_up = time.monotonic() + 20
        while (state := status.read_text().rpartition(") ")[2][0]) != "T" and time.monotonic() < give_up:
            time.sleep(0.001)
        assert state == "T"
        pool.ahead(other)
        assert pool._loading() == [loading]
    assert len(pool._loading()) == 2
    for which in (spec, other):
        answer = WorkerSubject(pool, which, "f")
        answer.put([])
        answer.close()


def test_the_environment_is_next_to_empty(either: Pool, module: Module, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets of the caller stay with him; BLAS and OpenMP have one thread unless the exercise says otherwise."""
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    spec = module(STATE)
    seen = RemoteModule(either, spec).environment()
    assert not {"SECRET_TOKEN", "PYTHONPATH"} & set(seen)
    assert seen["OPENBLAS_NUM_THREADS"] == seen["OMP_NUM_THREADS"] == "1"
    assert seen["HOME"] == seen["TMPDIR"] == str(Path(seen["NUMBA_CACHE_DIR"]).parent)
    threaded = RemoteModule(either, ModuleSpec("answer", spec.path, threads=True)).environment()
    assert "OMP_NUM_THREADS" not in threaded


def channel_directory(channel: Channel) -> str:
    channel.put("directory", [((), {})], keep=True)
    channel.run("directory")
    (found,) = channel.get("directory")
    return str(found)


def test_each_worker_has_a_directory_that_goes_with_it(either: Pool, module: Module) -> None:
    """Workers work in directories of their own, and nothing of them is left when the pool is closed."""
    spec = module(STATE)
    mine = RemoteModule(either, spec).litter()
    other = channel_directory(either.fresh(spec))
    assert mine != other
    assert Path(mine, "deep", "file").exists()
    either.close()
    assert not Path(mine).parent.exists()


def test_nothing_is_left_after_close(either: Pool, module: Module, watch: Watch) -> None:
    """`close` ends zygotes, workers that hang and workers that wait; afterwards the pool starts nothing."""
    spec = module("import time\ndef f(): return 1")
    slow = ModuleSpec("slow", spec.path.with_name("slow.py"))
    slow.path.write_text("import time\ntime.sleep(100)\n", encoding="utf-8")
    ends = [watch(either.fresh(spec).pid), watch(either.shared(spec).pid)]
    either.ahead(slow)
    (loading,) = either._loading()
    ends.append(watch(loading.pid))
    ends += [watch(nursery._process.pid) for nursery in either._nurseries.values()]
    either.close()
    assert all(has_ended() for has_ended in ends)
    either.close()
    with pytest.raises(EfficiencyError, match="the pool is closed"):
        either.fresh(spec)


def test_a_lost_zygote_is_replaced(pool: Pool, module: Module, watch: Watch) -> None:
    """When a zygote is killed its workers end with it, and the next worker comes from a new one."""
    spec = module(STATE)
    channel = pool.fresh(spec)
    scratch = Path(channel_directory(channel)).parent
    nursery = channel._nursery
    ends = [watch(channel.pid), watch(nursery._process.pid)]
    os.kill(nursery._process.pid, signal.SIGKILL)
    assert all(has_ended() for has_ended in ends)
    with pytest.raises(WorkerDied):
        channel.trim()
    assert RemoteModule(pool, spec).count() == 1
    assert not scratch.exists()


ORPHANS = """
import json, os, signal, sys
from pathlib import Path
from pytest_efficiency.subject.worker import RemoteModule, ModuleSpec
from pytest_efficiency.workers.pool import Pool

pool = Pool(zygotes=sys.argv[2] == "forked")
spec = ModuleSpec("answer", Path(sys.argv[1]), call_limit=200)
answer = RemoteModule(pool, spec)
pids = [*answer.linger(), pool.shared(spec).pid, *(n._process.pid for n in pool._nurseries.values())]
channel = pool.fresh(spec)
channel.put("hang", [((), {})], keep=True)
print(json.dumps([*pids, channel.pid]), flush=True)
channel.run("hang")
"""

LINGER = """
import os, signal
def linger():
    pids = []
    for leave in (False, True):
        reading, writing = os.pipe()
        if os.fork() == 0:
            if leave:
                os.setsid()
            signal.alarm(150)
            os.write(writing, b'x')
            while True: signal.pause()
        os.read(reading, 1)
    import glob
    me = os.getpid()
    for stat in glob.glob('/proc/[0-9]*/stat'):
        try:
            text = open(stat).read()
        except OSError:
            continue
        if int(text.rpartition(') ')[2].split()[1]) == me:
            pids.append(int(stat.split('/')[2]))
    return pids
def hang():
    signal.alarm(150)
    while True: signal.pause()
"""


@pytest.mark.parametrize("how", ["forked", "anew"])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_parent_is_killed(
    module: Module, watch: Watch, tmp_path: Path, end: signal.Signals, how: str
) -> None:
    """However the parent ends, zygote, workers, one in the middle of a hang, and all that they started end too."""
    spec = module(LINGER)
    script = tmp_path / "parent.py"
    script.write_text(ORPHANS, encoding="utf-8")
    parent = subprocess.Popen(
        [sys.executable, str(script), str(spec.path), how],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(pytest_efficiency.__file__).parent.parent)},
    )
    assert parent.stdout is not None
    with parent.stdout:
        pids = json.loads(parent.stdout.readline())
        assert len(pids) == 5
        ends = [watch(pid) for pid in pids]
        parent.send_signal(end)
        assert parent.wait(60) == -end
    assert all(has_ended() for has_ended in ends)


LOOKALIKE = """
import sys
with open({marker!r}, 'a') as marker:
    marker.write(__name__ + ' in ' + str(sys.argv) + chr(10))
"""

INNOCENT = """
import json, sys
from pathlib import Path
import numpy
from pytest_efficiency.subject.worker import RemoteModule, ModuleSpec
from pytest_efficiency.workers.pool import Pool

pool = Pool()
answer = RemoteModule(pool, ModuleSpec("answer", Path(sys.argv[1])))
print(json.dumps([answer.where(), float(answer.double(numpy.ones(3)).sum()), numpy.__file__]))
pool.close()
"""


def test_lookalikes_beside_a_submission_are_not_imported(module: Module, tmp_path: Path) -> None:
    """An innocent numpy.py, secrets.py or msgspec.py beside a submission is imported by neither side."""
    marker = tmp_path / "marker"
    source = """
import numpy, secrets, json
def where(): return [numpy.__file__, secrets.__file__]
def double(a): return 2 * a
"""
    exercise = tmp_path / "exercise"
    exercise.mkdir()
    answer = exercise / "answer.py"
    answer.write_text(source, encoding="utf-8")
    for name in (
        "numpy",
        "secrets",
        "msgspec",
        "psutil",
        "json",
        "pytest_efficiency",
        "sitecustomize",
        "usercustomize",
    ):
        (exercise / f"{name}.py").write_text(LOOKALIKE.format(marker=str(marker)), encoding="utf-8")
    script = tmp_path / "parent" / "parent.py"
    script.parent.mkdir()
    script.write_text(INNOCENT, encoding="utf-8")
    package = Path(pytest_efficiency.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, str(script), str(answer)],
        cwd=exercise,
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    where, total, ours = json.loads(done.stdout)
    assert total == 6.0
    assert where[0] == ours
    assert not any(str(exercise) in path for path in [*where, ours])
    assert not marker.exists()


def test_a_worker_needs_nothing_of_the_callers_path(
    either: Pool, module: Module, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Neither the caller's directory nor PYTHONPATH is on a worker's path, and its own directory is not either."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "beside.py").write_text("", encoding="utf-8")
    path = RemoteModule(either, module("import sys\ndef path(): return sys.path")).path()
    assert not any(entry in {"", ".", str(tmp_path)} for entry in path)
    with pytest.raises(SetupFailed, match="No module named 'beside'"):
        RemoteModule(either, module("import beside")).f()


def test_a_forged_bytecode_file_is_not_read(pool: Pool, module: Module) -> None:
    """What runs is the source, whatever lies in __pycache__."""
    spec = module("def f(): return 'source'")
    text = spec.path.read_bytes()
    found = spec.path.stat()
    cached = Path(importlib.util.cache_from_source(str(spec.path)))
    cached.parent.mkdir()
    code = compile("def f(): return 'forged'", str(spec.path), "exec")
    forged = importlib._bootstrap_external._code_to_timestamp_pyc(code, int(found.st_mtime), len(text))
    cached.write_bytes(forged)
    assert RemoteModule(pool, spec).f() == "source"


def test_an_exercise_may_be_called_like_a_module_of_the_standard_library(pool: Pool, tmp_path: Path) -> None:
    """A submission called statistics.py is loaded, and the standard library goes on finding its own."""
    path = tmp_path / "statistics.py"
    path.write_text("import random\ndef mean(x): return 'mine'\ndef f(): return random.__name__", encoding="utf-8")
    answer = RemoteModule(pool, ModuleSpec("statistics", path))
    assert answer.mean([1]) == "mine"
    path.write_text("import statistics\ndef mean(x): return statistics.mean(x)", encoding="utf-8")
    assert answer.mean([1, 3]) == 2


def test_workers_do_not_draw_the_same_numbers(pool: Pool, module: Module) -> None:
    """Forks of one zygote have random generators of their own."""
    spec = module("import random, numpy\ndef draw(): return [random.random(), float(numpy.random.rand())]")
    drawn = []
    for _ in range(2):
        channel = pool.fresh(spec)
        channel.put("draw", [((), {})], keep=True)
        channel.run("draw")
        drawn += channel.get("draw")
        channel.close()
    assert not set(drawn[0]) & set(drawn[1])


def test_adapters_stand_before_the_module(pool: Pool, module: Module, tmp_path: Path) -> None:
    """An adapter imports the submission by name, and its functions are found first."""
    adapter = tmp_path / "adapter.py"
    adapter.write_text("import answer as s\ndef point(x): return s.Point(x).x, submission is s\n", encoding="utf-8")
    source = "class Point:\n    def __init__(self, x): self.x = x\ndef point(): return 'hidden'\ndef plain(): return 1"
    answer = RemoteModule(pool, module(source, adapter=adapter))
    assert answer.point(3) == (3, True)
    assert answer.plain() == 1


C_SOURCE = """
long twice(long x) { return 2 * x; }
long divide(long x) { return x / 0; }
void hang(void) { for (;;) ; }
"""
BINDING = """
import ctypes
class Functions: pass
def bind(library):
    found = Functions()
    library.twice.argtypes, library.twice.restype = [ctypes.c_long], ctypes.c_long
    found.twice = library.twice
    found.divide = library.divide
    found.hang = library.hang
    return found
"""


def test_a_library_is_used_through_its_binding(pool: Pool, tmp_path: Path) -> None:
    """A C library's functions are those that its binding gives; a crash and a hang in C are told like any other."""
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed, and this test compiles a library")
    (tmp_path / "answer.c").write_text(C_SOURCE, encoding="utf-8")
    (tmp_path / "binding.py").write_text(BINDING, encoding="utf-8")
    library = tmp_path / "answer.so"
    built = run(
        ["gcc", "-w", "-shared", "-fPIC", "-o", str(library), "answer.c"], cwd=tmp_path, timeout=60, env=os.environ
    )
    assert built.returncode == 0, built.output
    spec = ModuleSpec("answer", library, kind="library", binding=tmp_path / "binding.py", call_limit=0.5)
    answer = RemoteModule(pool, spec)
    assert answer.twice(21) == 42
    with pytest.raises(WorkerDied, match=r"arithmetic error \(SIGFPE\)|illegal instruction \(SIGILL\)"):
        answer.divide(1)
    with pytest.raises(Exception, match=r"answer\.so did not return from hang within 0\.5 s"):
        answer.hang()
    assert answer.twice(4) == 8


def test_an_extension_module_is_loaded_by_its_path(pool: Pool) -> None:
    """A compiled module is loaded from where it lies, under the name that it was built with."""
    folder = Path(sysconfig.get_path("stdlib"), "lib-dynload")
    found = [path for suffix in importlib.machinery.EXTENSION_SUFFIXES for path in folder.glob(f"_bisect{suffix}")]
    if not found:
        pytest.skip(f"this Python has _bisect built in: there is none in {folder}")
    answer = RemoteModule(pool, ModuleSpec("_bisect", found[0], kind="extension"))
    assert answer.bisect_right([1, 2, 3], 2) == 2


def test_an_unknown_wall_is_refused() -> None:
    """A wall that this version does not have is an error, and not a weaker wall."""
    with pytest.raises(EfficiencyError, match="the wall 'bwrap' was asked for; this version has only 'process'"):
        Pool(wall="bwrap")  # type: ignore[arg-type]


def test_a_forked_caller_does_not_end_the_pool(pool: Pool, module: Module) -> None:
    """A fork of the caller that closes its copy of the pool leaves the workers to the caller."""
    answer = RemoteModule(pool, module(STATE))
    before = answer.pid()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            pool.close()
        os._exit(0)
    os.waitpid(pid, 0)
    assert answer.pid() == before


def test_a_worker_has_no_other_descriptors(pool: Pool, module: Module) -> None:
    """A worker has five descriptors: nothing, its output twice, its channel, and the directory it lists."""
    source = """
    import os
    def descriptors():
        return [os.readlink(f'/proc/self/fd/{number}') for number in range(3)], len(os.listdir('/proc/self/fd'))
    """
    names, count = RemoteModule(pool, module(source)).descriptors()
    assert names[0] == os.devnull
    assert names[1] == names[2]
    assert count == 5


JIT = {
    "numba": """
import numba
@numba.njit
def total(n):
    found = 0
    for i in range(n):
        found += i
    return found
@numba.njit(parallel=True)
def spread(n):
    found = 0
    for i in numba.prange(n):
        found += i
    return found
""",
    "cppyy": """
import cppyy
cppyy.cppdef("long total(long n) { long found = 0; for (long i = 0; i < n; i++) found += i; return found; }")
total = spread = cppyy.gbl.total
""",
}


@pytest.mark.parametrize("threads", [False, True], ids=["one thread", "threads"])
@pytest.mark.parametrize("package", JIT)
def test_compiling_works_in_a_fork(pool: Pool, module: Module, package: str, threads: bool) -> None:
    """What was imported in the zygote compiles and runs in its forks, with one thread and with several."""
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    spec = module(JIT[package], preload=(package,), threads=threads, setup_limit=120.0, call_limit=120.0)
    for _ in range(2):
        subject = WorkerSubject(pool, spec, "total")
        subject.put([Call((1000,))])
        subject.go()
        assert subject.get() == [499_500]
        subject.close()
    assert RemoteModule(pool, spec).spread(1000) == 499_500


def test_threads_of_a_test_may_share_a_module(pool: Pool, module: Module) -> None:
    """Calls from several threads get their own results."""
    answer = RemoteModule(pool, module("def same(x): return x"))
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(answer.same, range(200))) == list(range(200))
