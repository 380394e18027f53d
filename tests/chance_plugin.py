"""Random tests: the same draws in every run, and new ones at night.

Loaded with `-p`. A run that refuses a change says that the change is at fault, not the draw;
`make nightly` asks for new ones (`--hypothesis-profile=new`). None has a deadline: a machine that
does other work beside would break it.
"""

from hypothesis import HealthCheck, settings

_PATIENT = settings(deadline=None, suppress_health_check=list(HealthCheck))

settings.register_profile("same", _PATIENT, derandomize=True)
settings.register_profile("new", _PATIENT)
