"""What a reader of a source is given beside the file, and what it gives."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import msgspec

from exchange.incoming.files.limits import Limits
from exchange.incoming.files.unpacking import Unpacked
from exchange.incoming.mapping import Mapping
from exchange.incoming.options import Options
from exchange.incoming.rows import Item


class Brief(NamedTuple):
    mapping: Mapping | None  # of `csv` and `jsonl` alone
    options: Options
    limits: Limits

    def without_site(self) -> "Brief":
        """By which every row is another site's."""
        return self._replace(options=msgspec.structs.replace(self.options, site=""))


Reader = Callable[[Unpacked, Brief], Iterator[Item]]
"""Gives an item for each row, without its number, in an order that is the same each time.

Raises SourceError.
"""
