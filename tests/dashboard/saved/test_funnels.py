"""Saved funnels stand on the page of funnels, and ask what they asked."""

import re

from django.test import Client

from people.saved.models import SavedFunnel
from tests.conftest import TestProject
from tests.dashboard.saved.conftest import Join

QUESTION = "s=page:/&s=event:signup:plan:pro&within=7d&by=user"


def save(client: Client, project: TestProject, name: str, **fields: str) -> str:
    sent = {"kind": "funnel", "act": "save", "name": name, **fields}
    answer = client.post(f"/p/{project.row.pk}/saved?{QUESTION}&f=is:country:DE", sent)
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"])


def test_a_saved_funnel_is_offered_and_asks_the_same(project: TestProject, join: Join) -> None:
    editor, viewer = join(project, "editor"), join(project, "viewer")

    where = save(editor, project, "Sign-ups", shared="on")
    save(editor, project, "My own")

    page = viewer.get(where, {"full": "1"}).content.decode()
    assert re.findall(r'class="saved-link" href="([^"]*)"', page) != []
    page = viewer.get(where).content.decode()
    assert "My own" not in page
    link = re.search(r'class="saved-link" href="([^"]*)"( aria-current="true")?', page)
    assert link is not None
    assert link[2]
    asked = link[1].replace("&amp;", "&")
    for part in QUESTION.split("&"):
        assert part in asked
    assert "My own" in editor.get(where).content.decode()


def test_a_funnel_without_two_steps_is_not_saved(project: TestProject, signed_in: Client) -> None:
    sent = {"kind": "funnel", "act": "save", "name": "Half"}
    answer = signed_in.post(f"/p/{project.row.pk}/saved?s=page:/", sent)

    assert answer.status_code == 200
    assert not SavedFunnel.objects.exists()


def test_a_deleted_funnel_is_no_longer_offered(project: TestProject, signed_in: Client) -> None:
    where = save(signed_in, project, "Sign-ups", shared="on")
    funnel = SavedFunnel.objects.get()

    form = {"kind": "funnel", "act": "delete", "id": funnel.pk}
    assert signed_in.post(f"/p/{project.row.pk}/saved", form).status_code == 302

    assert "saved-link" not in signed_in.get(where).content.decode()
    funnel.refresh_from_db()
    assert funnel.question == ""
