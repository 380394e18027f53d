"""A change of a project's list is done whole, or not at all because somebody else was faster."""

from collections.abc import Callable

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict, durable_transaction
from columns.change import Change, advance
from columns.export import export_project
from columns.files.folder import make_folder
from columns.segments import Segment, list_segments, read_head
from columns.writer import Written
from tests.columns.folders import in_either_place
from tests.columns.segments import listed, paths_of
from tests.columns.test_export import store_paths
from tests.conftest import TestProject

pytestmark = in_either_place


def begin(project: TestProject) -> tuple[Change, Written, list[Segment], list[bytes]]:
    """A change that rewrites the one segment of a project, and what it takes away."""
    store_paths(project, "/a")
    export_project(project.id)
    store_paths(project, "/b")
    change = Change(project.id, make_folder())
    sources = list_segments(change.head)
    written = change.writer.write_from(sources)
    assert written
    fresh = [found["_id"] for found in collection(mongo.COLUMN_FRESH).find({})]
    return change, written, sources, fresh


def unlist(project: TestProject) -> None:
    collection(mongo.COLUMN_SEGMENTS).delete_many({"project": project.id})


def take_fresh(project: TestProject) -> None:
    collection(mongo.COLUMN_FRESH).delete_many({"project": project.id})


def count_up(project: TestProject) -> None:
    with durable_transaction() as session:
        advance(session, read_head(project.id))


def delete_head(project: TestProject) -> None:
    collection(mongo.COLUMN_HEADS).delete_many({"_id": project.id})


@pytest.mark.parametrize("faster", [unlist, take_fresh, count_up, delete_head])
def test_who_was_faster_is_not_undone(
    project: TestProject, faster: Callable[[TestProject], None]
) -> None:
    change, written, sources, fresh = begin(project)
    faster(project)
    before = books()
    with pytest.raises(Conflict):
        change.apply([written], sources, fresh)
    assert books() == before


def test_what_belongs_to_another_project_is_not_taken_away(
    project: TestProject, other_project: TestProject
) -> None:
    _, _, theirs, fresh = begin(other_project)
    for taken in ({"removed": theirs}, {"fresh": fresh}):
        with pytest.raises(Conflict):
            Change(project.id, make_folder()).apply(**taken)
    assert paths_of(other_project.id) == ["/a"]


def test_of_two_that_make_the_head_one_does(project: TestProject) -> None:
    first, second = (Change(project.id, make_folder()) for _ in range(2))
    first.apply()
    with pytest.raises(Conflict):
        second.apply()
    assert read_head(project.id).revision == 1


def test_a_head_that_was_made_beforehand_is_kept(project: TestProject) -> None:
    known = {"revision": 0, "generation": 3, "oldUntil": 2**62}
    collection(mongo.COLUMN_HEADS).insert_one({"_id": project.id, **known})
    store_paths(project, "/a")
    export_project(project.id)
    head = read_head(project.id)
    assert (head.revision, head.generation, head.old_until) == (1, 3, 2**62)
    assert [segment.generation for segment in listed(project.id)] == [3]


def test_a_change_may_change_the_head_in_the_same_moment(project: TestProject) -> None:
    Change(project.id, make_folder()).apply(head={"$set": {"oldUntil": 5}})
    assert read_head(project.id).old_until == 5
    Change(project.id, make_folder()).apply(head={"$unset": {"oldUntil": ""}})
    head = read_head(project.id)
    assert (head.revision, head.old_until) == (2, None)


def test_segments_of_another_generation_are_not_listed(project: TestProject) -> None:
    store_paths(project, "/a")
    export_project(project.id)
    collection(mongo.COLUMN_HEADS).update_one({"_id": project.id}, {"$inc": {"generation": 1}})
    assert listed(project.id) == []


def books() -> dict[str, int]:
    names = (mongo.COLUMN_SEGMENTS, mongo.COLUMN_FRESH, mongo.COLUMN_HEADS, mongo.COLUMN_GARBAGE)
    return {name: collection(name).count_documents({}) for name in names}
