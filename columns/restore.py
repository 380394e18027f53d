"""Put right what nobody can make anew: damaged segments from before the raw horizon.

Their rows are the only copy. An operator brings the file back under its name, from a backup, and
has it read again; or gives up what it held.
"""

from columns.change import Change
from columns.files.folder import find_folder
from columns.rewrite import find_beginning
from columns.segments import DamagedSegment, Segment, list_segments, read_head


def list_lost(project_id: bytes) -> list[Segment]:
    """The damaged segments whose events are stored no more, as far as they are: those of which
    newer rows were made anew end before these."""
    segments = list_segments(read_head(project_id), to_ms=find_beginning(project_id))
    beginning = find_beginning(project_id)
    return [each for each in segments if each.damaged_at and each.to_ms < beginning]


def restore(segment: Segment) -> bool:
    """Take a segment's file back that is there again, without what was made anew; whether it is.

    Raises Conflict and ColumnsUnavailable.
    """
    with Change(segment.project_id, find_folder()) as change:
        try:
            rest = change.writer.write_rest(segment, '"timestamp" <= ?', [segment.to_ms])
        except DamagedSegment:
            return False
        change.apply([rest] if rest else [], [segment])
    return True


def strike(segment: Segment) -> None:
    """Have what a segment held be no more. Raises Conflict and ColumnsUnavailable."""
    with Change(segment.project_id, find_folder()) as change:
        change.apply([], [segment])
