"""A Celery worker that dies where KILL_FILE says.

celery -A tests.drain.crashing_worker worker
"""

import os
from pathlib import Path

import django

django.setup()

from config.celery import app  # noqa: E402  Django must be set up before the tasks are imported
from tests.drain.kill_points import install  # noqa: E402  the steps import models

install(Path(os.environ["KILL_FILE"]))

__all__ = ["app"]
