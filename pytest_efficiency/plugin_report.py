"""Collects the entries that tests leave in their reports; prints the score and writes the result file."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_efficiency.plugin import SEED

if TYPE_CHECKING:
    from pytest_efficiency.report.entries import Entry


class Scorekeeper:
    """One for a run, in the process that prints: with pytest-xdist that is not the one that tests."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._entries: list[Entry] = []
        self._said: list[tuple[str, str, str]] = []
        self._json: str | None = config.option.efficiency_json
        self._started = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """pytest-xdist's: hands the seed to its workers."""
        node.workerinput["efficiency_seed"] = self._config.stash[SEED]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        state = getattr(report, "efficiency_state", None)
        if state is not None and state != "waiting":
            self._said.append((state, report.nodeid, _reason(report)))
        entry = getattr(report, "efficiency_entry", None)
        if entry is None and report.when == "call" and hasattr(report, "efficiency_verdicts"):
            entry = _own_claim(report)
        if entry is not None:
            self._entries.append(entry)
            self._write(finished=False)

    def pytest_sessionfinish(self) -> None:
        self._write(finished=True)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        self._say_states(terminalreporter)
        if not any(entry["exercise"] is not None for entry in self._entries):
            return
        from pytest_efficiency.report.scoreboard import scoreboard

        terminalreporter.section("scoreboard")
        self._summarise()
        for line, colour in scoreboard(self._entries):
            terminalreporter.write_line(line, **({colour: True} if colour else {"bold": True}))
        terminalreporter.write_line(f"inputs: --efficiency-seed={self._config.stash[SEED]}")

    def _summarise(self) -> None:
        """The scoreboard in the summary of a GitHub job."""
        summary = os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            from pytest_efficiency.report.scoreboard import markdown

            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(markdown(self._entries))

    def _say_states(self, reporter: pytest.TerminalReporter) -> None:
        """A line for each test that has a state of our own: pytest's summary knows nothing of them."""
        lines: dict[tuple[str, str], list[str]] = {}
        for state, node, reason in self._said:
            # An untouched stub is one line however many tests it has.
            key = (state, reason) if state != "unclear" else (state, f"{node}: {reason}")
            lines.setdefault(key, []).append(node)
        if not lines:
            return
        reporter.section(
            "not decided" if {state for state, _ in lines} == {"unclear"} else "nothing to grade or measure"
        )
        for (state, reason), nodes in lines.items():
            more = f" ({len(nodes)} tests)" if len(nodes) > 1 else ""
            said = reason if reason.startswith(state) else f"{state}: {reason}"
            reporter.write_line(f"{said}{more}", yellow=True)

    def _write(self, *, finished: bool) -> None:
        if self._json is None:
            return
        from pytest_efficiency import __version__
        from pytest_efficiency.report.result_file import result, write

        option = self._config.option
        asked = f"solution {option.solution}" if option.solution else option.submission or "exercises"
        model = result(
            self._entries,
            version=__version__,
            seed=self._config.stash[SEED],
            wall=option.efficiency_wall or "process",
            submission=asked,
            finished=finished,
            started=self._started,
        )
        write(Path(self._json), model)


def _reason(report: Any) -> str:
    longrepr = report.longrepr
    if isinstance(longrepr, tuple):  # a skip: file, line, reason
        return str(longrepr[2]).removeprefix("Skipped: ")
    if longrepr is None:  # an undecided claim that counts as a pass
        return str(report.efficiency_verdicts[-1]["message"])
    return str(longrepr)


def _own_claim(report: pytest.TestReport) -> Entry:
    """A library's own test with claims, as an entry without an exercise."""
    verdicts: list[dict[str, Any]] = report.efficiency_verdicts
    file, line, _ = report.location
    state = getattr(report, "efficiency_state", None) or report.outcome
    return {
        "id": report.nodeid,
        "exercise": None,
        "title": "",
        "submission": "",
        "backend": "",
        "source": None,
        "column": verdicts[-1]["kind"],
        "points": {},
        "state": state,
        "message": verdicts[-1]["message"],
        "hint": "",
        "verdicts": verdicts,
        "file": file,
        "line": (line or 0) + 1,
        "seconds": report.duration,
        "stdout": report.capstdout,
        "stderr": report.capstderr,
    }
