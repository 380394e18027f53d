"""Which reader a source has."""

from typing import Final

from exchange.incoming.options import SourceName
from exchange.incoming.sources import goatcounter, logs, own, plausible, umami
from exchange.incoming.sources.brief import Reader
from exchange.incoming.sources.mapped.rows import read_csv, read_jsonl

READERS: Final[dict[SourceName, Reader]] = {
    "own": own.read,
    "csv": read_csv,
    "jsonl": read_jsonl,
    "access-log": logs.read,
    "umami": umami.read,
    "goatcounter": goatcounter.read,
    "plausible": plausible.read,
}
