"""Loads what the inner pytest sessions need before the first one: each forgets the modules that it imported itself.

NumPy refuses to be imported a second time in one process, and the others take their time.
"""

from __future__ import annotations

import os

import msgspec  # noqa: F401
import numpy as np  # noqa: F401
import psutil  # noqa: F401

import pytest_efficiency.course.desk
import pytest_efficiency.plugin_course  # noqa: F401

# Inner sessions are no job of their own.
os.environ.pop("GITHUB_STEP_SUMMARY", None)
