"""Hands the timings of claims to pytest-benchmark where it is active: to its JSON, storage, comparison and table.

Nothing is built on its ``benchmark`` fixture. All that is known of its inside is in this module: the session that it
registers as a plugin (``benchmarks``, ``disabled``, ``only`` and the names of what was asked for), and the class of the
records in its list. Where those are not as expected, one line says so and the run goes on without.
"""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from pytest_efficiency.plugin import CLAIMS, RECORDER, in_exercise

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from pytest_efficiency.result import Verdict

# The releases whose session and records are known.
_KNOWN = ("4.", "5.")
_PLAIN = str | int | float | bool | None
_ASKED = ("json", "save", "autosave", "compare", "histogram")


class Benchmarks:
    """Our side of one session of pytest-benchmark.

    Args:
        session: its ``BenchmarkSession``.
    """

    def __init__(self, config: pytest.Config, session: Any) -> None:
        self._config = config
        self._session = session
        self._problem = ""
        self._verdicts: dict[str, list[dict[str, Any]]] = {}
        self._records: dict[str, list[Any]] = {}
        try:
            self._only = bool(session.only)
            self._disabled = bool(session.disabled)
            self._asked = any(getattr(session, name) for name in _ASKED)
        except AttributeError as error:
            self._only = self._asked = False
            self._disabled = True
            self._problem = str(error)
        else:
            self._problem = _unknown_release()

    def note(self) -> str:
        """What a user who looks for timings should know at the end of a run; empty where there is nothing to say."""
        if self._problem:
            return f"their timings are not in pytest-benchmark's records: {self._problem}"
        if self._disabled and self._config.getoption("benchmark_disable", False):
            return "timings are not recorded (--benchmark-disable)"
        if self._disabled and self._asked:
            return "timings are not recorded: pytest-benchmark is off, as it always is under pytest-xdist"
        return ""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> Generator[None, Any, Any]:
        """``--benchmark-only``: a test that claims is a benchmark too, so take off the skip that it was given."""
        answer = yield
        if self._only:
            for item in items:
                if set(CLAIMS).intersection(getattr(item, "fixturenames", ())) or item.get_closest_marker("efficiency"):
                    item.own_markers[:] = [mark for mark in item.own_markers if not _skips_others(mark)]
        return answer

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        report = yield
        recorder = item.stash.get(RECORDER, None)
        if call.when == "call" and recorder is not None and recorder.verdicts and not self._disabled:
            self._hand_over(item, recorder.verdicts)
        return report

    @pytest.hookimpl(optionalhook=True)
    def pytest_benchmark_update_json(self, output_json: dict[str, Any]) -> None:
        """Every verdict of the run, of claims that have no timing too."""
        output_json["efficiency"] = [verdict for verdicts in self._verdicts.values() for verdict in verdicts]

    def _hand_over(self, item: pytest.Item, verdicts: Sequence[Verdict]) -> None:
        self._verdicts[item.nodeid] = [{"test": item.nodeid, **_told(verdict)} for verdict in verdicts]
        # A learner looks at the score, and need not see a table of timings beside it.
        if self._problem or (in_exercise(item) and not self._asked):
            return
        # Hypothesis draws other inputs in each run, whose times cannot be compared.
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            return
        try:
            made = [self._record(item, *one) for one in _timings(verdicts)]
            # A test that is run again, by a plugin that retries, is there once.
            for old in self._records.pop(item.nodeid, ()):
                self._session.benchmarks.remove(old)
            self._session.benchmarks.extend(made)
            self._records[item.nodeid] = made
        except (AttributeError, ImportError, TypeError, ValueError) as error:
            self._problem = f"{type(error).__name__}: {error}"

    def _record(
        self, item: pytest.Item, verdict: Verdict, params: dict[str, Any], seconds: list[float], calls: int
    ) -> Any:
        """One of its benchmarks: named as a test with one parameter more, grouped by the claim."""
        from pytest_benchmark.stats import Metadata

        callspec = getattr(item, "callspec", None)
        given = {name: _plain(value) for name, value in callspec.params.items()} if callspec is not None else {}
        added = "-".join(str(value) if name == "side" else f"{name}={value}" for name, value in params.items())
        param = f"{callspec.id}-{added}" if callspec is not None else added
        marker = item.get_closest_marker("benchmark")
        stem = item.name.removesuffix(f"[{callspec.id}]") if callspec is not None else item.name
        where = item.nodeid.removesuffix(item.name)
        source = SimpleNamespace(
            name=f"{stem}[{param}]",
            fullname=f"{where}{stem}[{param}]",
            group=(marker.kwargs.get("group") if marker is not None else None) or verdict.claim,
            param=param,
            params={**params, **given},
            extra_info=_told(verdict),
            cprofile_stats=None,
            has_error=False,
        )
        options = {"disable_gc": True, "timer": verdict.clock, "min_rounds": 3}
        record: Any = Metadata(source, iterations=calls, options=options)  # type: ignore[no-untyped-call]  # not typed
        record.stats.data.extend(seconds)
        return record


