"""Read a file of strangers in a child process with limits: rows come back, or why not.

`open_source` gives the rows, `guess` what a file seems to be.
"""

from exchange.incoming.files.errors import SOURCE_ERRORS, SourceError, SourceErrorCode
from exchange.incoming.files.limits import Limits
from exchange.incoming.options import ENCODINGS, SOURCES, Encoding, Options, SourceName
from exchange.incoming.reading.parent import Reading, guess, open_source
from exchange.incoming.reading.protocol import Column, Guess

__all__ = [
    "ENCODINGS", "SOURCES", "SOURCE_ERRORS", "Column", "Encoding", "Guess", "Limits", "Options",
    "Reading", "SourceError", "SourceErrorCode", "SourceName", "guess", "open_source",
]  # fmt: skip
