"""From a ``.pyx``, ``.cpp`` or ``.c`` file to something that can be loaded: cached by content, never beside it."""

from __future__ import annotations

from pytest_efficiency.build.backends import available
from pytest_efficiency.build.cache import Built, build

__all__ = ["Built", "available", "build"]
