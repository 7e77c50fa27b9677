"""How often verdicts are wrong or unclear, and how long they take: ours and those of what people use today.

Every row of the tables in README and docs/reference/reliability.md comes from this one command:

    pip install -e '.[test]' -r benchmarks/peers/requirements.txt
    python benchmarks/reliability.py --minutes 20 --json trials.jsonl --write

Under each load it goes through all rows, ours and the peers in turn, several times over; a quiet machine at the start
is the caller's to see to. Ctrl-C ends it early with what it has. ``--from`` makes the tables of trials that were
written before, without any measuring. ``--short`` is for CI: a minute, ours alone. No time and no verdict decides its
exit status: only whether every row ran, and whether the tables can be written. ``--check --strict`` is for those who
want it otherwise.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from harness.alone import describe, report
from harness.loads import LOADS
from harness.machine import machine
from harness.pages import PAGE_BLOCKS, README_BLOCKS, filled, inconsistent, page, summary
from harness.run import NAMES, PARTS, Run, run
from harness.targets import findings
from harness.trial import Trial

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference" / "reliability.md"
README = ROOT / "README.md"
SHORT_MINUTES, SHORT_LOADS = 1.0, ("quiet", "hog1")


def arguments(command_line: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, help="wall time for all verdicts (default: 20; 1 with --short)")
    parser.add_argument("--short", action="store_true", help="for CI: ours alone, quiet and beside one busy loop")
    parser.add_argument("--passes", type=int, default=2, help="over how many rounds the time is spread (default: 2)")
    parser.add_argument("--only", help=f"these rows, separated by commas: {', '.join(NAMES)}")
    parser.add_argument("--loads", help=f"these loads, separated by commas: {', '.join(LOADS)}")
    parser.add_argument("--no-peers", action="store_true", help="ours alone")
    parser.add_argument("--seed", type=int, help="order of the cases (default: another one each time)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every trial, one JSON object a line")
    parser.add_argument(
        "--from", type=Path, nargs="+", metavar="FILE", dest="files", help="measure nothing, read these"
    )
    parser.add_argument("--write", action="store_true", help="write the tables into README and docs")
    parser.add_argument("--check", action="store_true", help="list the targets that are met and those that are missed")
    parser.add_argument("--strict", action="store_true", help="with --check: a missed target is an exit status of 1")
    parser.add_argument("--verbose", action="store_true", help="print every verdict as it comes")
    options = parser.parse_args(command_line)
    for name, known in (("only", NAMES), ("loads", LOADS)):
        given = getattr(options, name)
        chosen = given.split(",") if given else list(known)
        if unknown := set(chosen) - set(known):
            parser.error(f"--{name}: {', '.join(sorted(unknown))} is none of {', '.join(known)}")
        setattr(options, name, chosen)
        if name == "loads" and options.short and not given:
            options.loads = list(SHORT_LOADS)
    if options.minutes is None:
        options.minutes = SHORT_MINUTES if options.short else 20.0
    return options


def measured(options: argparse.Namespace) -> Run:
    """Run the schedule, to its end or until it is interrupted."""
    start = time.monotonic()
    found = Run()
    peers = not (options.short or options.no_peers)
    parts = [part for part in PARTS if part.name in options.only and (peers or not part.is_peer)]
    seed = random.randrange(2**31) if options.seed is None else options.seed
    print(f"{options.minutes:g} minutes, seed {seed}, loads {', '.join(options.loads)}", flush=True)

    def say(line: str) -> None:
        print(f"[{time.monotonic() - start:6.1f} s] {line}", flush=True)

    out: TextIO | None = options.json.open("w", encoding="utf-8") if options.json else None

    def each(one: Trial) -> None:
        if out:
            print(json.dumps(dataclasses.asdict(one)), file=out, flush=True)
        if options.verbose:
            print(f"    {describe(one)}", flush=True)

    # Whoever ends it with a signal gets what there is, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        if out:
            print(json.dumps({"about": machine()}), file=out, flush=True)
        run(
            found,
            parts,
            options.loads,
            seconds=60.0 * options.minutes,
            passes=1 if options.short else options.passes,
            seed=seed,
            say=say,
            each=each,
        )
        if out:
            print(json.dumps({"skipped": found.skipped}), file=out)
    except KeyboardInterrupt:
        found.failures.append("interrupted")
        say("interrupted; this is what there is")
    finally:
        if out:
            out.close()
    return found


def read(files: Sequence[Path]) -> tuple[Run, dict[str, str]]:
    """Trials of earlier runs, and the machine of the last of them."""
    found, about = Run(), machine()
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            one = json.loads(line)
            if "about" in one:
                about = one["about"]
            elif "skipped" in one:
                found.skipped += [name for name in one["skipped"] if name not in found.skipped]
            else:
                found.trials.append(Trial(**one))
    return found, about


def pages(found: Run, about: dict[str, str], *, write: bool) -> list[str]:
    """Make the pages with these trials' tables in them, and say what is wrong with those; write them if asked to."""
    wrong = []
    for path, bodies, wanted in (
        (PAGE, page(found.trials, about, found.skipped), PAGE_BLOCKS),
        (README, summary(found.trials, about), README_BLOCKS),
    ):
        try:
            text = filled(path.read_text(encoding="utf-8"), bodies)
        except ValueError as error:
            wrong.append(f"{path.name}: {error}")
            continue
        if write:
            path.write_text(text, encoding="utf-8")
        wrong += [f"{path.name}: {one}" for one in inconsistent(text, wanted)]
    return wrong


def check(found: Run) -> bool:
    """Print every target beside what was measured; whether none is missed."""
    every = findings(found.trials)
    for one in every:
        asked = f"{one.target.row}: {one.target.asked}"
        print(f"{one.state:9}  {asked:78} {one.target.wanted:18} {one.measured}")
    return all(one.state != "missed" for one in every)


def main() -> int:
    options = arguments()
    found, about = read(options.files) if options.files else (measured(options), machine())
    report(found.trials)
    reached = True
    if options.check:
        reached = check(found)
    problems = [*found.failures, *(pages(found, about, write=options.write) if found.trials else ["no trial at all"])]
    for line in found.skipped:
        print(f"left out: {line}")
    for line in problems:
        print(f"problem: {line}")
    return 1 if problems or (options.strict and not reached) else 0


if __name__ == "__main__":
    sys.exit(main())
