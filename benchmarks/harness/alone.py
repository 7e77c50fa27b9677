"""One row, or one row's peers, by itself: what its module's `main` does.

    python benchmarks/rows/speedup.py --loads quiet hog1 --seconds 60

The module puts benchmarks/ on the path before it imports `harness`, because Python puts only the script's own folder
there.
"""

from __future__ import annotations

import argparse
import os
import random
from typing import TYPE_CHECKING, Protocol

from harness.loads import LOADS, load
from harness.tally import grouped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.trial import Trial


class Trials(Protocol):
    """The one function of every module under rows/ and peers/; it runs under a load that the caller has started."""

    def __call__(self, load_name: str, *, seconds: float, seed: int) -> Iterator[Trial]: ...


HEAD = (
    f"{'load':6} {'row, tool, question':62}"
    f" {'verdicts':>8} {'wrong':>6} {'unclear':>8} {'median ms':>10} {'95 % ms':>9} {'worst ms':>9}"
)


def run_alone(trials: Trials, doc: str | None, arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, run the trials under each load, print one line per load and question.

    Args:
        trials: the module's function.
        doc: the module's docstring, which is shown as help.
        arguments: a command line other than the process's own.
    """
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", nargs="+", choices=LOADS, default=["quiet"], help="one after the other")
    parser.add_argument("--seconds", type=float, default=30.0, help="wall time for each load")
    parser.add_argument("--seed", type=int, default=None, help="order of the cases; default: another one each time")
    parser.add_argument("--verbose", action="store_true", help="print every verdict as it comes")
    options = parser.parse_args(arguments)
    seed = random.randrange(2**31) if options.seed is None else options.seed
    print(f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f} before the start, seed {seed}")
    print(HEAD, flush=True)
    for name in options.loads:
        found: list[Trial] = []
        with load(name):
            try:
                for one in trials(name, seconds=options.seconds, seed=seed):
                    found.append(one)
                    if options.verbose:
                        print(f"    {describe(one)}", flush=True)
            except KeyboardInterrupt:
                print("interrupted; what there is:")
        report(found)


def report(found: Sequence[Trial]) -> None:
    """One line per load and question, each wrong or unclear answer below."""
    for (load_name, *rest), one in sorted(grouped(found, ("load", "row", "tool", "question", "half")).items()):
        print(
            f"{load_name:6} {', '.join(filter(None, rest)):62} {one.trials:>8} {one.wrong:>6} {one.unclear:>8}"
            f" {1e3 * one.median:>10.1f} {1e3 * one.most:>9.1f} {1e3 * one.worst:>9.1f}"
        )
    for trial in found:
        if trial.answer != "right":
            print(f"{trial.answer}: {describe(trial)}")
    print(end="", flush=True)


def describe(one: Trial) -> str:
    named = f"{one.load}, {one.tool}, {one.case}, {one.question}: {one.answer}"
    return f"{named}, {1e3 * one.seconds:.1f} ms{f' ({one.detail})' if one.detail else ''}"
