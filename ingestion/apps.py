from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate

from analytics.databases.mongo import ensure_indexes
from analytics.projects.rates import parse_rate


class IngestionConfig(AppConfig):
    name = "ingestion"

    def ready(self) -> None:
        parse_rate("ERASURE_RATE", settings.ERASURE_RATE)  # a wrong one stops the process
        post_migrate.connect(_create_collections, sender=self, dispatch_uid="create_collections")


def _create_collections(**kwargs: Any) -> None:
    ensure_indexes()
