from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pytest_efficiency import probes
from pytest_efficiency.errors import CpuLimitReached, WireError, WorkerDied
from pytest_efficiency.subject.protocol import Call
from pytest_efficiency.subject.worker import ModuleSpec, RemoteModule, WorkerSubject
from pytest_efficiency.wall.process import Limits
from pytest_efficiency.workers.pool import Pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytest_efficiency.subject.protocol import Subject

    Module = Callable[..., ModuleSpec]

SOURCE = """
import os
calls = 0
def add(a, b=1):
    return a + b
def count():
    global calls
    calls += 1
    return calls
def burn(seconds):
    import time
    end = time.process_time() + seconds
    while time.process_time() < end: pass
    return os.getpid()
def fail(x):
    if x: raise ValueError(x)
def die(): os._exit(1)
def double(data, scale=2):
    for i in range(len(data)): data[i] *= scale
def fill(**named):
    named['d']['k'] = 1
    named['s'].add(2)
    named['b'].append(120)
    return len(named)
def grow(data): data.append(1)
def shrink(data): data.resize(2, refcheck=False)
def swallow():
    global kept
    # What is kept lies above what is freed, so that the heap cannot simply end lower.
    kept = [bytearray(1000) for _ in range(20_000)][-1]
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    """Workers inside limits tight enough that this machine survives whatever a test finds broken."""
    pool = Pool(limits=Limits(address_space=4 * 2**30, file_size=2**28, open_files=128, processes=64, cpu_seconds=60))
    yield pool
    pool.close()


@pytest.fixture
def spec(tmp_path: Path) -> ModuleSpec:
    """A submission with a function for every need."""
    path = tmp_path / "answer.py"
    path.write_text(textwrap.dedent(SOURCE), encoding="utf-8")
    return ModuleSpec("answer", path, in_place=frozenset({"double", "fill", "grow", "shrink"}))


@pytest.fixture
def subject(pool: Pool, spec: ModuleSpec) -> Iterator[Callable[[str], WorkerSubject]]:
    """Subjects that are closed after the test."""
    made: list[WorkerSubject] = []

    def make(name: str) -> WorkerSubject:
        made.append(RemoteModule(pool, spec).__getattr__(name).subject())
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_call_looks_like_a_call(pool: Pool, spec: ModuleSpec) -> None:
    """A remote function takes positional and keyword arguments and gives the result."""
    answer = RemoteModule(pool, spec)
    assert answer.add(1) == 2
    assert answer.add(1, b=5) == 6
    assert answer.add(b=[1], a=[2]) == [2, 1]
    assert answer.add.__name__ == "add"
    assert "candidate" in repr(answer)
    assert not hasattr(answer, "__wrapped__")


def test_arguments_are_copies(pool: Pool, spec: ModuleSpec, tmp_path: Path) -> None:
    """A function that is not declared to work in place changes nothing of the caller's."""
    data = [1, 2]
    RemoteModule(pool, ModuleSpec("answer", spec.path)).double(data)
    assert data == [1, 2]


def test_in_place_functions_change_the_callers_arguments(pool: Pool, spec: ModuleSpec) -> None:
    """What a function that works in place did to its copies is done to the caller's own objects."""
    answer = RemoteModule(pool, spec)
    data = [1, 2]
    assert answer.double(data) is None
    assert data == [2, 4]
    array = np.arange(6.0)
    answer.double(array[::2], scale=10)
    assert array.tolist() == [0, 1, 20, 3, 40, 5]
    grown: list[int] = []
    answer.grow(grown)
    assert grown == [1]
    named: dict[str, Any] = {"d": {}, "s": set(), "b": bytearray()}
    assert answer.fill(**named) == 3
    assert named == {"d": {"k": 1}, "s": {2}, "b": bytearray(b"x")}
    with pytest.raises(WireError, match=r"an array of float64 \(6,\) came back as float64 \(2,\)"):
        answer.shrink(np.arange(6.0))


def test_in_place_results_of_a_subject_bring_their_arguments(subject: Callable[[str], WorkerSubject]) -> None:
    """A subject's results of such a function are (result, arguments, keyword arguments), for each call."""
    double = subject("double")
    double.put([Call(([1],)), Call(([2],), {"scale": 3})])
    double.go()
    assert double.get() == [(None, ([2],), {}), (None, ([6],), {"scale": 3})]
    double.put([Call(([1],)), Call(([2],))], keep=False)
    double.go()
    assert double.get() == [(None, ([4],), {})]


def test_a_batch_is_put_gone_and_got(subject: Callable[[str], WorkerSubject]) -> None:
    """Calls of a batch are made in order, with their own arguments; *go* may be repeated."""
    add: Subject = subject("add")
    assert (add.name, add.home) == ("add", "worker")
    assert add.pid != os.getpid()
    add.put([Call((n,), {"b": n}) for n in range(5)])
    timing = add.go()
    assert timing.calls == 5
    assert timing.wall > 0
    assert timing.process_cpu > 0
    assert timing.elsewhere > 0
    assert add.get() == [0, 2, 4, 6, 8]
    add.go()
    assert add.get() == add.get() == [0, 2, 4, 6, 8]


