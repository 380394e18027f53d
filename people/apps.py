"""Members and what they share, as a Django app."""

from django.apps import AppConfig
from django.conf import settings

from analytics.keys.rates import parse_rate


class PeopleConfig(AppConfig):
    name = "people"
    default_auto_field = "django_mongodb_backend.fields.ObjectIdAutoField"

    def ready(self) -> None:
        for name in ("ADMIN_RATE", "NOTES_RATE"):
            parse_rate(name, getattr(settings, name))  # a wrong one stops the process
        from people.accounts import resets, second_factor  # models exist only now
        from people.audit import watching

        resets.connect_signals()
        second_factor.connect_signals()
        watching.connect_signals()
