"""The ledger's page in the admin."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from analytics.databases.mongo import LEDGER_GAPS, collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import accepted_key
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject
from upkeep.admin import ledger as page
from upkeep.ledger.lines import compact_ledger, read_ledger

pytestmark = pytest.mark.slow

ADDRESS = "admin:upkeep_ledgerline_changelist"


@pytest.fixture
def admin(project: TestProject) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password="correct horse"))
    return client


def read_page(client: Client, **query: str) -> str:
    answer = client.get(reverse(ADDRESS), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_shows_each_line_with_what_waits(
    admin: Client, project: TestProject, ingest: Api
) -> None:
    ingest.post("/events", [{"path": "/a"}] * 7)
    drain(0)
    compact_ledger()
    ingest.post("/events", [{"path": "/a"}] * 5)

    shown = read_page(admin)

    [line] = read_ledger(project.id)
    numbers = "".join(f"<td>{n}</td>" for n in (12, 7, 0, 0, 5, 0, 0, 0))
    assert f"<td>{line.date}</td><td>{project.row}</td>{numbers}" in shown
    assert "Every line balances." in shown


def test_a_line_that_does_not_balance_is_pointed_at(
    admin: Client, project: TestProject, ingest: Api
) -> None:
    ingest.post("/event", {"path": "/a"})
    [line] = read_ledger(project.id)
    stream_client().hincrby(accepted_key(0), f"{project.id.hex()}:{line.day}", 3)

    assert "1 line does not balance." in read_page(admin)


def test_one_project_can_be_chosen(
    admin: Client, ingest: Api, project: TestProject, other_project: TestProject
) -> None:
    ingest.post("/event", {"path": "/a"})
    Api(other_project.ingest_key).post("/event", {"path": "/a"})

    both, one = read_page(admin), read_page(admin, project=other_project.id.hex())

    test, other = f"<td>{project.row}</td>", f"<td>{other_project.row}</td>"
    assert both.count(test) == both.count(other) == 1
    assert (one.count(test), one.count(other)) == (0, 1)
    assert read_page(admin, project="nonsense").count(test) == 1


def test_many_lines_take_several_pages(
    admin: Client, ingest: Api, other_project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "PAGE_LINES", 1)
    ingest.post("/event", {"path": "/a"})
    Api(other_project.ingest_key).post("/event", {"path": "/a"})

    pages = [read_page(admin), read_page(admin, page="2")]

    assert "page 1 of 2" in pages[0]
    shown = [[name for name in ("Test", "Other") if f"<td>{name} (" in text] for text in pages]
    assert sorted(shown) == [["Other"], ["Test"]]


def test_gaps_are_stated(admin: Client) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    gap = {"partition": 0, "kind": "rolled_back", "from": now, "to": now + timedelta(minutes=1)}
    collection(LEDGER_GAPS).insert_one({**gap, "fromDay": 1, "toDay": 1, "lost": 4})

    assert "rolled back between 2026-03-01T12:00:00Z" in read_page(admin)


def test_it_needs_the_permission_to_view_and_changes_nothing(
    admin: Client, project: TestProject
) -> None:
    clerk = User.objects.create_user("clerk", is_staff=True)
    client = Client()
    client.force_login(clerk)
    assert client.get(reverse(ADDRESS)).status_code == 403

    clerk.user_permissions.add(Permission.objects.get(codename="view_ledgerline"))
    assert client.get(reverse(ADDRESS)).status_code == 200
    assert admin.get(reverse("admin:upkeep_ledgerline_add")).status_code == 403
