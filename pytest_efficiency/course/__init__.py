"""An exercise folder as an object: stub, reference, adapter, backends, points, hints, and what a learner made of it."""

from __future__ import annotations

from pytest_efficiency.course.exercise import BACKENDS, COLUMNS, DESCRIPTION, Exercise, is_exercise, load_exercise
from pytest_efficiency.course.submission import Submission, own_submission, solutions, submission_in

__all__ = [
    "BACKENDS",
    "COLUMNS",
    "DESCRIPTION",
    "Exercise",
    "Submission",
    "is_exercise",
    "load_exercise",
    "own_submission",
    "solutions",
    "submission_in",
]
