"""Segments: filters under a name, of one person or of all members, in every address."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from analytics.databases.mongo import AUDIT, collection
from ingestion.drain.loop import drain
from people.saved.models import MOST_SAVED, Segment
from tests.conftest import Api, TestProject
from tests.dashboard.saved.conftest import Join

GERMANS = "is:path:/de,/at"


def address(project: TestProject, path: str = "saved") -> str:
    return f"/p/{project.row.pk}/{path}"


def keep(client: Client, project: TestProject, name: str, *filters: str, **fields: Any) -> str:
    """Save what an address filters; the filter that stands in the address then."""
    query = "&".join(f"f={each}" for each in filters)
    sent = {"kind": "segment", "act": "save", "name": name, **fields}
    answer = client.post(f"{address(project)}?{query}", sent)
    assert answer.status_code == 302, re.findall(r'role="alert"[^>]*>([^<]*)', text_of(answer))
    [found] = parse_qs(urlsplit(answer["Location"]).query)["f"]
    return found


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def count_paths(client: Client, project: TestProject, *filters: str) -> list[str]:
    page = client.get(address(project, "list/path/rows"), {"f": filters, "period": "today"})
    assert page.status_code == 200
    return re.findall(r'data-key="([^"]*)"', text_of(page))


@pytest.fixture
def visited(project: TestProject) -> TestProject:
    events = [{"path": path, "userId": path} for path in ("/de", "/at", "/fr")]
    assert Api(project.ingest_key).post("/events", events).status_code == 202
    drain(0, force=True)
    return project


def test_a_segment_stands_for_its_filters_and_goes_with_others(
    visited: TestProject, join: Join
) -> None:
    client = join(visited, "viewer")
    found = keep(client, visited, "German readers", GERMANS)

    assert re.fullmatch(r"segment:german-readers-[2-9a-z]{8}", found)
    assert sorted(count_paths(client, visited, found)) == ["/at", "/de"]
    assert count_paths(client, visited, found, "not:path:/at") == ["/de"]
    page = text_of(client.get(address(visited, ""), {"f": found, "full": "1"}))
    assert 'data-metric="visitors" data-value="2"' in page
    assert "<bdi" in page
    assert "German readers" in page


@pytest.mark.parametrize("path", ["", "funnels", "retention", "journeys", "events", "list/path"])
def test_the_filter_menu_of_every_page_offers_segments(
    visited: TestProject, join: Join, path: str
) -> None:
    client = join(visited, "viewer")
    found = keep(client, visited, "Readers", GERMANS)

    page = text_of(client.get(address(visited, path)))
    assert f"f={found}" in page
    chosen = text_of(client.get(address(visited, path), {"f": found}))
    assert re.search(r'data-sets="f" aria-current="true"><bdi>Readers', chosen)


def test_an_address_is_understood_after_a_rename_and_told_after_a_deletion(
    visited: TestProject, join: Join
) -> None:
    client = join(visited, "editor")
    found = keep(client, visited, "Readers", GERMANS, shared="on")
    segment = Segment.objects.get()
    form = {"kind": "segment", "id": segment.pk}

    client.post(address(visited), {**form, "act": "rename", "name": "Lecteurs <b>"})
    assert len(count_paths(client, visited, found)) == 2
    assert len(count_paths(client, visited, f"segment:{segment.pk}")) == 2
    bar = text_of(client.get(address(visited, "bar"), {"f": found}))
    assert "Lecteurs &lt;b&gt;" in bar

    client.post(address(visited), {**form, "act": "delete"})
    assert len(count_paths(client, visited, found)) == 3
    bar = text_of(client.get(address(visited, "bar"), {"f": found}))
    assert re.search(r"Left out: f=segment:readers-\w+ names the segment “Lecteurs &lt;b&gt;”", bar)
    segment.refresh_from_db()
    assert segment.filters == []
    assert read_acts() == ["segment.added", "segment.renamed", "segment.removed"]


def read_acts() -> list[str]:
    entries = collection(AUDIT).find({"act": {"$regex": "^segment"}}, sort=[("at", 1), ("_id", 1)])
    return [entry["act"] for entry in entries]


def test_ones_own_segment_is_nobody_elses_until_an_editor_shares_it(
    visited: TestProject, join: Join
) -> None:
    viewer, editor, other = (join(visited, role) for role in ("viewer", "editor", "viewer"))
    found = keep(editor, visited, "Secret plan", GERMANS)
    form = {"kind": "segment", "id": Segment.objects.get().pk}

    assert len(count_paths(other, visited, found)) == 3
    bar = text_of(other.get(address(visited, "bar"), {"f": found}))
    assert "names no segment that you may see" in bar
    assert "Secret plan" not in bar
    for act in ("rename", "share", "delete"):
        assert viewer.post(address(visited), {**form, "act": act, "name": "x"}).status_code == 404

    assert read_acts() == []
    assert editor.post(address(visited), {**form, "act": "share"}).status_code == 302
    assert read_acts() == ["segment.shared"]
    assert len(count_paths(other, visited, found)) == 2
    for act in ("rename", "share", "delete"):
        assert viewer.post(address(visited), {**form, "act": act, "name": "x"}).status_code == 403
    assert Segment.objects.get().name == "Secret plan"


def test_a_viewer_cannot_save_for_all(visited: TestProject, join: Join) -> None:
    viewer = join(visited, "viewer")
    keep(viewer, visited, "Readers", GERMANS, shared="on")

    assert not Segment.objects.get().is_shared
    own = {"kind": "segment", "id": Segment.objects.get().pk, "act": "share"}
    assert viewer.post(address(visited), own).status_code == 403
    assert not Segment.objects.get().is_shared


def test_a_segment_of_another_project_is_not_there(
    visited: TestProject, other_project: TestProject, signed_in: Client
) -> None:
    found = keep(signed_in, other_project, "Theirs", GERMANS, shared="on")

    assert len(count_paths(signed_in, visited, found)) == 3
    form = {"kind": "segment", "id": Segment.objects.get().pk, "act": "delete"}
    assert signed_in.post(address(visited), form).status_code == 404


def test_a_segment_of_a_segment_holds_its_filters(visited: TestProject, signed_in: Client) -> None:
    found = keep(signed_in, visited, "Readers", GERMANS)
    keep(signed_in, visited, "Fewer", found, "not:path:/at")

    assert Segment.objects.get(name="Fewer").filters == [GERMANS, "not:path:/at"]


@pytest.mark.parametrize(
    ("name", "filters", "told"),
    [
        ("Readers", GERMANS, "There is a segment of this name"),
        ("READERS ", GERMANS, "There is a segment of this name"),
        ("\u200b", GERMANS, "Nothing of this can be seen"),
        ("a\u2028b", GERMANS, "without control characters"),
        ("Other", "", "A segment has 1 to 20 filters"),
    ],
)
def test_what_is_wrong_with_a_segment_is_told(
    visited: TestProject, signed_in: Client, name: str, filters: str, told: str
) -> None:
    keep(signed_in, visited, "Readers", GERMANS)

    sent = {"kind": "segment", "act": "save", "name": name}
    answer = signed_in.post(f"{address(visited)}?f={filters}", sent)

    assert answer.status_code == 200
    assert told in text_of(answer)
    assert Segment.objects.count() == 1


def test_there_are_only_so_many(visited: TestProject, signed_in: Client) -> None:
    Segment.objects.bulk_create(
        Segment(project=visited.row, name=f"s{n}", filters=[GERMANS]) for n in range(MOST_SAVED)
    )
    sent = {"kind": "segment", "act": "save", "name": "One more", "shared": "on"}
    answer = signed_in.post(f"{address(visited)}?f={GERMANS}", sent)

    assert f"There are {MOST_SAVED} already" in text_of(answer)
    assert Segment.objects.count() == MOST_SAVED


def test_no_more_are_shared_than_there_can_be(visited: TestProject, join: Join) -> None:
    """Nor by saving one for oneself, and sharing that."""
    client = join(visited, "editor")
    keep(client, visited, "Mine", GERMANS)
    mine = Segment.objects.get()
    Segment.objects.bulk_create(
        Segment(project=visited.row, name=f"s{n}", filters=[GERMANS]) for n in range(MOST_SAVED)
    )

    act = {"kind": "segment", "id": mine.pk}
    answer = client.post(address(visited), {**act, "act": "share"})

    assert f"There are {MOST_SAVED} already" in text_of(answer)
    mine.refresh_from_db()
    assert not mine.is_shared
    renamed = client.post(address(visited), {**act, "act": "rename", "name": "Still mine"})
    assert renamed.status_code == 302
