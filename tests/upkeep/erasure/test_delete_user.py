"""DELETE /users/{userId} and GET /erasures/{erasureId}."""

from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from pymongo.errors import ServerSelectionTimeoutError
from pytest_django import Settings
from redis.exceptions import ConnectionError as RedisConnectionError

from analytics.databases.mongo import ERASURES, EVENTS, collection
from ingestion.drain.loop import drain
from tests.accept.test_post_event import read_problem
from tests.conftest import Api, TestProject
from tests.service import Gunicorn
from tests.upkeep.erasure.erasures import finish_erasure
from upkeep.erasure import ask
from upkeep.erasure.job import Erasure

pytest_plugins = ("tests.service",)

NO_COUNTS = dict.fromkeys(Erasure.COUNTS, 0)


@pytest.fixture
def admin(project: TestProject) -> Client:
    return client_of(project)


def client_of(project: TestProject) -> Client:
    return Client(headers={"authorization": f"Bearer {project.admin_key}"})


def send(project: TestProject, *user_ids: str) -> None:
    events = [{"path": "/a", "userId": user_id} for user_id in user_ids]
    assert Api(project.ingest_key).post("/events", events).status_code == 202
    drain(0)


def users_left() -> list[str]:
    found = collection(EVENTS).find({"userId": {"$exists": True}}, {"userId": 1})
    return sorted(event["userId"] for event in found)


def asked() -> list[str]:
    return [found["userId"] for found in collection(ERASURES).find()]


def test_an_erasure_is_accepted_and_followed_until_it_is_done(
    project: TestProject, admin: Client
) -> None:
    send(project, "mallory", "mallory", "alice")

    answer = admin.delete("/users/mallory")

    assert answer.status_code == 202
    erasure = answer.json()
    assert (erasure["state"], erasure["counts"]) == ("waiting", NO_COUNTS)
    assert answer["Location"] == f"/erasures/{erasure['erasureId']}"
    assert admin.get(answer["Location"]).json() == erasure
    finish_erasure(erasure["erasureId"])
    done = admin.get(f"{answer['Location']}/").json()
    assert (done["state"], done["counts"]["events"]) == ("done", 2)
    assert done["finishedAt"] >= done["requestedAt"]
    assert users_left() == ["alice"]
    assert "mallory" not in str(done)


def test_a_dry_run_counts_and_erases_nothing(project: TestProject, admin: Client) -> None:
    send(project, "mallory", "mallory", "alice")

    answer = admin.delete("/users/mallory?dryRun=true")

    assert answer.status_code == 200
    assert answer.json() == {"dryRun": True, "events": 2, "deadLetters": 0}
    assert asked() == []
    assert admin.delete("/users/mallory?dryRun=false").status_code == 202


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("dryrun=true", "unknown_parameter"),
        ("dryRun=yes", "bad_dry_run"),
        ("dryRun=", "bad_dry_run"),
        ("dryRun=true&dryRun=false", "repeated_parameter"),
    ],
)
def test_a_mistyped_dry_run_erases_nobody(admin: Client, query: str, code: str) -> None:
    answer = admin.delete(f"/users/mallory?{query}")

    assert (answer.status_code, read_problem(answer)["code"]) == (400, code)
    assert asked() == []


@pytest.mark.parametrize(
    "user_id",
    [
        "order 7/3",
        "a/",
        "/",
        "100%",
        "?x=1#y",
        "é\N{GRINNING FACE}",
        "../x",
        "..",
        "$ne",
        "x" * 256,
    ],
)
def test_a_user_is_erased_whatever_the_id_looks_like(
    project: TestProject, admin: Client, user_id: str
) -> None:
    send(project, user_id)

    answer = admin.delete(f"/users/{quote(user_id, safe='')}")

    assert answer.status_code == 202
    assert asked() == [user_id]
    finish_erasure(answer.json()["erasureId"])
    assert users_left() == []


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("x" * 257, "too_long"),
        ("a%00b", "control_character"),
        ("a%0Ab", "control_character"),
        ("%0A", "control_character"),
        ("a%C2%85b", "control_character"),
    ],
)
def test_what_can_be_no_user_id_is_refused(admin: Client, path: str, code: str) -> None:
    answer = admin.delete(f"/users/{path}")

    problem = read_problem(answer)
    assert (answer.status_code, problem["code"]) == (400, code)
    assert problem["errors"][0]["field"] == "userId"
    assert asked() == []


def test_without_an_id_there_is_nothing(admin: Client) -> None:
    for path in ("/users", "/users/"):
        assert admin.delete(path).status_code == 404


