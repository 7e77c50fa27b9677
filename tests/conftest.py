"""How property tests run: the same examples every time, so that a red one is a change of the code and no luck."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine must not fail an example for having taken long.
_CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("settled", derandomize=True, max_examples=200, **_CALM)
# `pytest tests/judge --hypothesis-profile=search` looks for new counterexamples.
settings.register_profile("search", max_examples=2000, print_blob=True, **_CALM)
settings.load_profile("settled")
