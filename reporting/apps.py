from django.apps import AppConfig
from django.conf import settings

from analytics.keys.rates import parse_rate


class ReportingConfig(AppConfig):
    name = "reporting"

    def ready(self) -> None:
        parse_rate("REPORTING_RATE", settings.REPORTING_RATE)  # a wrong one stops the process
