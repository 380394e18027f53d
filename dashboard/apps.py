from django.apps import AppConfig
from django.conf import settings

from analytics.keys.rates import parse_rate


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        parse_rate("SHARE_RATE", settings.SHARE_RATE)  # a wrong one stops the process
