"""The shared ground as a Django app."""

from django.apps import AppConfig
from django.conf import settings

from analytics.keys.rates import parse_rate, read_public_rate


class AnalyticsConfig(AppConfig):
    name = "analytics"
    default_auto_field = "django_mongodb_backend.fields.ObjectIdAutoField"

    def ready(self) -> None:
        from analytics.accounts import sessions as admin_sessions  # models exist only now
        from analytics.projects import alias_mirror, key_mirror

        key_mirror.connect_signals(self)
        alias_mirror.connect_signals(self)
        admin_sessions.connect_signals()
        parse_rate("AUTH_FAILURES_RATE", settings.AUTH_FAILURES_RATE)  # a wrong one stops here
        read_public_rate()
