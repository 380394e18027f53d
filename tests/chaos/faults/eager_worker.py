"""A worker that exports and merges at once what others would wait for."""

import django

django.setup()

from columns import export, merge, plan
from config.celery import app
from upkeep.columns import rounds
from upkeep.jobs import lane

DUE_EVENTS = 300
MOST_LOOSE = 3
LEASE_SECONDS = 2.0

for module in (export, rounds):
    setattr(module, "DUE_EVENTS", DUE_EVENTS)  # noqa: B010  it is final
for module in (merge, plan):
    setattr(module, "MOST_LOOSE", MOST_LOOSE)  # noqa: B010
lane.LEASE_SECONDS = LEASE_SECONDS  # of one that is killed
lane.RENEW_SECONDS = LEASE_SECONDS / 4

__all__ = ["app"]
