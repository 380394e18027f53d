"""Reports are read with an API key of the scope `read`."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from analytics.keys.authentication import authenticate_request
from analytics.keys.records import KeyRecord


class ReadKeyAuthentication(BaseAuthentication):
    """Leaves the key in `request.auth`. Raises what `authenticate_request` does."""

    def authenticate(self, request: Request) -> tuple[None, KeyRecord]:
        return None, authenticate_request(request.META, "read")


class ReadKeyScheme(OpenApiAuthenticationExtension):
    """How the schema describes the key; drf-spectacular finds this class by being imported."""

    target_class = ReadKeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key."}
