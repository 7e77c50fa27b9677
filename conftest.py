"""Registers the plugin where its entry point did not: in a checkout that is not installed, or without autoloading."""

from __future__ import annotations

import os
from importlib.metadata import entry_points

_autoload = not os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
_registered = _autoload and any(entry.value == "pytest_efficiency.plugin" for entry in entry_points(group="pytest11"))

# A second registration of the same module would be an error.
pytest_plugins = ["pytester", *([] if _registered else ["pytest_efficiency.plugin"])]