def _timings(verdicts: Sequence[Verdict]) -> Iterator[tuple[Verdict, dict[str, Any], list[float], int]]:
    """What of a test's claims is a time that means something in another run too: (verdict, params, seconds, calls).

    A speedup's two sides, and a growth claim's largest size: n is in the name, since times at other sizes cannot be
    compared. Undecided claims are left out: something was wrong with their figures. The GIL and memory have no time;
    nor has growth that was rejected by counts.
    """
    seen = {"speedup": 0, "scaling": 0, "gil": 0, "memory": 0}
    for verdict in verdicts:
        if verdict.outcome == "unclear":
            continue
        seen[verdict.kind] += 1
        # A second claim of one kind in the same test needs a name of its own.
        number = {"claim": seen[verdict.kind]} if seen[verdict.kind] > 1 else {}
        data = verdict.data
        if verdict.kind == "speedup":
            yield from _of_sides(verdict, number)
        elif verdict.kind == "scaling":
            for n, samples in list(zip(data.get("n", ()), data.get("samples", ()), strict=False))[-1:]:
                seconds = _positive(samples)
                if seconds:
                    yield verdict, {**number, "n": _whole(n)}, seconds, 1


def _of_sides(verdict: Verdict, number: dict[str, Any]) -> Iterator[tuple[Verdict, dict[str, Any], list[float], int]]:
    data = verdict.data
    for side in ("candidate", "reference"):
        seconds = _positive(data.get(f"{side}_seconds", ()))
        # A reference that was stopped at its limit takes longer than was seen.
        if seconds and not (side == "reference" and data.get("reference_stopped")):
            yield verdict, {**number, "side": side}, seconds, max(1, int(data.get(f"{side}_calls", 1)))


def _told(verdict: Verdict) -> dict[str, Any]:
    """The verdict in ``extra_info``: as in the result file, without the rounds, which are the benchmark's data."""
    said = verdict.as_json()
    del said["data"]
    said["interval"] = [_finite(end) for end in said["interval"]] if said["interval"] is not None else None
    return {key: _finite(value) for key, value in said.items()}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _positive(samples: Sequence[float]) -> list[float]:
    """Seconds that can be shown and compared: the table divides by them."""
    return [float(one) for one in samples if math.isfinite(one) and one > 0.0]


def _whole(n: float) -> float:
    return int(n) if n == int(n) else n


def _plain(value: Any) -> Any:
    """A parameter as JSON has it; an exercise's answer is known by its label."""
    return value if isinstance(value, _PLAIN) else str(getattr(value, "label", value))


def _skips_others(mark: pytest.Mark) -> bool:
    return mark.name == "skip" and "--benchmark-only" in str(mark.kwargs.get("reason"))


def _unknown_release() -> str:
    from pytest_benchmark import __version__ as version

    return "" if version.startswith(_KNOWN) else f"version {version} is not known here, 5.x is"
