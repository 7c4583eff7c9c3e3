"""What the contract tests share."""

from hypothesis import HealthCheck, settings

# Tests share two cores with a Triton: how long an example takes says nothing.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