@pytest.mark.parametrize("kwargs", [{}, {"b": 1}])
def test_only_the_last_result_is_kept_when_asked(
    subject: Callable[[str], WorkerSubject], kwargs: dict[str, int]
) -> None:
    """``keep=False`` keeps the last result of a batch alone, and none of an empty batch."""
    add = subject("add")
    add.put([Call((n,), kwargs) for n in range(5)], keep=False)
    add.go()
    assert add.get() == [5]
    add.put([], keep=False)
    assert add.go().calls == 0
    assert add.get() == []


def test_each_subject_has_a_worker_to_itself(subject: Callable[[str], WorkerSubject]) -> None:
    """State does not cross from one claim to the next."""
    for _ in range(2):
        count = subject("count")
        count.put([Call()] * 3)
        count.go()
        assert count.get() == [1, 2, 3]


def test_an_exception_is_raised_by_go(subject: Callable[[str], WorkerSubject]) -> None:
    """The call that raises ends the batch; the subject can go on with another."""
    fail = subject("fail")
    fail.put([Call(("",)), Call(("no",))])
    with pytest.raises(ValueError, match="no"):
        fail.go()
    fail.put([Call((0,))])
    fail.go()
    assert fail.get() == [None]


def test_a_cpu_limit_costs_the_worker_and_put_brings_another(subject: Callable[[str], WorkerSubject]) -> None:
    """After CpuLimitReached the next *put* starts a fresh worker; until then the subject says what happened."""
    burn = subject("burn")
    first = burn.pid
    burn.put([Call((30.0,))])
    with pytest.raises(CpuLimitReached) as caught:
        burn.go(cpu_limit=0.05)
    assert caught.value.seconds >= 0.05
    with pytest.raises(CpuLimitReached):
        burn.get()
    burn.put([Call((0.01,))])
    timing = burn.go(cpu_limit=10.0)
    assert burn.get() == [burn.pid]
    assert burn.pid != first
    assert 0.01 <= timing.process_cpu < 5


def test_a_death_is_final(subject: Callable[[str], WorkerSubject]) -> None:
    """A subject whose worker died raises the same WorkerDied again, and starts no other."""
    die = subject("die")
    die.put([Call()])
    for _ in range(2):
        with pytest.raises(WorkerDied, match="left with exit status 1"):
            die.go()
    with pytest.raises(WorkerDied, match="left with exit status 1"):
        die.put([Call()])


def test_trim_gives_memory_back(subject: Callable[[str], WorkerSubject]) -> None:
    """After `trim` the worker holds megabytes less than before it, where its function had used and freed a lot."""
    swallow = subject("swallow")
    statm = Path(f"/proc/{swallow.pid}/statm")
    swallow.put([Call()])
    swallow.go()
    before = int(statm.read_text(encoding="ascii").split()[1])
    swallow.trim()
    after = int(statm.read_text(encoding="ascii").split()[1])
    assert (before - after) * os.sysconf("SC_PAGE_SIZE") > 10e6


def test_what_is_no_probe_is_told(subject: Callable[[str], WorkerSubject]) -> None:
    """An unknown probe and an impossible name are exceptions of the worker's."""
    add = subject("add")
    with pytest.raises(ModuleNotFoundError, match="no_such_probe"):
        add.probe("no_such_probe", Call((1,)))
    with pytest.raises(ValueError, match="a probe has a name like"):
        add.probe("../evil", Call((1,)))


def test_closing_twice_is_closing_once(subject: Callable[[str], WorkerSubject]) -> None:
    """`close` may be called again; afterwards the subject says that it is closed."""
    add = subject("add")
    add.close()
    add.close()
    with pytest.raises(WorkerDied, match="is closed"):
        add.put([Call((1,))])


def test_going_without_putting_is_told(subject: Callable[[str], WorkerSubject]) -> None:
    """*go* before *put*, or after one that failed, is an error and calls nothing put earlier."""
    count = subject("count")
    with pytest.raises(RuntimeError, match="there is nothing to call"):
        count.go()
    count.put([Call()])
    count.name = "no_such"
    with pytest.raises(AttributeError, match="no_such"):
        count.put([Call()])
    with pytest.raises(RuntimeError, match="there is nothing to call"):
        count.go()


# Some modules there only serve the probes.
PROBES = sorted(path.stem for path in Path(probes.__file__).parent.glob("*.py") if "\ndef probe(" in path.read_text())
# What a probe cannot do without.
OPTIONS: dict[str, dict[str, Any]] = {"hugepages": {"disabled": True}, "transient": {"pages": 16}}


@pytest.mark.parametrize("probe", PROBES)
def test_every_probe_answers_from_a_worker(subject: Callable[[str], WorkerSubject], probe: str) -> None:
    """A probe finds what it needs in a worker, and what it answers with crosses."""
    answer = subject("add").probe(probe, Call((1,), {"b": 2}), **OPTIONS.get(probe, {}))
    assert answer
    assert all(type(key) is str for key in answer)
