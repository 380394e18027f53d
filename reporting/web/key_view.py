"""What views for keys have in common: JSON out, their rate told, nothing cached."""

from typing import Any

from django.utils.cache import patch_vary_headers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView


class AlwaysJson(BaseContentNegotiation):
    """Whatever is asked for, the answer is JSON: no other form of a project's data exists."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class KeyView(APIView):
    """Whoever counts a request leaves what its answer says of the rate in `rate_headers`."""

    permission_classes = ()
    throttle_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = AlwaysJson

    rate_headers: dict[str, str]

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.rate_headers = {}

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Response:
        """Say which methods there are, to anyone."""
        return Response(status=204)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "private, no-store"
        patch_vary_headers(response, ["Authorization"])
        for name, value in self.rate_headers.items():
            response[name] = value
        return response