def test_only_an_admin_key_may_erase_and_follow(project: TestProject, admin: Client) -> None:
    location = admin.delete("/users/mallory")["Location"]

    for key in (project.ingest_key, project.read_key):
        client = Client(headers={"authorization": f"Bearer {key}"})
        for answer in (client.delete("/users/alice"), client.get(location)):
            assert (answer.status_code, read_problem(answer)["code"]) == (403, "missing_scope")
    for answer in (Client().delete("/users/alice"), Client().get(location)):
        assert (answer.status_code, read_problem(answer)["code"]) == (401, "missing_key")
    assert asked() == ["mallory"]


def test_another_projects_user_and_erasure_are_out_of_reach(
    project: TestProject, other_project: TestProject, admin: Client
) -> None:
    send(project, "mallory")
    send(other_project, "mallory")
    others = client_of(other_project)

    answer = others.delete("/users/mallory")
    finish_erasure(answer.json()["erasureId"])

    [left] = collection(EVENTS).find({"userId": "mallory"})
    assert left["project"] == project.id
    refused = admin.get(answer["Location"])
    assert (refused.status_code, read_problem(refused)["code"]) == (404, "not_found")


@pytest.mark.parametrize("erasure_id", ["nothing", "x" * 2_000, "%00", "%FF", "$ne"])
def test_an_erasure_that_nobody_asked_for_is_not_found(admin: Client, erasure_id: str) -> None:
    answer = admin.get(f"/erasures/{erasure_id}")

    assert (answer.status_code, read_problem(answer)["code"]) == (404, "not_found")


def test_a_key_may_not_ask_too_often(
    project: TestProject, admin: Client, settings: Settings
) -> None:
    settings.ERASURE_RATE = "2/h"

    answers = [admin.delete("/users/mallory") for _ in range(3)]

    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert read_problem(answers[2])["code"] == "rate_limited"
    assert int(answers[2]["Retry-After"]) >= 1
    assert answers[0]["RateLimit-Policy"] == '"erasure";q=2;w=3600'
    assert Api(project.admin_key).get("/stats").status_code == 200


def test_without_the_stream_or_the_store_nothing_is_promised(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(error: Exception) -> Any:
        def failing(*args: Any, **kwargs: Any) -> None:
            raise error

        return failing

    monkeypatch.setattr(ask, "create_erasure", fail(RedisConnectionError("gone")))
    answer = admin.delete("/users/mallory")
    assert (answer.status_code, read_problem(answer)["code"]) == (503, "stream_unavailable")
    monkeypatch.setattr(ask, "create_erasure", fail(ServerSelectionTimeoutError("gone")))
    answer = admin.delete("/users/mallory")
    assert (answer.status_code, read_problem(answer)["code"]) == (503, "store_unavailable")
    assert int(answer["Retry-After"]) >= 1


def test_a_dry_run_that_takes_too_long_is_refused(
    admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take_too_long(*args: Any) -> None:
        raise ask.TooManyToCount

    monkeypatch.setattr("upkeep.erasure.views.count_erasable", take_too_long)

    answer = admin.delete("/users/mallory?dryRun=true")

    assert (answer.status_code, read_problem(answer)["code"]) == (400, "query_timeout")


@pytest.mark.parametrize("method", ["get", "post", "put", "patch"])
def test_a_user_can_only_be_deleted(admin: Client, method: str) -> None:
    answer = getattr(admin, method)("/users/mallory")

    assert answer.status_code == 405
    assert read_problem(answer)["code"] == "method_not_allowed"
    assert answer["Allow"] == "DELETE, OPTIONS"


@pytest.mark.parametrize(
    ("target", "user_id"),
    [
        ("/users/mallory", "mallory"),
        ("/users/mallory/", "mallory"),
        ("/users/mallory%2F", "mallory/"),
        ("/users/mallory%2F/?dryRun=false", "mallory/"),
        ("/users/%2F", "/"),
    ],
)
def test_a_slash_that_ends_the_address_is_not_part_of_the_id(
    gunicorn: Gunicorn, served: TestProject, target: str, user_id: str
) -> None:
    answer = gunicorn.request("DELETE", target, key=served.admin_key)

    assert answer.status == 202, answer
    job = collection(ERASURES).find_one({"_id": answer.json()["erasureId"]})
    assert job is not None and job.get("userId", user_id) == user_id


@pytest.mark.parametrize("target", ["/users/%FF", "/users/a%C3"])
def test_an_id_that_is_not_utf8_is_refused(
    gunicorn: Gunicorn, served: TestProject, target: str
) -> None:
    answer = gunicorn.request("DELETE", target, key=served.admin_key)

    assert (answer.status, answer.code) == (400, "bad_encoding")
