"""Fresh events go into a segment, each once."""

from columns.export import export_project, list_tails
from columns.segments import list_segments, read_head
from tests.conftest import TestProject
from tests.stored import store_events


def test_fresh_events_are_in_a_segment_and_fresh_no_more(project: TestProject) -> None:
    store_events(project, [{"path": f"/{n}"} for n in range(3)])
    [tail] = list_tails()
    assert (tail.project_id, tail.events) == (project.id, 3)
    assert export_project(project.id) == 3
    assert list_tails() == []
    [segment] = list_segments(read_head(project.id))
    assert segment.rows == 3
