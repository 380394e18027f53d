"""Settings of reports, of columns, and of files that go out and come in."""

from pathlib import Path
from tempfile import gettempdir

from config.settings.environment import (
    BASE_DIR,
    read_columns_url,
    read_folder,
    read_number,
    read_positive,
    read_text,
    read_whole,
)

# --- Reporting ---------------------------------------------------------------------------------
QUERY_TIMEOUT_SECONDS: float = read_number("QUERY_TIMEOUT_SECONDS", 10.0, most=60)
# How many reports one API key may ask for: a count, and s, m, h or d.
REPORTING_RATE: str = read_text("REPORTING_RATE", "600/m")
# How many parts of its page one share link may ask for, whoever looks.
SHARE_RATE: str = read_text("SHARE_RATE", "600/m")
# How many requests one key may make to the admin API, and how many notes it may write or read.
ADMIN_RATE: str = read_text("ADMIN_RATE", "300/m")
NOTES_RATE: str = read_text("NOTES_RATE", "60/m")

# --- Columns -----------------------------------------------------------------------------------
# The folder of the segments, which the workers and whoever reports share; or s3://bucket/prefix,
COLUMNS_URL: Path | str = read_columns_url("COLUMNS_URL", BASE_DIR / ".columns")
# of which each host keeps files in a folder of its own, and how many MB they may take.
COLUMNS_CACHE_DIR: Path = read_folder("COLUMNS_CACHE_DIR", Path(gettempdir()) / "analytics-columns")
COLUMNS_CACHE_MB: int = read_whole("COLUMNS_CACHE_MB", 4_096, least=256)
# How many events of a project may wait for their segment before a question has to export first.
COLUMNS_TAIL_EVENTS: int = read_positive("COLUMNS_TAIL_EVENTS", 100_000)
# Questions that a process answers at once, their memory, and the folder for what is not in it.
QUERY_CONCURRENCY: int = read_positive("QUERY_CONCURRENCY", 2)
QUERY_MEMORY_MB: int = read_whole("QUERY_MEMORY_MB", 256, least=64)
QUERY_TEMP_DIR: Path = read_folder("QUERY_TEMP_DIR", Path(gettempdir()) / "analytics-query")

# --- Exports -----------------------------------------------------------------------------------
# The folder of the files that are made for people, which the workers and whoever reports share.
EXPORTS_DIR: Path = read_folder("EXPORTS_DIR", BASE_DIR / ".exports")
# What all files in it may take, in MB.
EXPORTS_MAX_MB: int = read_positive("EXPORTS_MAX_MB", 20_480)
# Hours for which a finished export is kept.
EXPORTS_KEPT_HOURS: int = read_positive("EXPORTS_KEPT_HOURS", 48)

# --- Imports -----------------------------------------------------------------------------------
# The folder of files that come in, shared too; what one may have in MB, and all with what is
# made of them; how many of a project may be under way, and the hours that one waits for a yes.
IMPORTS_DIR: Path = read_folder("IMPORTS_DIR", BASE_DIR / ".imports")
IMPORTS_MAX_FILE_MB: int = read_positive("IMPORTS_MAX_FILE_MB", 2_048)
IMPORTS_MAX_MB: int = read_positive("IMPORTS_MAX_MB", 20_480)
IMPORTS_MAX_OPEN: int = read_whole("IMPORTS_MAX_OPEN", 3, least=1, most=100)
IMPORTS_KEPT_HOURS: int = read_positive("IMPORTS_KEPT_HOURS", 48)
