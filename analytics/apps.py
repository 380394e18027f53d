"""The shared ground as a Django app."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    name = "analytics"
    default_auto_field = "django_mongodb_backend.fields.ObjectIdAutoField"

    def ready(self) -> None:
        from analytics import key_mirror  # models exist only now

        key_mirror.connect_signals(self)
