"""POST /imports and what follows: a script brings a file, and follows what becomes of it."""

import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.conf import settings as service_settings
from django.test import Client

from analytics.databases import mongo
from analytics.databases.mongo import AUDIT, collection
from exchange.incoming.web.examples import ASKED, SAID
from exchange.outgoing.job import file_of
from tests.conftest import Api, TestProject
from tests.exchange.exports import export, stored
from tests.imports.imports import MAPPING, run, table
from tests.stored import store_events
from upkeep.imports.folder import list_folders

CONTENT = table(
    ("2024-05-01T10:00:00Z", "/a", "ada", "", "", "NZ"), ("yesterday", "/b", "", "", "", "")
)
PIECE = 40


def as_admin(project: TestProject) -> Client:
    return Client(headers={"authorization": f"Bearer {project.admin_key}"})


def ask(project: TestProject, content: bytes = CONTENT, **body: Any) -> Any:
    asked = {"file": "events.csv", "bytes": len(content), **body}
    return Api(project.admin_key).post("/imports", json.dumps(asked))


def put(
    project: TestProject, path: str, piece: bytes, at: int = 0, coding: str = "identity"
) -> Any:
    return as_admin(project).put(
        f"{path}/file?at={at}", piece, content_type="application/octet-stream",
        headers={"content-encoding": coding},
    )  # fmt: skip


def bring(project: TestProject, content: bytes = CONTENT, **body: Any) -> str:
    """The path of an import whose file was sent, gone on with as far as it goes."""
    asked = ask(project, content, **body)
    assert asked.status_code == 202, asked.content
    path = str(asked["Location"])
    assert put(project, path, content).status_code == 200
    go_on(project, path)
    return path


def go_on(project: TestProject, path: str) -> None:
    run(project, path.rpartition("/")[2])


def show(project: TestProject, path: str) -> Any:
    return Api(project.admin_key).get(path).json()


def post(project: TestProject, path: str, **body: Any) -> Any:
    return Api(project.admin_key).post(path, json.dumps(body))


def test_a_table_is_sent_told_what_it_is_and_imported_after_a_yes(project: TestProject) -> None:
    good = [(f"2024-05-01T10:00:{n:02}Z", "/a", "ada", "", "", "NZ") for n in range(20)]
    content = table(*good, ("yesterday", "/b", "", "", "", ""))
    path = bring(project, content)
    seen = show(project, path)
    assert (seen["state"], seen["guess"]["source"]) == ("choosing", "csv")
    assert seen["sha256"] == sha256(content).hexdigest()
    assert seen["guess"]["mapping"]["fields"]["timestamp"] == "time"
    assert seen["guess"]["columns"][1] == {"name": "page", "samples": ["/a"] * 3}
    assert seen["guess"]["rows"][0]["path"] == "/a"
    chosen = post(project, f"{path}/choice", source="csv", mapping=MAPPING)
    assert (chosen.status_code, chosen.json()["state"]) == (200, "reading")
    go_on(project, path)
    read = show(project, path)
    assert read["state"] == "confirming"
    report = read["report"]
    assert (report["rows"], report["events"], report["stored"]) == (21, 20, 0)
    assert report["first"] == "2024-05-01T10:00:00.000Z"
    assert report["last"] == "2024-05-01T10:00:19.000Z"
    assert report["leftOut"] == [
        {"code": "bad_time", "detail": "a time that is none", "count": 1,
         "rows": [{"row": 21, "detail": report["leftOut"][0]["rows"][0]["detail"]}]}
    ]  # fmt: skip
    assert stored(project) == []
    assert post(project, f"{path}/confirmation").json()["state"] == "importing"
    go_on(project, path)
    done = show(project, path)
    assert (done["state"], done["counts"]["imported"]) == ("done", 20)
    assert "guess" not in done
    assert [event["path"] for event in stored(project)] == ["/a"] * 20
    [listed] = show(project, "/imports")["imports"]
    assert listed == done
    acts = [entry["act"] for entry in collection(AUDIT).find({"project": project.id})]
    assert acts == ["import.asked", "import.chosen", "import.confirmed"]


def test_an_export_goes_in_pieces_from_one_project_to_another_at_once(
    project: TestProject, other_project: TestProject
) -> None:
    store_events(project, [{"path": "/a", "userId": "ada"}, {"path": "/b"}])
    content = file_of(export(project, "csv")).read_bytes()
    digest = sha256(content).hexdigest()
    asked = ask(other_project, content, source="own", confirmed=True, sha256=digest.upper())
    path = asked["Location"]
    assert (asked.json()["state"], asked.json()["received"]) == ("arriving", 0)
    for at in range(0, len(content), PIECE):
        for _ in range(2):  # the answer to the first was lost
            sent = put(other_project, path, content[at : at + PIECE], at)
            assert sent.status_code == 200, sent.content
            assert sent.json()["received"] == min(len(content), at + PIECE)
    go_on(other_project, path)
    done = show(other_project, path)
    assert (done["state"], done["sha256"]) == ("done", digest)
    assert done["counts"] == {"imported": 2, "stored": 0, "erased": 0}
    assert stored(other_project) == stored(project)
    assert list_folders(other_project.id) == []


