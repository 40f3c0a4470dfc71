"""What all tests share."""

from hypothesis import HealthCheck, settings

# Two shared cores: how long an example takes says nothing here.
settings.register_profile(
    "kova", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=60
)
settings.load_profile("kova")
