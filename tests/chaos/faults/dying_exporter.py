"""A worker that is killed now and then at a step of exporting, merging and collecting."""

import os
import random
import signal
from collections.abc import Callable
from typing import Any

from tests.chaos.faults.eager_worker import app
from tests.columns.dying import STEPS
from tests.drain.kill_points import resolve

DEATH_SHARE = 0.015
MORE_STEPS = (
    "columns.files.local.LocalFolder.delete",
    "columns.files.local.sync",
    "columns.files.bucket.BucketFolder.keep",
    "columns.files.objects.Objects.write",
    "columns.files.objects.Objects.delete",
)


def make_deadly(step: Callable[..., Any]) -> Callable[..., Any]:
    def deadly(*args: Any, **kwargs: Any) -> Any:
        die_perhaps()
        result = step(*args, **kwargs)
        die_perhaps()
        return result

    return deadly


def die_perhaps() -> None:
    if random.random() < DEATH_SHARE:
        os.kill(os.getpid(), signal.SIGKILL)


for dotted in (*STEPS.values(), *MORE_STEPS):
    owner, name = resolve(dotted)
    setattr(owner, name, make_deadly(getattr(owner, name)))

__all__ = ["app"]
