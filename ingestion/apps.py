from django.apps import AppConfig
from django.db.models.signals import post_migrate

from analytics.databases.indexes import ensure_indexes


class IngestionConfig(AppConfig):
    name = "ingestion"

    def ready(self) -> None:
        post_migrate.connect(_create_collections, sender=self, dispatch_uid="create_collections")


def _create_collections(**kwargs: object) -> None:
    ensure_indexes()