def test_a_dry_run_tells_its_report_and_stores_nothing(project: TestProject) -> None:
    path = bring(project, source="csv", mapping=MAPPING, dryRun=True)
    seen = show(project, path)
    assert (seen["state"], seen["report"]["events"]) == ("looked", 1)
    assert stored(project) == []
    assert list_folders(project.id) == []


def test_a_piece_that_goes_on_elsewhere_is_told_where(project: TestProject) -> None:
    path = ask(project)["Location"]
    put(project, path, CONTENT[:PIECE])
    wrong = put(project, path, b"x", PIECE + 1)
    assert (wrong.status_code, wrong.json()["code"]) == (409, "wrong_place")
    assert wrong.json()["received"] == PIECE
    assert put(project, path, CONTENT[PIECE:], PIECE).json()["received"] == len(CONTENT)


def test_a_piece_without_a_byte_is_refused_and_takes_none_away(project: TestProject) -> None:
    path = ask(project)["Location"]
    put(project, path, CONTENT[:PIECE])
    empty = put(project, path, b"")
    assert (empty.status_code, empty.json()["code"]) == (400, "empty_piece")
    assert show(project, path)["received"] == PIECE


def test_a_file_that_is_not_the_one_that_was_announced_is_not_read(project: TestProject) -> None:
    path = bring(project, source="csv", mapping=MAPPING, confirmed=True, sha256="0" * 64)
    failed = show(project, path)
    assert (failed["state"], failed["error"]["code"]) == ("failed", "wrong_sum")
    assert list_folders(project.id) == []
    assert stored(project) == []


def test_a_piece_that_is_packed_for_its_way_is_unpacked_and_a_mark_is_kept(
    project: TestProject,
) -> None:
    content = b"\xef\xbb\xbf" + CONTENT
    path = ask(project, content)["Location"]
    sent = put(project, path, gzip.compress(content), coding="gzip")
    assert sent.json()["received"] == len(content)
    go_on(project, path)
    assert show(project, path)["sha256"] == sha256(content).hexdigest()


def test_a_file_in_another_encoding_is_looked_at_again(project: TestProject) -> None:
    content = "time,page,plan\n2024-05-01T10:00:00Z,/a,größer\n".encode("latin-1")
    path = bring(project, content)
    seen = show(project, path)
    assert (seen["state"], seen["guess"]["source"]) == ("choosing", None)
    assert "line 2 is not UTF-8" in seen["guess"]["trouble"]
    assert post(project, f"{path}/choice", encoding="latin-1").status_code == 200
    go_on(project, path)
    assert show(project, path)["guess"]["columns"][2]["samples"] == ["größer"]


def test_an_import_of_another_project_is_not_there(
    project: TestProject, other_project: TestProject
) -> None:
    path = bring(project)
    theirs = as_admin(other_project)
    answers: list[Any] = [
        theirs.get(path),
        theirs.delete(path),
        theirs.put(f"{path}/file", b"x", content_type="text/csv"),
        post(other_project, f"{path}/choice", source="own"),
        post(other_project, f"{path}/confirmation"),
    ]
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert show(other_project, "/imports") == {"imports": []}
    assert show(project, path)["state"] == "choosing"


def test_all_of_it_is_for_the_scope_admin(project: TestProject) -> None:
    path = bring(project)
    for key in (project.read_key, project.ingest_key):
        client = Client(headers={"authorization": f"Bearer {key}"})
        answers: list[Any] = [
            client.post("/imports", {}, content_type="application/json"),
            client.get("/imports"),
            client.get(path),
            client.delete(path),
            client.put(f"{path}/file", b"x", content_type="text/csv"),
            client.post(f"{path}/choice", {}, content_type="application/json"),
            client.post(f"{path}/confirmation"),
        ]
        for answer in answers:
            assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"file": None}, "wrong_type"),
        ({"file": ""}, "bad_value"),
        ({"bytes": 0}, "bad_value"),
        ({"bytes": "10"}, "bad_value"),
        ({"bytes": 1.5}, "bad_value"),
        ({"sha256": "ab"}, "bad_value"),
        ({"source": "shoes"}, "bad_source"),
        ({"encoding": "klingon"}, "bad_encoding"),
        ({"confirmed": "yes"}, "wrong_type"),
        ({"mapping": MAPPING}, "bad_mapping"),
        ({"source": "own", "mapping": MAPPING}, "bad_mapping"),
        ({"source": "csv", "mapping": {"fields": {"path": "page"}}}, "bad_mapping"),
        ({"source": "csv", "mapping": {"shoes": 1}}, "bad_mapping"),
        ({"source": "csv", "mapping": {**MAPPING, "timeZone": "Mars"}}, "bad_mapping"),
        ({"limit": 1}, "unknown_field"),
    ],
)
def test_what_is_asked_wrongly_is_refused_by_its_code(
    project: TestProject, body: Any, code: str
) -> None:
    answer = ask(project, **body)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.content
    assert show(project, "/imports") == {"imports": []}
    assert list_folders(project.id) == []


