"""`manage.py export_events`: the file and its manifest, whole or not at all."""

import hashlib
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from exchange.outgoing.run import EXPORTS
from tests.conftest import TestProject
from tests.exchange.exports import stored
from tests.stored import store_events
from upkeep.exports.folder import list_names
from upkeep.jobs import engine


@pytest.fixture
def filled(project: TestProject, monkeypatch: pytest.MonkeyPatch) -> TestProject:
    monkeypatch.setattr(engine, "FOLLOW_SECONDS", 0.0)
    store_events(project, [{"path": "/a", "userId": "ada"}, {"path": "/b"}])
    return project


def call(project: TestProject, output: Path, *options: str) -> str:
    told = StringIO()
    call_command("export_events", project.row.id, "--output", str(output), *options, stdout=told)
    return told.getvalue()


def test_it_writes_a_file_and_its_manifest_and_keeps_no_other(
    filled: TestProject, tmp_path: Path
) -> None:
    output = tmp_path / "events.jsonl"
    told = call(filled, output)
    rows = sorted(map(json.loads, output.read_bytes().splitlines()), key=lambda row: row["id"])
    assert rows == stored(filled)
    manifest = json.loads((tmp_path / "events.jsonl.manifest.json").read_text())
    digest = hashlib.sha256(output.read_bytes()).hexdigest()
    assert manifest["files"][0]["sha256"] == digest
    assert told.endswith(f"2 events in {output}\n")
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 2
    assert list_names(filled.id) == []


def test_it_goes_on_with_what_it_was_interrupted_at(
    filled: TestProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "events.csv"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(EXPORTS.strides, "sum", interrupt)
        with pytest.raises(KeyboardInterrupt):
            call(filled, output, "--format", "csv")
    store_events(filled, [{"path": "/later"}])
    told = call(filled, output, "--format", "csv")
    assert "going on" in told
    assert output.read_text().count("\n") == 3
    assert "/later" not in output.read_text()
    assert "going on" not in call(filled, output, "--format", "csv")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--filter", "{"), "is not JSON"),
        (("--start", "yesterday"), "start is"),
        (("--spreadsheet",), "csv alone"),
    ],
)
def test_what_is_asked_wrongly_is_told(
    filled: TestProject, tmp_path: Path, options: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        call(filled, tmp_path / "f", *options)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_and_a_project_that_is_not_are_told(
    filled: TestProject, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="There is no folder"):
        call(filled, tmp_path / "no" / "f")
    with pytest.raises(CommandError, match="There is no project"):
        call_command("export_events", "0" * 16, "--output", str(tmp_path / "f"))
