"""Whether there is a GIL, and whether there was one before the code under test was loaded.

A free-threaded interpreter starts without it, and switches it on for good when an extension module is imported that
does not say that it can do without.
"""

from __future__ import annotations

import sys


def enabled() -> bool:
    """Whether this interpreter has a GIL now."""
    return bool(getattr(sys, "_is_gil_enabled", lambda: True)())


_before = enabled()


def remember() -> None:
    """What comes now is the code under test: whether there is a GIL before it."""
    global _before
    _before = enabled()


def before() -> bool:
    """What `remember` saw; without it, when this module was first imported."""
    return _before
