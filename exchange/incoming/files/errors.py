"""Why a file as a whole cannot be read."""

from typing import Final, Literal, get_args

SourceErrorCode = Literal[
    "no_such_file",  # or not readable
    "empty_file",
    "unknown_source",  # nothing that is known; say which
    "wrong_source",  # not what it was said to be: detail names what is missing
    "bad_mapping",  # names a column that is not there, a zone or a field that is none
    "bad_encoding",  # not UTF-8 (nor UTF-16 with a mark), and no other was chosen
    "bad_archive",  # gzip, zstd or zip, cut short or damaged
    "encrypted_archive",
    "unpacks_too_far",  # bytes, or their ratio to the file's
    "too_many_members",
    "too_many_columns",
    "too_many_rows",
    "too_many_details",  # what is looked up beside the events does not fit into memory
    "bad_parquet",
    "only_totals",  # numbers by day, of which no events can be made
    "too_slow",  # its time of CPU, or nothing came for long
    "out_of_memory",
    "reader_died",
]

SOURCE_ERRORS: Final[tuple[SourceErrorCode, ...]] = get_args(SourceErrorCode)


class SourceError(Exception):
    """The file cannot be read (any further); what was read before it is right.

    `row` is the last row that was given.
    """

    def __init__(self, code: SourceErrorCode, detail: str = "", row: int = 0) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code: SourceErrorCode = code
        self.detail = detail
        self.row = row
