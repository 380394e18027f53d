"""A file is what its document says, sorted, and made of whole sources alone."""

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from analytics.events.ids import MS_PER_DAY, ms_of_datetime
from columns import writer
from columns.change import Change
from columns.cuts import Box, make_cut
from columns.export import export_project
from columns.files.folder import MARKER, ColumnsUnavailable, make_folder
from columns.segments import (
    DamagedSegment,
    Segment,
    list_segments,
    read_head,
)
from tests.columns.folders import in_either_place, local_folder
from tests.columns.segments import listed, read_rows, read_segment
from tests.conftest import TestProject
from tests.stored import ENRICHED, store_events

pytestmark = in_either_place

DAY = datetime(2026, 3, 5, tzinfo=UTC)


def export(project: TestProject, *events: dict[str, Any]) -> Segment:
    """One more segment, of these events; the one that was not listed before."""
    known = {segment.id for segment in listed(project.id)}
    store_events(project, events)
    export_project(project.id)
    [segment] = [found for found in listed(project.id) if found.id not in known]
    return segment


def at(hours: float, path: str = "/", **enriched: Any) -> dict[str, Any]:
    return {"path": path, "timestamp": DAY + timedelta(hours=hours), ENRICHED: enriched}


def ms(hours: float) -> int:
    return ms_of_datetime(DAY + timedelta(hours=hours))


def test_a_segment_is_what_its_document_says(project: TestProject) -> None:
    segment = export(project, at(5), at(-30), at(2))
    file = local_folder().path_of(segment.id)
    assert file.parent.name == project.id.hex()
    assert (segment.project_id, segment.cut, segment.version) == (project.id, None, 2)
    assert (segment.from_ms, segment.to_ms) == (ms(-30), ms(5))
    content = file.read_bytes()
    assert segment.sum == hashlib.sha256(content).digest()
    assert segment.file_bytes == len(content)
    with duckdb.connect() as engine:
        path = [str(file)]
        rows = "SELECT num_rows FROM parquet_file_metadata(?)"
        assert engine.execute(rows, path).fetchall() == [(segment.rows,)] == [(3,)]
        told = engine.execute("SELECT key, value FROM parquet_kv_metadata(?)", path).fetchall()
        codecs = "SELECT DISTINCT compression FROM parquet_metadata(?)"
        assert engine.execute(codecs, path).fetchall() == [("ZSTD",)]
    metadata = {key.decode(): value.decode() for key, value in told}
    assert int(metadata.pop("row_bytes")) > 100
    assert metadata == {
        "project": project.id.hex(),
        "segment": segment.id[8:].hex(),
        "format": "2",
    }


def test_rows_lie_by_day_then_person_then_time(project: TestProject) -> None:
    """Of whoever has an anonymous id, that is the person."""
    export(
        project,
        at(30, "/6", visitor=1),
        at(3, "/5", visitor=2, anonymous=9),
        at(2, "/2", visitor=7, anonymous=-5),
        at(1, "/3", visitor=5),
        at(1, "/1", visitor=-5),
        at(4, "/4", visitor=5),
    )
    assert [row["path"] for row in read_rows(project.id)] == ["/1", "/2", "/3", "/4", "/5", "/6"]


def test_events_beyond_the_most_of_a_segment_go_into_the_next(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "MAX_ROWS", 2)
    store_events(project, [at(n, f"/{n}") for n in range(5)])
    export_project(project.id)
    assert sorted(segment.rows for segment in listed(project.id)) == [1, 2, 2]
    assert {row["path"] for row in read_rows(project.id)} == {f"/{n}" for n in range(5)}


def test_segments_are_listed_by_their_bounds_both_included(project: TestProject) -> None:
    early, late = export(project, at(0), at(10)), export(project, at(20))

    def found(from_ms: int | None, to_ms: int | None) -> list[Segment]:
        return list_segments(read_head(project.id), from_ms=from_ms, to_ms=to_ms)

    assert found(None, None) == [early, late]
    assert found(ms(10), None) == [early, late]
    assert found(ms(10) + 1, None) == [late]
    assert found(None, ms(20)) == [early]
    assert found(None, ms(20) + 1) == [early, late]
    assert found(ms(11), ms(19)) == []


