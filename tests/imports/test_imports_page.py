"""`/p/<project>/imports`: a file is brought, looked at, said yes to, and imported."""

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings as service_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from analytics.databases import mongo
from analytics.databases.mongo import collection
from exchange.incoming.job import list_imports
from people.members.models import Role
from tests.conftest import TestProject
from tests.exchange.exports import stored
from tests.imports.imports import ask, find, run, table
from tests.members import join
from upkeep.imports.folder import folder_of, list_folders

CONTENT = table(
    ("2024-05-01T10:00:00Z", "/a", "ada", "", "", "NZ"), ("yesterday", "/b", "", "", "", "")
)
COLUMNS = {
    "source": "csv", "column-0": "timestamp", "column-1": "path", "column-2": "user_id",
    "column-5": "country",
}  # fmt: skip


def path_of(project: TestProject) -> str:
    return f"/p/{project.row.pk}/imports"


def look(client: Client, project: TestProject) -> str:
    return client.get(path_of(project)).content.decode()


def bring(client: Client, project: TestProject, content: bytes = CONTENT) -> str:
    file = SimpleUploadedFile("<b>.csv", content)
    client.post(path_of(project), {"act": "bring", "file": file})
    return str(list_imports(project.id)[0]["_id"])


def test_an_editor_brings_a_file_says_what_it_is_and_says_yes(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    import_id = bring(editor, project)
    assert "is being looked at" in look(editor, project)
    run(project, import_id)
    page = look(editor, project)
    assert "It seems to be <b>csv</b>" in page
    assert "&lt;b&gt;.csv" in page
    assert 'name="column-5"' in page
    assert "every 2s" not in page  # which would put another form in the place of this one
    editor.post(path_of(project), {"act": "choose", "import": import_id, **COLUMNS})
    assert run(project, import_id)["step"] == "confirm"
    page = look(editor, project)
    assert "1 would be imported" in page
    assert "1 left out: a time that is none" in page
    assert "Import 1 event<" in page
    assert stored(project) == []
    editor.post(path_of(project), {"act": "confirm", "import": import_id})
    run(project, import_id)
    assert "imported: 1 event" in look(editor, project)
    [event] = stored(project)
    assert (event["path"], event["userId"], event["country"]) == ("/a", "ada", "NZ")


def test_a_wrong_choice_is_told_and_changes_nothing(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    import_id = bring(editor, project)
    run(project, import_id)
    said = {"act": "choose", "import": import_id, "source": "shoes"}
    page = editor.post(path_of(project), said, follow=True).content.decode()
    assert "source is none of" in page
    assert list_imports(project.id)[0]["choice"] is None


def test_columns_that_do_not_say_enough_are_told_and_the_file_stays(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    import_id = bring(editor, project)
    run(project, import_id)
    said = {"act": "choose", "import": import_id, **COLUMNS}
    for wrong, told in (
        ({"column-0": "property"}, "no column is the timestamp"),
        ({"column-2": "path"}, "2 columns are path"),
        ({"timeZone": "Mars/Olympus"}, "Mars/Olympus"),
    ):
        page = editor.post(path_of(project), said | wrong, follow=True).content.decode()
        assert told in page
        assert "It seems to be <b>csv</b>" in page
    assert list_imports(project.id)[0]["choice"] is None


def test_an_empty_form_is_told(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    page = editor.post(path_of(project), {"act": "bring"}, follow=True).content.decode()
    assert "Choose a file" in page
    assert list_imports(project.id) == []


def test_a_viewer_sees_that_there_are_imports_and_no_more(project: TestProject) -> None:
    import_id = ask(project, CONTENT, None)
    run(project, import_id)
    viewer = join(project, Role.VIEWER, "viewer")
    page = look(viewer, project)
    assert "say what it is" in page
    assert import_id not in page
    assert "<form" not in page.partition('<div class="exports')[2].partition("</section>")[0]
    for act in ("bring", "choose", "confirm", "cancel"):
        sent = {"act": act, "import": import_id}
        assert viewer.post(path_of(project), sent).status_code == 403
    assert viewer.post(f"{path_of(project)}/pieces?at=0").status_code == 403


def test_another_projects_import_is_not_touched_here(
    project: TestProject, other_project: TestProject
) -> None:
    theirs = ask(other_project, CONTENT, None)
    run(other_project, theirs)
    editor = join(project, Role.EDITOR, "editor")
    for act in ("choose", "confirm", "cancel"):
        editor.post(path_of(project), {"act": act, "import": theirs, **COLUMNS})
    [found] = list_imports(other_project.id)
    assert found["step"] == "choose"
    assert found["choice"] is None


def send(client: Client, project: TestProject, query: str, piece: bytes) -> dict[str, object]:
    answer = client.post(
        f"{path_of(project)}/pieces?{query}", piece, content_type="application/octet-stream"
    )
    return {"status": answer.status_code, **answer.json()}


def begin_sending(client: Client, project: TestProject, size: int = 100) -> str:
    """The id of an import of whose file one byte is here."""
    import_id = str(uuid4())
    sent = send(client, project, f"at=0&import={import_id}&name=big.csv&bytes={size}", b"x")
    assert sent == {"status": 200, "bytes": 1}, sent
    return import_id


def test_a_large_file_comes_in_pieces_and_a_piece_may_come_twice(project: TestProject) -> None:
    editor, import_id = join(project, Role.EDITOR, "editor"), str(uuid4())
    whole = f"import={import_id}&name=big.csv&bytes={len(CONTENT)}"
    for _ in range(2):
        told = send(editor, project, f"at=0&{whole}", CONTENT[:10])
        assert told == {"status": 200, "bytes": 10}
        told = send(editor, project, f"at=10&import={import_id}", CONTENT[10:20])
        assert told == {"status": 200, "bytes": 20}
    elsewhere = send(editor, project, f"at=30&import={import_id}", b"x")
    assert (elsewhere["status"], elsewhere["bytes"]) == (409, 20)
    assert "is being sent: " in look(editor, project)
    for _ in range(2):
        told = send(editor, project, f"at=20&import={import_id}", CONTENT[20:])
        assert told == {"status": 200, "bytes": len(CONTENT)}
    run(project, import_id)
    [found] = list_imports(project.id)
    assert (found["_id"], found["bytes"], found["file"]) == (import_id, len(CONTENT), "big.csv")
    assert found["sha256"] == sha256(CONTENT).hexdigest()
    assert find(project, import_id)["guess"]["source"] == "csv"
    assert send(editor, project, f"at=0&{whole}", b"x")["status"] == 200  # and nothing is written
    assert file_of(project, import_id).read_bytes() == CONTENT


def file_of(project: TestProject, import_id: str) -> Path:
    return folder_of(project.id, import_id) / "file"


def test_what_is_no_piece_is_refused(project: TestProject, other_project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    other = join(other_project, Role.EDITOR, "other")
    theirs, mine = begin_sending(other, other_project), uuid4()
    for query in (
        "", "at=0", f"at=0&import={mine}", f"at=-1&import={mine}", "at=1", f"at=x&import={mine}",
        "at=0&import=../../etc&name=a&bytes=1", f"at=0&import={mine}&name=a&bytes=0",
    ):  # fmt: skip
        assert send(editor, project, query, b"x")["status"] == 400, query
    for query in ("at=1", "at=0&name=a&bytes=1"):
        assert send(editor, project, f"{query}&import={theirs}", b"x")["status"] == 409
    assert file_of(other_project, theirs).read_bytes() == b"x"
    assert list_imports(project.id) == []
    assert list_folders(project.id) == []


def test_more_than_was_announced_is_refused(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    import_id = begin_sending(editor, project, size=2)
    told = send(editor, project, f"at=1&import={import_id}", b"xx")
    assert told["status"] == 409
    assert "too large" in str(told["detail"])


def test_a_form_is_no_piece(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    look(editor, project)
    editor.handler.enforce_csrf_checks = True  # who looks for the token reads the form
    token = {"X-CSRFToken": editor.cookies["csrftoken"].value}
    asked = f"{path_of(project)}/pieces?at=0&import={uuid4()}&name=a&bytes=5"
    answer = editor.post(asked, {"a": "b"}, headers=token)
    assert answer.status_code == 400
    assert list_folders(project.id) == []


def test_files_on_their_way_are_as_many_as_imports_and_leave_room_for_other_projects(
    project: TestProject, other_project: TestProject, settings: Any
) -> None:
    settings.IMPORTS_MAX_OPEN = 2
    editor = join(project, Role.EDITOR, "editor")
    broken_off, going_on = (begin_sending(editor, project) for _ in range(2))
    another = f"at=0&import={uuid4()}&name=a&bytes=2"
    refused = send(editor, project, another, b"x")
    assert refused["status"] == 409
    assert "Too many" in str(refused["detail"])
    assert send(editor, project, f"at=1&import={going_on}", b"x")["status"] == 200
    other = join(other_project, Role.EDITOR, "other")
    begin_sending(other, other_project)

    long_ago = {"$set": {"receivedAt": datetime.now(UTC) - timedelta(hours=1)}}
    collection(mongo.IMPORTS).update_one({"_id": broken_off}, long_ago)
    assert send(editor, project, another, b"x")["status"] == 200
    assert find(project, broken_off)["outcome"] == "expired"
    assert {folder.name for folder in list_folders(project.id)} >= {going_on}
    assert not folder_of(project.id, broken_off).exists()
    assert send(editor, project, f"at=1&import={broken_off}", b"x")["status"] == 409


def test_who_cancels_what_is_being_sent_keeps_nothing_of_it(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    import_id = begin_sending(editor, project)
    editor.post(path_of(project), {"act": "cancel", "import": import_id})
    told = send(editor, project, f"at=1&import={import_id}", b"x")
    assert (told["status"], told["detail"]) == (
        409, "This import has ended: bring the file again.",
    )  # fmt: skip
    assert list_folders(project.id) == []


def test_a_file_that_is_too_large_is_refused(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    size = service_settings.IMPORTS_MAX_FILE_MB * 1024 * 1024 + 1
    told = send(editor, project, f"at=0&import={uuid4()}&name=a&bytes={size}", b"x")
    assert told["status"] == 409
    assert "too large" in str(told["detail"])
    assert list_imports(project.id) == []


LATIN = "time,page,plan\n2024-05-01T10:00:00Z,/a,größer\n".encode("latin-1")


def test_a_file_in_another_encoding_is_looked_at_again_in_that_one(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    import_id = bring(editor, project, LATIN)
    assert run(project, import_id)["step"] == "choose"
    assert "line 2 is not UTF-8" in look(editor, project)
    said = {"act": "look", "import": import_id, "source": "csv", "encoding": "latin-1"}
    page = editor.post(path_of(project), {**said, "encoding": "klingon"}, follow=True).content
    assert "encoding is none of" in page.decode()
    editor.post(path_of(project), said)
    run(project, import_id)
    page = editor.get(path_of(project)).content
    assert "It seems to be <b>csv</b>" in page.decode()
    assert "größer" in page.decode()
    assert re.search(r'<option value="latin-1" selected', page.decode())
    columns = {"column-0": "timestamp", "column-1": "path", "column-2": "property"}
    editor.post(path_of(project), {**said, "act": "choose", **columns})
    assert run(project, import_id)["step"] == "confirm"
    editor.post(path_of(project), {"act": "confirm", "import": import_id})
    run(project, import_id)
    [event] = stored(project)
    assert event["properties"] == {"plan": "größer"}


def test_what_nobody_knows_is_looked_at_as_what_it_is_said_to_be(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    import_id = bring(editor, project, b"time\n2024-05-01T10:00:00Z\n")
    run(project, import_id)
    assert "cannot be told" in look(editor, project)
    editor.post(path_of(project), {"act": "look", "import": import_id, "source": "csv"})
    run(project, import_id)
    assert 'name="column-0"' in look(editor, project)


def test_the_first_rows_of_a_log_are_shown(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    line = b'203.0.113.9 - - [01/May/2024:10:00:00 +0000] "GET /a HTTP/1.1" 200 12 "-" "Firefox"\n'
    run(project, bring(editor, project, line))
    page = look(editor, project)
    assert "The first of its rows" in page
    assert "path <bdi>/a</bdi>" in page
