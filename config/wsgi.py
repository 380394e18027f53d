"""The WSGI application that gunicorn serves."""

import os
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_django: Any = get_wsgi_application()

from django.conf import settings  # noqa: E402  the views can be imported only now

from ingestion.server.at_once_path import AtOncePath  # noqa: E402
from ingestion.server.traced_path import TracedPath  # noqa: E402

if settings.RELAY_ADDRESS:
    from config.relaying import Relaying
    from ingestion.server.relay.application import Relay

    _django = Relaying(_django, Relay(settings.RELAY_ADDRESS))

application = TracedPath(_django) if settings.OTEL_TRACES else AtOncePath(_django)
