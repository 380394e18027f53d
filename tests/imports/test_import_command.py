"""`manage.py import_events`: from a file beside its manifest to stored events, once."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from exchange.incoming.job import list_imports
from exchange.incoming.run import IMPORTS
from exchange.management.commands import import_events
from ingestion.drain.loop import drain
from tests.conftest import TestProject
from tests.exchange.exports import stored
from tests.imports.imports import MAPPING, table
from tests.stored import store_events
from upkeep.imports.folder import list_folders


@pytest.fixture
def exported(
    project: TestProject, other_project: TestProject, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:  # fmt: skip
    monkeypatch.setattr(import_events, "REST_SECONDS", 0.0)
    waiting = IMPORTS.strides["drain"]

    def drain_first(job: Any) -> None:
        drain(job.partition)
        waiting(job)

    monkeypatch.setitem(IMPORTS.strides, "drain", drain_first)
    store_events(project, [{"path": "/a", "userId": "ada"}, {"path": "/b"}])
    output = tmp_path / "events.csv"
    call_command(
        "export_events", project.row.id, "--format", "csv", "--output", str(output),
        stdout=StringIO(),
    )  # fmt: skip
    return output


def call(project: TestProject, path: Path, *options: str) -> str:
    told = StringIO()
    call_command("import_events", project.row.id, str(path), *options, stdout=told)
    return told.getvalue()


def test_it_imports_an_export_and_says_so_and_keeps_no_file(
    exported: Path, project: TestProject, other_project: TestProject
) -> None:
    told = call(other_project, exported)
    assert "it seems to be own" in told
    assert "2 imported" in told
    assert stored(other_project) == stored(project)
    assert "0 imported\n2 were stored already" in call(other_project, exported)
    assert list_folders(other_project.id) == []


def test_a_file_that_is_not_the_one_of_its_manifest_is_refused(
    exported: Path, other_project: TestProject
) -> None:
    exported.write_bytes(exported.read_bytes()[:-1])
    with pytest.raises(CommandError, match="changed, or cut short"):
        call(other_project, exported)
    exported.with_name("events.csv.manifest.json").write_text("[]")
    with pytest.raises(CommandError, match="no manifest"):
        call(other_project, exported)
    assert list_imports(other_project.id) == []
    assert list_folders(other_project.id) == []


def test_a_dry_run_tells_and_imports_nothing(exported: Path, other_project: TestProject) -> None:
    assert "2 would be imported\n0 are stored already" in call(other_project, exported, "--dry-run")
    assert stored(other_project) == []


def test_it_goes_on_with_what_it_was_interrupted_at(
    exported: Path, other_project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(IMPORTS.strides, "admit", interrupt)
        with pytest.raises(KeyboardInterrupt):
            call(other_project, exported)
    told = call(other_project, exported)
    assert "going on" in told
    assert "2 imported" in told
    assert len(list_imports(other_project.id)) == 1


def test_the_meaning_of_columns_is_told_and_to_be_confirmed(
    exported: Path, other_project: TestProject, tmp_path: Path
) -> None:
    path, mapping = tmp_path / "table.csv", tmp_path / "mapping.json"
    path.write_bytes(table(("2024-05-01T10:00:00Z", "/a", "ada", "", "", "")))
    with pytest.raises(CommandError, match="with --mapping"):
        call(other_project, path)
    mapping.write_text(json.dumps(MAPPING))
    assert "1 imported" in call(other_project, path, "--mapping", str(mapping))
    mapping.write_text('{"shoes": 1}')
    with pytest.raises(CommandError, match="shoes"):
        call(other_project, path, "--mapping", str(mapping))


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"\x00\x01\x02", "NULs"), (b"a\nb\n", "nothing that is known")],
)
def test_what_is_no_source_is_told(
    exported: Path, other_project: TestProject, tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "strange"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=reason):
        call(other_project, path)
    assert list_folders(other_project.id) == []
