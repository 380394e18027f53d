"""Pinned projects stand first on one's own list, nine at most."""

import re

from django.test import Client

from people.saved.pins import MOST_PINS
from tests.conftest import TestProject, make_project
from tests.dashboard.saved.conftest import Join


def read_list(client: Client) -> list[tuple[str, str]]:
    """The first nine, by their keys."""
    page = client.get("/", {"q": ""}).content.decode()
    return re.findall(r'data-hotkey="(\d)"[^>]*><bdi>(\w+)', page)


def pin(client: Client, project: TestProject, pinned: str = "yes") -> str:
    answer = client.post(f"/p/{project.row.pk}/pin", {"pinned": pinned}, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_what_is_pinned_comes_first_with_the_first_keys(store: None, signed_in: Client) -> None:
    projects = {name: make_project(name) for name in ("Ant", "Bee", "Cat", "Dog")}

    for name in ("Dog", "Bee", "Dog"):
        pin(signed_in, projects[name])
    assert [name for _, name in read_list(signed_in)] == ["Dog", "Bee", "Ant", "Cat"]
    assert read_list(signed_in)[0] == ("1", "Dog")

    pin(signed_in, projects["Dog"], "no")
    assert [name for _, name in read_list(signed_in)] == ["Bee", "Ant", "Cat", "Dog"]


def test_pins_are_ones_own_and_of_projects_that_one_sees(
    project: TestProject, other_project: TestProject, join: Join, signed_in: Client
) -> None:
    viewer = join(project, "viewer")

    assert viewer.post(f"/p/{other_project.row.pk}/pin").status_code == 404
    assert viewer.get(f"/p/{project.row.pk}/pin").status_code == 405
    assert Client().post(f"/p/{project.row.pk}/pin").status_code == 302
    pin(viewer, project)

    assert [name for _, name in read_list(signed_in)] == ["Other", "Test"]
    pin(signed_in, project)
    assert [name for _, name in read_list(signed_in)] == ["Test", "Other"]


def test_a_tenth_is_refused_and_told(store: None, signed_in: Client) -> None:
    projects = [make_project(f"P{n}") for n in range(MOST_PINS + 1)]
    for each in projects[:MOST_PINS]:
        pin(signed_in, each)

    assert "You have pinned 9 projects" in pin(signed_in, projects[-1])
    assert len(read_list(signed_in)) == MOST_PINS
    assert "P9" not in [name for _, name in read_list(signed_in)]
    assert "You have pinned" not in pin(signed_in, projects[0])

    projects[0].row.stop()  # a project that is gone takes no place
    assert "You have pinned" not in pin(signed_in, projects[-1])
