"""What receivers refuse is kept to look at: the last few, without addresses, for a week."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pymongo.errors import AutoReconnect

from analytics.databases.mongo import SAMPLES, collection
from analytics.keys import samples
from analytics.keys.records import KeyRecord
from analytics.keys.samples import (
    KEPT,
    KEPT_DAYS,
    MAX_SAMPLE_CHARS,
    delete_samples,
    flush_samples,
    note_sample,
    read_samples,
)
from analytics.projects.key_mirror import make_record
from analytics.projects.models import ApiKey
from tests.conftest import TestProject
from tests.upkeep.erasure.erasures import erase


def record_of(project: TestProject) -> KeyRecord:
    return make_record(ApiKey.objects.get(project=project.row, name="ingest"), project.row)


@pytest.fixture
def key(project: TestProject) -> KeyRecord:
    return record_of(project)


def note(key: KeyRecord, sent: bytes = b"{}", reason: str = "too_long") -> None:
    note_sample(key, "segment", reason, "It is too long.", sent)


def read_texts(project: TestProject) -> list[str]:
    return [sample.text for sample in read_samples(project.id)]


def test_the_last_of_each_reason_are_kept(project: TestProject, key: KeyRecord) -> None:
    for n in range(KEPT + 3):
        note(key, b"%d" % n)
    note(key, b"other", "bad_ip")
    flush_samples()
    for n in range(KEPT + 3, KEPT + 5):
        note(key, b"%d" % n)
    flush_samples()

    texts = read_texts(project)
    assert len(texts) == KEPT + 1
    assert {"other", "24", "5"} <= set(texts)
    assert "4" not in texts


def test_a_sample_says_when_by_which_key_and_why(project: TestProject, key: KeyRecord) -> None:
    note(key)
    flush_samples()

    [sample] = read_samples(project.id)
    assert (sample.key_id, sample.receiver, sample.reason) == (key.key_id, "segment", "too_long")
    assert datetime.now(UTC) - sample.at < timedelta(minutes=1)


@pytest.mark.parametrize(
    "address",
    ["203.0.113.9", "2001:db8::1", "::1", "2001:db8:0:0:0:0:0:1", "::ffff:203.0.113.9"],
)
def test_no_sample_holds_an_address(project: TestProject, key: KeyRecord, address: str) -> None:
    note(key, f'{{"ip":"{address}","at":"2026-01-01T10:00:00Z","clock":"10:00:00"}}'.encode())
    flush_samples()

    [text] = read_texts(project)
    assert text == '{"ip":"(address)","at":"2026-01-01T10:00:00Z","clock":"10:00:00"}'


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ("It came from 203.0.113.9.", "It came from (address)."),
        ("at:2001:db8::1", "at:(address)"),
        ("sdk 1.2.3.4.5 of 10:00:00", "sdk 1.2.3.4.5 of 10:00:00"),
    ],
)
def test_an_address_is_one_also_beside_other_marks(
    project: TestProject, key: KeyRecord, sent: str, text: str
) -> None:
    note(key, sent.encode())
    flush_samples()

    assert read_texts(project) == [text]


def test_a_secret_key_that_a_cut_would_halve_is_not_shown(
    project: TestProject, key: KeyRecord
) -> None:
    addresses = b"2001:db8:1111:2222:3333:4444:5555:6666 "
    for before in range(60, 0, -10):
        for most in (2 * MAX_SAMPLE_CHARS, samples._MOST_HELD_BYTES):
            sent = (addresses * 1_000)[: most - before]
            note(key, sent + project.ingest_key.encode() * 10)
    flush_samples()

    assert not any(project.ingest_key[:20] in text for text in read_texts(project))


def test_of_what_is_long_no_more_is_held_than_may_be_shown(key: KeyRecord) -> None:
    note(key, b"x" * 1_000_000)

    [[held]] = samples._held.values()
    assert len(held["text"]) < 5 * MAX_SAMPLE_CHARS


def test_no_sample_holds_a_secret_key(project: TestProject, key: KeyRecord) -> None:
    note(key, f'{{"writeKey":"{project.ingest_key}"}}'.encode())
    flush_samples()

    [text] = read_texts(project)
    assert project.ingest_key not in text
    assert "ak_live_" in text


@pytest.mark.parametrize("sent", [b"x" * 100_000, b"\xff" * 5_000, "ä".encode() * 50_000])
def test_a_sample_is_cut_whatever_it_holds(
    project: TestProject, key: KeyRecord, sent: bytes
) -> None:
    note(key, sent)
    flush_samples()

    [text] = read_texts(project)
    assert len(text) <= MAX_SAMPLE_CHARS


def test_samples_go_after_a_week(project: TestProject, key: KeyRecord) -> None:
    note(key)
    flush_samples()

    [document] = collection(SAMPLES).find()
    assert document["expiresAt"] - datetime.now(UTC) <= timedelta(days=KEPT_DAYS)
    past = {"$set": {"expiresAt": datetime.now(UTC) - timedelta(seconds=1)}}
    collection(SAMPLES).update_one({}, past)
    assert read_texts(project) == []


def test_what_mongodb_does_not_take_waits_and_is_bounded(
    project: TestProject, key: KeyRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise AutoReconnect("gone")

    with monkeypatch.context() as broken:
        broken.setattr(samples, "_write", fail)
        for n in range(KEPT + 1):
            note(key, b"%d" % n)
            flush_samples()
    flush_samples()

    assert sorted(map(int, read_texts(project))) == list(range(1, KEPT + 1))


def test_the_kinds_that_wait_in_a_process_are_bounded(
    project: TestProject, key: KeyRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "_MAX_KINDS", 2)
    for reason in ("a", "b", "c"):
        note(key, reason.encode(), reason)
    flush_samples()

    assert sorted(read_texts(project)) == ["a", "b"]


def test_an_erasure_takes_all_samples_of_its_project_and_no_others(
    project: TestProject, other_project: TestProject, key: KeyRecord
) -> None:
    note(key)
    note(record_of(other_project))
    flush_samples()

    erase(project, "anybody")

    assert read_texts(project) == []
    assert len(read_texts(other_project)) == 1
    delete_samples(other_project.id)
    assert read_texts(other_project) == []


def test_the_page_of_a_project_shows_them_as_text(project: TestProject, key: KeyRecord) -> None:
    note(key, b"<script>alert(1)</script>")
    flush_samples()
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password="correct horse"))

    page = client.get(reverse("admin:analytics_project_change", args=[project.row.pk]))

    assert b"segment/too_long: It is too long." in page.content
    assert b"&lt;script&gt;alert(1)&lt;/script&gt;" in page.content
