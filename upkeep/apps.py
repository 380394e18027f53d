from django.apps import AppConfig
from django.conf import settings

from analytics.keys.rates import parse_rate


class UpkeepConfig(AppConfig):
    name = "upkeep"

    def ready(self) -> None:
        parse_rate("ERASURE_RATE", settings.ERASURE_RATE)  # a wrong one stops the process
