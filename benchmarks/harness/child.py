"""One module of trials in a process of its own, so that none disturbs another and any can be ended.

Run as a script with the module's name. Commands come in as lines of JSON with the arguments of `trials`, answers go out
as lines. First ``{"ready": [...]}`` with the packages that are missing, once the module's `prepare`, if it has one, has
built and compiled what is not to be timed. Then for each command ``{"trial": {...}}``, and at its end either
``{"done": true}`` or ``{"error": "..."}``. It ends with its standard input, and with its parent.
"""

from __future__ import annotations

import ctypes
import dataclasses
import importlib
import json
import os
import signal
import sys
import traceback
from pathlib import Path

PR_SET_PDEATHSIG = 1


def main() -> None:
    # Python puts the script's folder there: this one, whose modules are called harness.loads, not loads.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # What is measured may print, and may start processes; neither may reach the conversation with the parent.
    commands = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)

    def say(**message: object) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    try:
        module = importlib.import_module(sys.argv[1])
        missing = list(getattr(module, "missing", list)())
        getattr(module, "prepare", list)()
    except ModuleNotFoundError as error:
        say(absent=error.name)
        return
    except Exception:  # noqa: BLE001  whatever a peer's package does when it is imported, its row says so
        say(error=traceback.format_exc())
        return
    say(ready=missing)
    for line in commands:
        try:
            for one in module.trials(**json.loads(line)):
                say(trial=dataclasses.asdict(one))
        except Exception:  # noqa: BLE001  a row or peer that fails says so, and the others go on
            say(error=traceback.format_exc())
        else:
            say(done=True)


if __name__ == "__main__":
    main()
