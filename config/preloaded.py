"""What web processes need, whichever kind they will be: gunicorn's master loads it for all.

Nothing here may open a connection or start a thread: a fork would leave half of it in each process.
"""

import django

django.setup()  # models can be imported only now

# ruff: noqa: E402
from contextlib import suppress

from django.core.wsgi import get_wsgi_application
from django.urls import Resolver404, get_resolver

from analytics.databases.stream_check import check_stream as check_stream
from analytics.keys import refusals as refusals
from analytics.keys import samples as samples
from analytics.metrics.sharing import begin_sharing as begin_sharing
from analytics.metrics.tracing import start_tracing as start_tracing
from ingestion.server.at_once_path import AtOncePath as AtOncePath
from ingestion.server.relay.application import Relay as Relay
from ingestion.server.relay.presence import hold_presence as hold_presence
from ingestion.server.traced_path import TracedPath as TracedPath
from reporting.columns.read.sweeping import begin_sweeping as begin_sweeping
from reporting.columns.read.warming import warm_up as warm_up

get_wsgi_application()  # with its middleware
for urls in ("config.urls", "config.accepting_urls"):
    with suppress(Resolver404):  # having tried each pattern, which it has compiled by now
        get_resolver(urls).resolve("/nowhere")
