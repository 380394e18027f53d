"""What PostHog's clients ask beside sending events: flags, settings, recordings. There are none.

The answers are the same for everyone and say so, which keeps the clients quiet.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path

from analytics.keys.address_keys import refuse_secret_key
from analytics.keys.origins import answer_headers
from ingestion.accept.reply import Reply
from ingestion.accept.views import LeanView
from ingestion.receivers.receiver import View

_SETTINGS: Mapping[str, object] = {
    "supportedCompression": ["gzip", "gzip-js"],
    "hasFeatureFlags": False,
    "sessionRecording": False,
    "autocapture_opt_out": True,
    "captureDeadClicks": False,
    "capturePerformance": False,
    "autocaptureExceptions": False,
    "heatmaps": False,
    "surveys": False,
    "conversations": False,
    "logs": {"captureConsoleLogs": False},
    "defaultIdentifiedOnly": True,
    "isAuthenticated": False,
    "toolbarParams": {},
    "siteApps": [],
}
_NO_FLAGS: Mapping[str, object] = {
    "flags": {},
    "featureFlags": {},
    "featureFlagPayloads": {},
    "errorsWhileComputingFlags": False,
    **_SETTINGS,
}


class _QuietView(LeanView):
    """Asks for no key: there is nothing to see."""

    def initial(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        refuse_secret_key(request.META)


class FlagsView(_QuietView):
    def post(self, request: HttpRequest) -> Reply:
        return Reply(200, _NO_FLAGS, {})


class RecordingsView(_QuietView):
    """Takes nothing, and has to say that it did."""

    def post(self, request: HttpRequest) -> Reply:
        return Reply(200, {"status": 1}, {})


class SettingsView(_QuietView):
    def get(self, request: HttpRequest, key: str) -> Reply:
        return Reply(200, _SETTINGS, {"Cache-Control": "max-age=300"})


class SettingsScriptView(_QuietView):
    """The same as a script, as pages load it."""

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        settings = msgspec.json.encode({"config": _SETTINGS, "siteApps": []}).decode()
        script = (
            "(function(){var all=window._POSTHOG_REMOTE_CONFIG=window._POSTHOG_REMOTE_CONFIG||{};"
            f'all["{key}"]={settings};}})();'
        )
        headers = {"Cache-Control": "max-age=300", **answer_headers("null", None)}
        return HttpResponse(script, content_type="text/javascript; charset=utf-8", headers=headers)


_flags: Any = FlagsView.as_view(schema=None)
_recordings: Any = RecordingsView.as_view(schema=None)
_settings: Any = SettingsView.as_view(schema=None)
_script: Any = SettingsScriptView.as_view(schema=None)

OTHER_VIEWS: Mapping[str, View] = {"/flags": _flags, "/decide": _flags, "/s": _recordings}


def list_patterns() -> Sequence[URLPattern]:
    """A slug has no character that means something in a script."""
    return [
        path("array/<slug:key>/config", _settings),
        path("array/<slug:key>/config/", _settings),
        path("array/<slug:key>/config.js", _script),
    ]
