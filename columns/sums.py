"""Whether a file is the one that was listed."""

from hashlib import file_digest

from columns.folder import ColumnsUnavailable, Folder, check_folder
from columns.segments import Segment


class DamagedSegment(Exception):
    """The folder is ours, and a listed file is not in it or is not what was listed."""

    def __init__(self, segment: Segment, trouble: str) -> None:
        super().__init__(f"segment {segment.id.hex()}: {trouble}")
        self.segment = segment


def check_file(folder: Folder, segment: Segment) -> None:
    """Compare a file with its sum in the list, which reads all of it.

    Engines give wrong rows without an error where a bit is flipped. Raises DamagedSegment, and
    ColumnsUnavailable where the file cannot be read, or is missing with the marker.
    """
    try:
        with folder.path_of(segment.id).open("rb") as file:
            found = file_digest(file, "sha256").digest()
    except FileNotFoundError:
        check_folder()
        raise DamagedSegment(segment, "there is no file") from None
    except OSError as exc:
        raise ColumnsUnavailable(repr(exc)) from exc
    if found != segment.sum:
        raise DamagedSegment(segment, "the file is not the one that was listed")
