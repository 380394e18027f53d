"""Model fields for what the service's own collections hold."""

from typing import Any

from bson.binary import Binary
from django.db import models


class HexField(models.CharField):  # type: ignore[type-arg]
    """Bytes in the store, hex digits in Python and in addresses."""

    def get_internal_type(self) -> str:
        return "BinaryField"

    def from_db_value(self, value: Any, *_: Any) -> str | None:
        return None if value is None else bytes(value).hex()

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        try:
            return None if value is None else Binary(bytes.fromhex(value))
        except ValueError:  # nothing is found by an address that somebody typed
            return Binary(b"")