def test_rows_of_segments_that_meet_a_condition_make_one(project: TestProject) -> None:
    sources = [
        export(project, at(1, "/a", userId="ann"), at(2, "/b", userId="b'ob")),
        export(project, at(0, "/c")),
    ]
    change = Change(project.id, make_folder())
    written = change.writer.write_from(
        sources, 'coalesce("userId", $user || $user) <> $user', {"user": "b'ob"}
    )
    assert written
    assert (written.rows, written.from_ms, written.to_ms) == (2, ms(0), ms(1))
    change.apply([written], sources)
    assert {row["path"] for row in read_rows(project.id)} == {"/a", "/c"}


def test_no_rows_make_no_file(project: TestProject) -> None:
    source = export(project, at(1))
    before = set(local_folder().root.glob("*/*"))
    change = Change(project.id, make_folder())
    assert change.writer.write_from([source], "false") is None
    assert change.writer.write_events([]) == []
    assert set(local_folder().root.glob("*/*")) == before
    change.apply([], [source])
    assert listed(project.id) == []


def test_what_is_known_of_a_segment_besides_is_listed(project: TestProject) -> None:
    source = export(project, at(1))
    change = Change(project.id, make_folder())
    day = source.from_ms // MS_PER_DAY
    cut = make_cut(Box(day, day + 1), "Asia/Tokyo")
    clear_of = frozenset({"b", "a"})
    written = change.writer.write_from([source], cut=cut)
    assert written
    change.apply([replace(written, clear_of=clear_of, since=DAY)], [source])
    [segment] = listed(project.id)
    assert (segment.cut, segment.clear_of, segment.since) == (cut, clear_of, DAY)
    assert segment.days == (day, day + 1)
    assert read_segment(segment)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:-5]),
    "empty": lambda path: path.write_bytes(b""),
    "changed by a bit": flip_a_bit,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_nothing_is_made_of_a_source_that_is(project: TestProject, damage: str) -> None:
    whole, damaged = export(project, at(1)), export(project, at(2))
    DAMAGES[damage](local_folder().path_of(damaged.id))
    change = Change(project.id, make_folder())
    with pytest.raises(DamagedSegment) as raised:
        change.writer.write_from([whole, damaged])
    assert raised.value.segment == damaged


def test_a_source_that_is_missing_with_the_marker_is_not_damaged(project: TestProject) -> None:
    source = export(project, at(1))
    change = Change(project.id, make_folder())
    local_folder().path_of(source.id).unlink()
    (local_folder().root / MARKER).unlink()
    with pytest.raises(ColumnsUnavailable):
        change.writer.write_from([source])


def test_a_segment_of_another_project_is_no_source(
    project: TestProject, other_project: TestProject
) -> None:
    source = export(other_project, at(1))
    change = Change(project.id, make_folder())
    with pytest.raises(ValueError, match="another project"):
        change.writer.write_from([source])


@pytest.mark.nightly
def test_more_rows_than_are_sorted_at_once_make_several_files_and_one_again(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_SORT_BYTES", 16 * 1024 * 1024)
    monkeypatch.setattr(writer, "_GROUP_BYTES", 4 * 1024 * 1024)
    monkeypatch.setattr(writer, "_MEMORY_MB", 110)
    change = Change(project.id, make_folder())
    large = [
        {
            "_id": project.id + n.to_bytes(16, "big"),
            "place": bytes(14),
            "timestamp": n * 7919 % 10_007,
            "ingestedAt": n,
            "path": "/",
            "event": "pageview",
            "properties": {"text": random.Random(n).randbytes(2_000).hex()},
        }
        for n in range(10_007)
    ]
    parts = change.writer.write_events(large)
    change.apply(parts)
    assert sum(part.rows for part in parts) == len(large)
    assert len(parts) == 3
    for _ in ("of several sources", "of one"):
        sources = listed(project.id)
        change = Change(project.id, make_folder())
        written = change.writer.write_from(sources)
        assert written
        change.apply([written], sources)
    [segment] = listed(project.id)
    with duckdb.connect() as engine:
        path = [str(local_folder().path_of(segment.id))]
        found = engine.execute("SELECT timestamp FROM read_parquet(?)", path).fetchnumpy()
    assert list(found["timestamp"]) == list(range(10_007))
    cut = make_cut(Box(0, 0), "UTC")
    with Change(project.id, make_folder()) as change:
        written = change.writer.write_from([segment], cut=cut)
    assert written
    assert (written.rows, written.cut) == (10_007, cut)
