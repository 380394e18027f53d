"""Which receivers there are. Each is a module of its own; whoever adds one adds a line here."""

from collections.abc import Sequence
from typing import Any

from ingestion.receivers.receiver import Described, Receiver
from ingestion.receivers.vendors.amplitude import Amplitude
from ingestion.receivers.vendors.cloud_events_view import CloudEvents
from ingestion.receivers.vendors.ga4 import Ga4
from ingestion.receivers.vendors.matomo import Matomo
from ingestion.receivers.vendors.mixpanel import Mixpanel
from ingestion.receivers.vendors.plausible import Plausible
from ingestion.receivers.vendors.posthog.receiver import PostHog
from ingestion.receivers.vendors.segment import Segment
from ingestion.receivers.vendors.snowplow import Snowplow
from ingestion.receivers.vendors.umami import Umami

RECEIVERS: Sequence[Receiver[Any]] = (
    Segment(),
    PostHog(),
    Plausible(),
    Umami(),
    Matomo(),
    Ga4(),
    Mixpanel(),
    Amplitude(),
    Snowplow(),
)

LISTED: Sequence[Described] = (*RECEIVERS, CloudEvents())
