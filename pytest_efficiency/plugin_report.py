"""Collects the entries that tests leave in their reports; prints the score and writes the result file."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pytest_efficiency.plugin import SEED

if TYPE_CHECKING:
    from pytest_efficiency.report.entries import Entry, State


class Scorekeeper:
    """One for a run, in the process that prints: with pytest-xdist that is not the one that tests."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        # By id: a test that is run again has one entry, its last.
        self._entries: dict[str, Entry] = {}
        self._said: dict[str, tuple[str, str]] = {}
        self._deselected: dict[str, str] = {}
        self._json: str | None = None if config.option.collectonly else config.option.efficiency_json
        self._started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        # Written before the first test, so that nobody takes an older file for this run's.
        try:
            self._write("no")
        except OSError as error:
            msg = f"--efficiency-json {self._json} cannot be written: {error}; name a file in a folder that can be"
            raise pytest.UsageError(msg) from None

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """pytest-xdist's: hands the seed to its workers."""
        node.workerinput["efficiency_seed"] = self._config.stash[SEED]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """pytest-xdist's: what a worker deselected, and could not print."""
        self._deselected.update(getattr(node, "workeroutput", {}).get("efficiency_deselected", {}))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            return
        self._said.pop(report.nodeid, None)
        state = getattr(report, "efficiency_state", None)
        if state is not None and state != "waiting":
            self._said[report.nodeid] = (state, reason(report))
        entry = getattr(report, "efficiency_entry", None)
        if entry is None and hasattr(report, "efficiency_verdicts"):
            entry = _own_claim(report)
        if entry is not None:
            self._entries[report.nodeid] = entry
            self._write("no")

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        finished = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        self._write("yes" if exitstatus in finished else "early")

    # After the tables of pytest-benchmark and coverage: the verdicts are what a run is looked at for.
    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.ensure_newline()
        for what, why in self._deselected.items():
            terminalreporter.write_line(f"deselected: {what}: {why}", yellow=True)
        self._say_states(terminalreporter)
        self._explain(terminalreporter)
        self._score(terminalreporter)
        self._say_total(terminalreporter)

    def _explain(self, reporter: pytest.TerminalReporter) -> None:
        """Every claim, passed or not, for those who ask."""
        if not self._config.option.efficiency_explain:
            return
        from pytest_efficiency.report.explain import explained

        # A log is as wide as its longest line; a terminal is not.
        width = self._config.get_terminal_writer().fullwidth if reporter.isatty else None
        lines = explained(self._entries.values(), width)
        if lines:
            reporter.section("claims")
        for line, colour in lines:
            reporter.write_line(line, **({colour: True} if colour else {"bold": True}))

    def _say_total(self, reporter: pytest.TerminalReporter) -> None:
        """What claims cost, wherever there were any; -q asks for less."""
        if reporter.verbosity < 0 and not self._config.option.efficiency_explain:
            return
        from pytest_efficiency.report.explain import total_line

        line = total_line(self._entries.values())
        if not line:
            return
        benchmarks = self._config.pluginmanager.get_plugin("efficiency-benchmarks")
        note = benchmarks.note() if benchmarks is not None else ""
        reporter.write_line(f"{line}; {note}" if note else line)
        from pytest_efficiency.measure.quota import find_quota

        if find_quota().levels:
            reporter.write_line(f"{find_quota().words()}: wall-clock figures may be unclear here", yellow=True)

    def _score(self, terminalreporter: pytest.TerminalReporter) -> None:
        entries = list(self._entries.values())
        graded = self._config.option.efficiency_subject != "here"
        if not graded or not any(entry["exercise"] is not None for entry in entries):
            return
        from pytest_efficiency.report.scoreboard import scoreboard

        terminalreporter.section("scoreboard")
        self._summarise()
        for line, colour in scoreboard(entries):
            terminalreporter.write_line(line, **({colour: True} if colour else {"bold": True}))
        terminalreporter.write_line(f"inputs: --efficiency-seed={self._config.stash[SEED]}")

    def _summarise(self) -> None:
        """The scoreboard in the summary of a GitHub job."""
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            from pytest_efficiency.report.scoreboard import markdown

            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(markdown(self._entries.values()))

    def _say_states(self, reporter: pytest.TerminalReporter) -> None:
        """A line for each test that has a state of our own: pytest's summary knows nothing of them."""
        lines: dict[tuple[str, str], list[str]] = {}
        for node, (state, text) in self._said.items():
            # An untouched stub is one line however many tests it has.
            key = (state, text) if state != "unclear" else (state, f"{node}: {text}")
            lines.setdefault(key, []).append(node)
        if not lines:
            return
        reporter.section(
            "not decided" if {state for state, _ in lines} == {"unclear"} else "nothing to grade or measure"
        )
        for (state, text), nodes in lines.items():
            more = f" ({len(nodes)} tests)" if len(nodes) > 1 and "\n" not in text else ""
            said = text if text.startswith(state) else f"{state}: {text}"
            reporter.write_line(f"{said}{more}", yellow=True)

    def _write(self, ended: Literal["no", "yes", "early"]) -> None:
        if self._json is None:
            return
        from pytest_efficiency import __version__
        from pytest_efficiency.report.result_file import result, write

        option = self._config.option
        asked = f"solution {option.solution}" if option.solution else option.submission or "exercises"
        model = result(
            self._entries.values(),
            version=__version__,
            seed=self._config.stash[SEED],
            wall=option.efficiency_wall or "process",
            submission=asked,
            ended=ended,
            started=self._started,
        )
        write(Path(self._json), model)


def reason(report: Any) -> str:
    """What a report has to say, without a traceback and the names of pytest's exceptions; cut to 2000 characters."""
    longrepr = report.longrepr
    if isinstance(longrepr, tuple):  # a skip: file, line, reason
        text = str(longrepr[2])
    elif longrepr is not None:
        crash = getattr(longrepr, "reprcrash", None)
        text = str(crash.message if crash is not None else longrepr)
    else:
        verdicts = getattr(report, "efficiency_verdicts", [])
        text = str(verdicts[-1]["message"]) if verdicts else ""
    for prefix in ("Skipped: ", "Unclear: ", "Failed: "):
        text = text.removeprefix(prefix)
    return text[:2000]


def _own_claim(report: Any) -> Entry:
    """A library's own test with claims, as an entry without an exercise."""
    verdicts: list[dict[str, Any]] = report.efficiency_verdicts
    file, line, _ = report.location
    state: State | None = getattr(report, "efficiency_state", None)
    if state is None and report.failed and report.when != "call":
        state = "error"
    elif state is None:
        state = "expected" if hasattr(report, "wasxfail") else report.outcome
    return {
        "id": report.nodeid,
        "exercise": None,
        "title": "",
        "submission": "",
        "backend": "",
        "source": None,
        "column": verdicts[-1]["kind"] if verdicts else "",
        "planned": 1,
        "points": {},
        "state": state,
        "message": reason(report),
        "hint": "",
        "verdicts": verdicts,
        "file": file,
        "line": (line or 0) + 1,
        "seconds": report.duration,
        "stdout": report.capstdout,
        "stderr": report.capstderr,
    }
