"""`/p/<project>/imports`: a file is brought, looked at, said yes to, and imported."""

import os
import re
import time
from typing import Any

from django.conf import settings as service_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from exchange.incoming.job import list_imports
from people.members.models import Role
from tests.conftest import TestProject
from tests.exchange.exports import stored
from tests.imports.imports import ask, run, table
from tests.members import join
from upkeep.imports.folder import list_folders

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


def test_a_large_file_comes_in_pieces_and_a_piece_may_come_twice(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    first = send(editor, project, "at=0", CONTENT[:10])
    import_id = first["import"]
    for _ in range(2):
        told = send(editor, project, f"at=10&import={import_id}", CONTENT[10:20])
        assert (told["status"], told["bytes"]) == (200, 20)
    assert send(editor, project, f"at=30&import={import_id}", b"x")["status"] == 409
    send(editor, project, f"at=20&import={import_id}&name=big.csv", CONTENT[20:])
    [found] = list_imports(project.id)
    assert (found["_id"], found["bytes"], found["file"]) == (import_id, len(CONTENT), "big.csv")
    assert run(project, found["_id"])["guess"]["source"] == "csv"
    assert send(editor, project, f"at=0&import={import_id}", b"x")["status"] == 409


def test_what_is_no_piece_is_refused(project: TestProject, other_project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    other = join(other_project, Role.EDITOR, "other")
    theirs = send(other, other_project, "at=0", b"theirs")["import"]
    for query in ("", "at=-1", "at=1", "at=0&import=../../etc", "at=x"):
        assert send(editor, project, query, b"x")["status"] == 400
    assert send(editor, project, f"at=6&import={theirs}", b"x")["status"] == 409
    assert list_folders(project.id) == []


def test_a_form_is_no_piece(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    look(editor, project)
    editor.handler.enforce_csrf_checks = True  # who looks for the token reads the form
    token = {"X-CSRFToken": editor.cookies["csrftoken"].value}
    answer = editor.post(f"{path_of(project)}/pieces?at=0", {"a": "b"}, headers=token)
    assert answer.status_code == 400
    assert list_folders(project.id) == []


def test_files_on_their_way_are_as_many_as_imports_and_leave_room_for_other_projects(
    project: TestProject, other_project: TestProject, settings: Any
) -> None:
    settings.IMPORTS_MAX_OPEN = 2
    editor = join(project, Role.EDITOR, "editor")
    broken_off, going_on = (send(editor, project, "at=0", b"x")["import"] for _ in range(2))
    refused = send(editor, project, "at=0", b"x")
    assert refused["status"] == 409
    assert "Too many" in str(refused["detail"])
    assert send(editor, project, f"at=1&import={going_on}", b"x")["status"] == 200
    other = join(other_project, Role.EDITOR, "other")
    assert send(other, other_project, "at=0", b"x")["status"] == 200

    long_ago = time.time() - 3600
    folder = next(each for each in list_folders(project.id) if each.name == broken_off)
    for path in (*folder.iterdir(), folder):
        os.utime(path, (long_ago, long_ago))
    assert send(editor, project, "at=0", b"x")["status"] == 200
    assert not folder.exists()
    assert send(editor, project, f"at=1&import={broken_off}", b"x")["status"] == 409


def test_a_file_that_is_too_large_is_refused(project: TestProject) -> None:
    editor = join(project, Role.EDITOR, "editor")
    at = service_settings.IMPORTS_MAX_FILE_MB * 1024 * 1024
    told = send(editor, project, f"at={at}&import={'0' * 32}", b"x")
    assert told["status"] == 409
    assert re.search("too large", str(told["detail"]))
