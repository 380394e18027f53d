from django.apps import AppConfig
from django.conf import settings


class ReportingConfig(AppConfig):
    name = "reporting"

    def ready(self) -> None:
        from reporting.rate import parse_rate

        parse_rate(settings.REPORTING_RATE)  # a wrong one stops the process at start
