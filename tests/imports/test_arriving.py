"""A file arrives in pieces, some of them twice, and its sum is made of it."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from exchange.incoming import arriving, looking
from exchange.incoming.arriving import HasEnded, add_piece, await_file
from exchange.incoming.job import Import, give_up
from exchange.incoming.run import IMPORTS
from tests.conftest import TestProject
from tests.imports.imports import OWN, find, run
from tests.imports.test_crash_safety import stride
from upkeep.imports.folder import folder_of

MIB = 1 << 20


def announce(project: TestProject, size_bytes: int, import_id: str = "") -> str:
    begun = await_file(
        project.id, project.row.partition, "a test",
        file="events", size_bytes=size_bytes, import_id=import_id, choice=OWN, confirmed=True,
    )  # fmt: skip
    return begun["_id"]


def send(project: TestProject, content: bytes) -> str:
    import_id = announce(project, len(content))
    add_piece(project.id, import_id, 0, content)
    return import_id


def test_the_sum_of_a_large_file_is_made_in_strides(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "SUM_SECONDS", -1.0)
    content = bytes(MIB) + b"1" * MIB + b"the end"
    import_id = send(project, content)
    for _ in range(3):
        stride(project, import_id)
        assert find(project, import_id)["step"] == "arrive"
    stride(project, import_id)
    found = find(project, import_id)
    assert (found["step"], found["sha256"]) == ("look", sha256(content).hexdigest())


def test_who_is_cancelled_as_its_last_piece_is_here_has_ended_and_no_more(
    project: TestProject,
) -> None:
    import_id = send(project, b"events")
    taken = Import.parse(find(project, import_id))
    assert give_up(project.id, import_id, "somebody")
    IMPORTS.strides["arrive"](taken)
    assert find(project, import_id)["outcome"] == "cancelled"


def test_the_last_piece_may_come_again_when_the_import_was_read_or_has_ended(
    project: TestProject,
) -> None:
    import_id = announce(project, 4)
    add_piece(project.id, import_id, 0, b"ev")
    add_piece(project.id, import_id, 2, b"en")
    assert run(project, import_id)["step"] == "done"
    assert not folder_of(project.id, import_id).exists()
    again = add_piece(project.id, import_id, 2, b"en")
    assert (again["received"], again["step"]) == (4, "done")


def test_no_piece_is_taken_of_one_that_ended_before_all_of_it_was_here(
    project: TestProject, other_project: TestProject
) -> None:
    import_id, whole = announce(project, 4), send(project, b"even")
    add_piece(project.id, import_id, 0, b"ev")
    for each in (import_id, whole):
        give_up(project.id, each, "somebody")
    for owner, each, at in ((project, import_id, 2), (other_project, whole, 2), (project, "x", 2)):
        with pytest.raises(HasEnded):
            add_piece(owner.id, each, at, b"en")


def test_what_is_asked_for_twice_at_once_is_begun_once_and_ends_no_other(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken_off = announce(project, 4)
    long_ago = {"$set": {"receivedAt": datetime.now(UTC) - timedelta(hours=1)}}
    collection(mongo.IMPORTS).update_one({"_id": broken_off}, long_ago)
    with monkeypatch.context() as patch:
        patch.setattr(arriving, "find_import", lambda *_: None)  # neither sees the other
        for _ in range(2):
            assert announce(project, 4, "asked-twice") == "asked-twice"
    assert find(project, broken_off)["step"] == "arrive"
    assert find(project, "asked-twice")["step"] == "arrive"
    asked = {"project": project.id, "act": "import.asked", "subject": "asked-twice"}
    assert folder_of(project.id, "asked-twice").exists()
    assert collection(mongo.AUDIT).count_documents(asked) == 1
