"""What becomes of an import that meets trouble: it fails with a code, or waits."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog

from exchange.incoming.files.errors import SourceError
from exchange.incoming.job import Import
from exchange.incoming.spool import SpoolLost
from upkeep.imports.ending import end_for_good
from upkeep.imports.folder import ImportsFull

log = structlog.get_logger(__name__)

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

IMPORTS_FULL: Final = "imports_full"
DISK_FULL: Final = "disk_full"
IMPORT_LOST: Final = "import_lost"
WRONG_SUM: Final = "wrong_sum"

ERRORS: Final = {
    IMPORTS_FULL: "The project's imports would have taken more than their share of IMPORTS_MAX_MB.",
    DISK_FULL: "The disk of the imports is full.",
    IMPORT_LOST: "The file, or what was made of it, was gone: is the folder shared?",
    WRONG_SUM: "It is not what was sent: its SHA-256 is another. Send it again.",
    "no_such_file": "The file was gone: is the folder shared?",
    "empty_file": "The file is empty.",
    "unknown_source": "It is nothing that is known: say what it is.",
    "wrong_source": "It is not what it was said to be.",
    "bad_mapping": "The mapping does not fit the file.",
    "bad_encoding": "It is not UTF-8, and no other encoding was chosen.",
    "bad_archive": "The archive is damaged, or was cut short.",
    "encrypted_archive": "The archive is encrypted.",
    "unpacks_too_far": "It unpacks to far more than its size lets expect.",
    "too_many_members": "The archive holds too many files.",
    "too_many_columns": "It has too many columns.",
    "too_many_rows": "It has too many rows.",
    "too_many_details": "What stands beside its events is too much.",
    "bad_parquet": "The Parquet file is damaged, or holds something else.",
    "only_totals": "It holds numbers by day, of which no events can be made.",
    "too_slow": "It took too long to read.",
    "out_of_memory": "It needs more memory than an import may have.",
    "reader_died": "Reading it failed.",
}
"""Why an import failed, by the code."""


@contextmanager
def ending_in_trouble(job: Import) -> Iterator[None]:
    """For a stride. Who fails is done, and nothing of the file is kept."""
    try:
        yield
    except SourceError as exc:
        where = f" (after row {exc.row})" if exc.row else ""
        _fail(job, exc.code, f"{exc.detail}{where}".strip())
    except ImportsFull:
        _fail(job, IMPORTS_FULL)
    except SpoolLost as exc:
        _fail(job, IMPORT_LOST, str(exc))
    except sqlite3.Error as exc:
        if "full" not in str(exc):
            raise
        _fail(job, DISK_FULL)
    except FileNotFoundError as exc:
        _fail(job, IMPORT_LOST, Path(exc.filename or "").name)
    except OSError as exc:
        if exc.errno not in _FULL:
            raise
        _fail(job, DISK_FULL)


def _fail(job: Import, code: str, detail: str = "") -> None:
    log.warning("import_failed", job=job.id, code=code)
    end_for_good({"_id": job.id, "project": job.project_id}, "failed", code, detail[:200])
