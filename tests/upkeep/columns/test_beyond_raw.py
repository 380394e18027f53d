"""Columns that are kept for longer than raw events: beyond them they are the only copy."""

from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from analytics.databases import mongo
from analytics.databases.mongo import EVENTS, collection
from analytics.projects.models import Project
from analytics.projects.policy import find_policy
from analytics.remembered import forget_everything
from columns import restore
from columns.export import export_project
from columns.merge import merge_project
from columns.rewrite import rebuild, repair_next
from tests.columns.folders import in_either_place, read_file, remove_file, write_file
from tests.columns.held import held, segments_of
from tests.conftest import Api, TestProject, make_project
from tests.exchange.exports import export, read
from tests.stored import store_events
from tests.upkeep.erasure.erasures import ask_to_erase, erase, reach_everything, read_job
from upkeep.columns.rounds import tend_columns
from upkeep.columns.verify import Verification
from upkeep.erasure.run import ERASURES
from upkeep.jobs.engine import run_job

pytestmark = in_either_place

NOW = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
OLD, BORDER, YOUNG = (NOW - timedelta(days=days) for days in (400, 100, 10))
START = (OLD - timedelta(days=1)).strftime("%Y-%m-%d")


@pytest.fixture
def project(store: None) -> TestProject:
    """It keeps raw events for 90 days, and what is older is gone."""
    made = make_project(retention_days=90, columns_retention_days=1_000)
    for moment in (OLD, BORDER, YOUNG):
        store_events(made, [event(moment, "ann"), event(moment, "bob")])
    export_project(made.id)
    expire(made)
    return made


def event(moment: datetime, user: str) -> dict[str, Any]:
    days = (NOW - moment).days
    return {"path": f"/{days}", "timestamp": moment, "userId": user}


def expire(project: TestProject) -> None:
    horizon = datetime.now(UTC) - timedelta(days=97)
    collection(EVENTS).delete_many({"project": project.id, "timestamp": {"$lt": horizon}})


def split(project: TestProject) -> None:
    """Have a segment that ends before the raw horizon, beside one of all others."""
    while merge_project(project.id, NOW + timedelta(days=2)):
        pass


def ask(api: Api, **query: Any) -> Any:
    return api.get("/stats", **{"start": START, "filter": "path:contains:/", **query})


def test_questions_are_answered_for_as_long_as_columns_are_kept(project: TestProject) -> None:
    api = Api(project.read_key)
    assert ask(api).json()["totalViews"] == 6
    assert ask(api, groupBy="path").json()["totalViews"] == 6
    assert api.get("/stats", start=START, exact="true").json()["code"] == "raw_expired"
    older = (NOW - timedelta(days=1_001)).strftime("%Y-%m-%d")
    refused = api.get("/stats", start=older, filter="path:contains:/")
    assert (refused.status_code, refused.json()["code"]) == (400, "raw_expired")
    kept = make_project("Short", retention_days=90)
    assert ask(Api(kept.read_key)).json()["code"] == "raw_expired"
    assert api.get("/stats", start=START).json()["totalViews"] == 6  # from rollups, as ever


def test_maintenance_leaves_what_is_the_only_copy(project: TestProject) -> None:
    split(project)
    tend_columns()
    list(rebuild(project.id))
    assert held(project) == ["/10", "/10", "/100", "/100", "/400", "/400"]
    verification = Verification(project.id)
    days = verification.list_days()
    assert len(days) == 1
    assert verification.verify_day(days[0]) == (0, [])


def test_what_is_older_than_the_columns_are_kept_goes(project: TestProject) -> None:
    change(project, columns_retention_days=200)
    tend_columns()
    assert held(project) == ["/10", "/10", "/100", "/100"]
    change(project, columns_retention_days=1_000)
    policy = find_policy(project.id)
    assert policy.columns_horizon is not None
    assert abs(policy.columns_horizon - (datetime.now(UTC) - timedelta(days=200))).days == 0
    assert ask(Api(project.read_key)).json()["code"] == "raw_expired"
    change(project, columns_retention_days=None)
    assert ask(Api(project.read_key), start=OLD.strftime("%Y-%m-%d")).status_code == 400


