"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_django = get_wsgi_application()

from django.conf import settings  # noqa: E402  the views can be imported only now

from ingestion.hot_path import HotPath  # noqa: E402
from ingestion.traced_path import TracedPath  # noqa: E402

application = TracedPath(_django) if settings.OTEL_TRACES else HotPath(_django)
