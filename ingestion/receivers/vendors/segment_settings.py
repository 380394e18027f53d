"""What the browser clients of Segment and RudderStack ask before they send: their settings.

They are answered with what makes them send here, and nothing else.
"""

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path

from analytics.keys.authentication import authenticate_texts
from analytics.keys.key_text import read_key_id
from ingestion.accept.reply import Reply
from ingestion.accept.views import DoorView
from ingestion.receivers.owner import list_head_keys

# They have the key, which may be a secret one.
_KEPT = {"Cache-Control": "private, max-age=60"}


class SettingsView(DoorView):
    """Of a source; whoever has its key may know them."""

    def initial(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        """The key stands where the client has it: `get` looks."""

    def find_text(self, request: HttpRequest, key: str | None) -> str:
        """The text of the key, in the address or the head."""
        texts = [key] if key else list_head_keys(request.META)
        texts += [request.GET["writeKey"]] if "writeKey" in request.GET else []
        self.settle_sender(request.META, authenticate_texts(request.META, texts))
        return next(text for text in texts if read_key_id(text) is not None)


class SegmentSettingsView(SettingsView):
    def get(self, request: HttpRequest, key: str) -> Reply:
        text = self.find_text(request, key)
        host = request.get_host()
        integration: dict[str, object] = {
            "apiKey": text,
            "apiHost": f"{host}/v1",
            "protocol": request.scheme,
            "unbundledIntegrations": [],
            "addBundledMetadata": False,
        }
        body = {
            "integrations": {"Segment.io": integration},
            "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
            "edgeFunction": {},
            "analyticsNextEnabled": True,
            "middlewareSettings": {},
            "enabledMiddleware": {},
            "remotePlugins": [],
        }
        return Reply(200, body, dict(_KEPT))


class RudderSettingsView(SettingsView):
    def get(self, request: HttpRequest) -> Reply:
        text = self.find_text(request, None)
        statistics = {"errors": {"enabled": False}, "metrics": {"enabled": False}}
        source = {
            "id": "analytics",
            "name": "analytics",
            "writeKey": text,
            "enabled": True,
            "workspaceId": "analytics",
            "config": {"statsCollection": statistics},
            "destinations": [],
            "dataplanes": {},
        }
        return Reply(200, {"source": source, "updatedAt": None}, dict(_KEPT))


def list_patterns() -> Sequence[URLPattern]:
    of_segment: Any = SegmentSettingsView.as_view(schema=None)
    of_rudder: Any = RudderSettingsView.as_view(schema=None)
    return [
        path("v1/projects/<str:key>/settings", of_segment),
        path("v1/projects/<str:key>/settings/", of_segment),
        path("sourceConfig", of_rudder),
        path("sourceConfig/", of_rudder),
    ]
