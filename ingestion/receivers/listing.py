"""GET /receivers: which vendors' clients may be pointed here, for anyone to read."""

from django.http import HttpRequest
from rest_framework.response import Response
from rest_framework.views import APIView

from ingestion.receivers.schema import describe_receivers
from ingestion.receivers.table import LISTED


class ReceiversView(APIView):
    """What a client of each vendor needs to know of this service; it is the same for everyone."""

    @describe_receivers
    def get(self, request: HttpRequest) -> Response:
        return Response(
            {
                "receivers": [
                    {
                        "name": receiver.name,
                        "title": receiver.title,
                        "paths": list(receiver.paths),
                        "key": receiver.key_place,
                        "alias": receiver.alias_kind,
                    }
                    for receiver in LISTED
                ]
            },
            headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "max-age=3600"},
        )