def change(project: TestProject, **fields: Any) -> None:
    row = Project.objects.get(pk=project.row.pk)
    for name, value in fields.items():
        setattr(row, name, value)
    row.full_clean()
    row.save()
    collection(mongo.COLUMN_HEADS).update_many({}, {"$unset": {"cutAt": ""}})
    forget_everything()


@pytest.mark.parametrize(
    "wrong", [{"columns_retention_days": 89}, {"retention_days": None}, {"retention_days": 1_001}]
)
def test_columns_are_never_kept_for_less_than_raw_events(
    project: TestProject, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError, match="copy"):
        change(project, **wrong)


def test_an_erasure_takes_the_user_out_of_the_only_copy(project: TestProject) -> None:
    split(project)
    erase(project, "ann")
    assert held(project, "userId") == ["bob"] * 3
    assert ask(Api(project.read_key)).json()["totalViews"] == 3


def test_an_export_holds_what_is_the_only_copy(project: TestProject) -> None:
    rows = read(export(project, "jsonl", start=START, withAddresses=True))
    assert sorted(row["path"] for row in rows) == held(project)


def test_an_id_that_comes_again_after_its_raw_event_has_gone_is_a_new_event(
    project: TestProject,
) -> None:
    """In columns as in rollups."""
    before = len(held(project))
    store_events(project, [event(OLD, "ann")])
    export_project(project.id)
    assert len(held(project)) == before + 1


def damage_oldest(project: TestProject) -> tuple[bytes, bytes]:
    split(project)
    oldest = min(segments_of(project), key=lambda segment: segment.from_ms)
    data = read_file(oldest.id)
    remove_file(oldest.id)
    return oldest.id, data


def test_damage_beyond_raw_is_told_until_the_file_is_brought_back(project: TestProject) -> None:
    lost, data = damage_oldest(project)
    api = Api(project.read_key)
    assert (ask(api).status_code, ask(api).json()["code"]) == (503, "columns_damaged")
    while repair_next(project.id):
        pass
    recent = (NOW - timedelta(days=50)).strftime("%Y-%m-%d")
    assert api.get("/stats", start=recent, filter="path:contains:/").json()["totalViews"] == 2
    tend_columns()
    assert ask(api).json()["code"] == "columns_damaged"
    assert "1 segments are still damaged" in run(project)
    write_file(lost, data)
    assert "restored" in run(project)
    assert held(project) == ["/10", "/10", "/100", "/100", "/400", "/400"]
    assert ask(api).json()["totalViews"] == 6
    assert restore.list_lost(project.id) == []


def test_what_cannot_be_brought_back_is_struck_by_who_says_so(project: TestProject) -> None:
    damage_oldest(project)
    api = Api(project.read_key)
    assert ask(api).status_code == 503
    while repair_next(project.id):
        pass
    assert "struck" in run(project, "--strike")
    answer = ask(api).json()
    assert answer["totalViews"] == len(held(project)) < 6
    assert "/10" in held(project)


def run(project: TestProject, *options: str) -> str:
    out = StringIO()
    call_command("restore_columns", project.id.hex(), *options, stdout=out)
    return out.getvalue()


def test_an_erasure_waits_for_what_may_hold_the_user(project: TestProject) -> None:
    lost, data = damage_oldest(project)
    assert ask(Api(project.read_key)).status_code == 503
    while repair_next(project.id):
        pass
    erasure = ask_to_erase(project, "ann")
    reach_everything(erasure)
    run_job(ERASURES, erasure)
    assert read_job(erasure)["step"] not in ("files", "done")
    write_file(lost, data)
    run(project)
    run_job(ERASURES, erasure)
    assert read_job(erasure)["step"] in ("files", "done")
    assert held(project, "userId") == ["bob"] * 3
