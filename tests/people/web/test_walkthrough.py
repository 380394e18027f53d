"""The walk through the admin API in docs/admin-api.md, as somebody copies it into a shell."""

import re
import subprocess

import pytest

from analytics.projects.models import ApiKey, Project
from people.saved.notes import Note
from people.service_keys import issue_service_key
from people.shares.models import ShareLink
from tests.paths import ROOT
from tests.service import Gunicorn

pytest_plugins = ("tests.service",)


@pytest.mark.slow
def test_every_command_of_the_walk_does_what_it_says(gunicorn: Gunicorn, store: None) -> None:
    text = (ROOT / "docs" / "admin-api.md").read_text()
    [script] = re.findall(r"(?s)```sh\n(.*?)```", text)
    key, secret = issue_service_key("a shell", "alice")
    key.save()

    run = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={
            "PATH": "/usr/bin:/bin",
            "SERVICE": f"http://localhost:{gunicorn.port}",
            "KEY": secret,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    public, retention, link, at = run.stdout.splitlines()
    project = Project.objects.get()
    assert (project.name, project.retention_days) == ("Web shop", 730)
    assert project.allowed_origins == ["https://www.shop.example"]
    assert project.excluded_paths == ["/admin/*"]
    assert ApiKey.objects.get(text=public).project_id == project.pk
    assert ApiKey.objects.count() == 3
    assert retention == "730"
    assert link.startswith(f"http://localhost:{gunicorn.port}/share/")
    assert ShareLink.objects.get().name == "Press"
    assert (at, Note.objects.get().text) == ("2026-03-05T09:42:00Z", "Version 41")