@pytest.mark.parametrize("name", ASKED)
def test_each_example_is_taken(project: TestProject, name: str) -> None:
    answer = post(project, "/imports", **ASKED[name])
    assert (answer.status_code, answer.json()["state"]) == (202, "arriving")


@pytest.mark.parametrize("name", SAID)
def test_each_example_of_a_choice_is_taken(project: TestProject, name: str) -> None:
    path = bring(project)
    assert post(project, f"{path}/choice", **SAID[name]).status_code == 200


def test_what_it_does_not_wait_for_is_refused(project: TestProject) -> None:
    path = bring(project)
    early = post(project, f"{path}/confirmation")
    assert (early.status_code, early.json()["code"]) == (409, "not_waiting")
    cancelled = as_admin(project).delete(path)
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    late = post(project, f"{path}/choice", source="own")
    assert (late.status_code, late.json()["code"]) == (409, "not_waiting")
    ended = put(project, path, b"x")
    assert (ended.status_code, ended.json()["code"]) == (409, "import_ended")
    assert as_admin(project).delete(path).json()["state"] == "cancelled"


def test_what_is_too_large_is_refused(project: TestProject) -> None:
    most = service_settings.IMPORTS_MAX_FILE_MB * 1024 * 1024
    large = post(project, "/imports", file="a", bytes=most + 1)
    assert (large.status_code, large.json()["code"]) == (413, "file_too_large")
    path = ask(project)["Location"]
    more = put(project, path, CONTENT + b"x")
    assert (more.status_code, more.json()["code"]) == (413, "file_too_large")
    piece = put(project, path, bytes(service_settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1))
    assert (piece.status_code, piece.json()["code"]) == (413, "body_too_large")
    assert show(project, path)["received"] == 0


def test_what_there_is_no_room_for_is_refused(project: TestProject, settings: Any) -> None:
    settings.IMPORTS_MAX_MB = 2
    answer = post(project, "/imports", file="a", bytes=1024 * 1024 + 1)
    assert (answer.status_code, answer.json()["code"]) == (503, "imports_full")
    assert "Retry-After" in answer
    assert list_folders(project.id) == []


@pytest.mark.parametrize("at", ["-1", "x", "1" * 20])
def test_a_place_is_the_number_of_a_byte(project: TestProject, at: str) -> None:
    path = ask(project)["Location"]
    answer = as_admin(project).put(f"{path}/file?at={at}", b"x", content_type="text/csv")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_at")


def test_who_asks_for_many_at_one_moment_has_no_more_under_way(
    project: TestProject, other_project: TestProject, settings: Any
) -> None:
    settings.IMPORTS_MAX_OPEN = 2
    clients = 8
    together = threading.Barrier(clients)

    def ask_at_once(_: int) -> int:
        together.wait(30)
        status: int = ask(project).status_code
        return status

    with ThreadPoolExecutor(clients) as threads:
        statuses = sorted(threads.map(ask_at_once, range(clients)))

    assert statuses == [202] * 2 + [429] * (clients - 2)
    assert collection(mongo.IMPORTS).count_documents({"project": project.id, "open": True}) == 2
    refused = ask(project)
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_imports")
    assert "Retry-After" in refused
    assert len(list_folders(project.id)) == 2
    assert ask(other_project).status_code == 202


def test_a_file_that_broke_off_goes_where_another_is_brought(
    project: TestProject, settings: Any
) -> None:
    settings.IMPORTS_MAX_OPEN = 1
    first = ask(project)["Location"]
    put(project, first, CONTENT[:PIECE])
    assert ask(project).status_code == 429
    long_ago = {"$set": {"receivedAt": datetime.now(UTC) - timedelta(hours=1)}}
    collection(mongo.IMPORTS).update_one({"project": project.id}, long_ago)
    second = ask(project)
    assert second.status_code == 202
    assert show(project, first)["state"] == "expired"
    put(project, second["Location"], CONTENT)
    collection(mongo.IMPORTS).update_one({"project": project.id, "open": True}, long_ago)
    assert ask(project).status_code == 429  # what is whole waits for us
