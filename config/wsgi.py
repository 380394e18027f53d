"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

_django = get_wsgi_application()

from ingestion.hot_path import HotPath  # noqa: E402  the views can be imported only now

application = HotPath(_django)
