"""`manage.py demo` fills a project, and takes it away again."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from analytics.databases.mongo import EVENTS, collection
from analytics.projects.models import ApiKey, Project
from ingestion.drain.loop import drain
from people.management.commands.demo import NAME
from people.saved.models import Goal, SavedFunnel, Segment
from people.saved.notes import Note
from tests.service import Gunicorn

pytest_plugins = ("tests.service",)

GOALS = {"Newsletter", "Orders", "Reads the journal"}


def make_demo(gunicorn: Gunicorn, **options: object) -> str:
    output = StringIO()
    url = f"http://127.0.0.1:{gunicorn.port}"
    call_command("demo", url=url, stdout=output, **options)
    return output.getvalue()


@pytest.mark.slow
def test_the_service_stores_the_demo_once_however_often_it_is_made(gunicorn: Gunicorn) -> None:
    said = make_demo(gunicorn, days=2)
    project = Project.objects.get(name=NAME)
    drain(0, 30.0)
    of_project = {"project": bytes.fromhex(project.id)}
    stored = collection(EVENTS).count_documents(of_project)

    assert stored > 100
    assert f"{stored:,} events" in said
    assert f"/p/{project.id}/" in said

    notes = Note.objects.filter(project=project).count()
    Segment.of_project(project.id).get().discard()

    make_demo(gunicorn, days=1)
    drain(0, 30.0)
    again = collection(EVENTS).count_documents(of_project)

    assert stored <= again < stored + 100  # what came in the seconds between
    assert {key.state for key in ApiKey.objects.filter(project=project)} == {"revoked"}

    assert set(Goal.of_project(project.id).values_list("name", flat=True)) == GOALS
    assert not Segment.of_project(project.id)  # somebody deleted it, and so it stays
    assert SavedFunnel.of_project(project.id).count() == 1
    assert Note.objects.filter(project=project).count() == notes > 0

    make_demo(gunicorn, remove=True)

    project.refresh_from_db()
    assert project.deleted_at is not None


def test_without_a_demo_there_is_none_to_remove(store: None) -> None:
    with pytest.raises(CommandError, match="no demo"):
        call_command("demo", remove=True)


def test_it_says_that_no_service_answers(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("people.management.commands.demo.TRIES", 1)
    monkeypatch.setattr("people.management.commands.demo.PAUSE_SECONDS", 0.0)
    with pytest.raises(CommandError, match="did not take"):
        call_command("demo", url="http://127.0.0.1:9", days=2)  # today has only begun
