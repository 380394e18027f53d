"""The maintenance tasks of the shared ground."""

from celery import shared_task

from analytics.projects.alias_mirror import mirror_aliases
from analytics.projects.key_mirror import mirror_keys
from analytics.task_names import MIRROR_KEYS


@shared_task(name=MIRROR_KEYS, ignore_result=True)
def run_mirror_keys() -> None:
    """Each minute by beat, and when a request finds the mirror gone."""
    mirror_keys()
    mirror_aliases()
