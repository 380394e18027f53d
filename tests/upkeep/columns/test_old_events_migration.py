"""The migration to columns: every project from before has old events, none from after does."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from tests.columns.folders import in_either_place
from tests.conftest import TestProject, make_project
from tests.stored import store_events

pytestmark = in_either_place

migration = import_module("upkeep.migrations.0007_have_old_events_exported")


def migrate() -> None:
    migration.begin_with_old_events(None, None)


def read_heads() -> dict[bytes, Document]:
    return {head["_id"]: head for head in collection(mongo.COLUMN_HEADS).find({})}


def test_every_project_has_old_events_also_one_without_any_yet(store: None) -> None:
    """A worker of the release before may be storing its first one."""
    with_events, without = make_project("With"), make_project("Without")
    store_events(with_events, [{"path": "/a"}])
    before = datetime.now(UTC)

    migrate()

    heads = read_heads()
    assert heads.keys() == {with_events.id, without.id}
    for head in heads.values():
        assert (head["revision"], head["generation"]) == (0, 0)
        assert head["oldUntil"] == 2**62
        wait = head["oldFrom"] - before
        assert timedelta(minutes=1, seconds=59) < wait < timedelta(minutes=3)


def test_who_has_a_head_keeps_it_when_it_runs_again(project: TestProject) -> None:
    exported = {"_id": project.id, "revision": 7, "generation": 0}
    collection(mongo.COLUMN_HEADS).insert_one(dict(exported))
    make_project("Other")

    migrate()
    first = read_heads()
    migrate()

    assert read_heads() == first
    assert first[project.id] == exported
    assert len(first) == 2


def test_a_project_made_after_it_has_none(store: None) -> None:
    migrate()
    project = make_project()
    store_events(project, [{"path": "/a"}])

    assert read_heads() == {}
