"""Verify the columns: compare the rows of segments with the stored events, day by day."""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.column_documents import VeilDocument
from analytics.databases.documents import typed
from analytics.databases.transactions import Conflict, repeat
from analytics.events.ids import MS_PER_DAY, PROJECT_ID_BYTES, ms_of_datetime, now_ms
from analytics.metrics.sightings import note_columns_verified
from analytics.projects.policy import find_policy, list_projects
from analytics.projects.zones import zone_at
from columns.files.engine import quote, read_files
from columns.files.folder import engine_folder, find_folder
from columns.files.layout import TYPES
from columns.files.rows import encode_row, select_rows
from columns.files.scratch import open_scratch_engine
from columns.rewrite import note_damage
from columns.segments import (
    DamagedSegment,
    Segment,
    hold_file,
    list_segments,
    read_head,
)
from columns.stored import BEGINNING_MS, EVER_MS, find_settled, list_days
from upkeep.columns.differences import Difference, compare, report
from upkeep.columns.visits import compare_visits, list_overlapping

SAMPLE_PROJECTS: Final = 10
SAMPLE_DAYS: Final = 3

_MEMORY_MB = 256
_COLUMNS = ", ".join(f'"{name}"' for name in TYPES)


@dataclass(slots=True)
class Verification:
    """A row of days of one project. What was found to be a sound file is not read again."""

    project_id: bytes
    sound: set[bytes] = field(default_factory=set)

    def list_days(self, from_ms: int = BEGINNING_MS, to_ms: int = EVER_MS) -> list[int]:
        """The UTC days that have stored events, or rows in segments that can be read."""
        from_ms = max(from_ms, self._begin_ms())
        if from_ms >= to_ms:
            return []
        days = set(list_days(self.project_id, from_ms, to_ms))
        segments = list_segments(read_head(self.project_id), from_ms=from_ms, to_ms=to_ms)
        if segments:
            with open_scratch_engine(_MEMORY_MB, [engine_folder()]) as (engine, _):
                for segment in segments:
                    with ExitStack() as held:
                        if not isinstance(found := self._hold(held, engine, segment), str):
                            days.update(_days_of(engine, found, from_ms, to_ms))
        return sorted(days)

    def verify_day(self, day: int) -> tuple[int, list[Difference]]:
        """How many events or files of a UTC day are not right, and which, told by log as well.

        Events from before the raw horizon are left out, as those that are still to be exported.
        Raises ColumnsUnavailable, and Conflict where segments are replaced all the time.
        """
        count, differences = repeat(lambda: self._verify_day(day))
        report(differences)
        return count, differences

    def _verify_day(self, day: int) -> tuple[int, list[Difference]]:
        from_ms, to_ms = max(day * MS_PER_DAY, self._begin_ms()), (day + 1) * MS_PER_DAY
        if from_ms >= to_ms:
            return 0, []
        with (
            open_scratch_engine(_MEMORY_MB, [engine_folder()]) as (engine, temp),
            ExitStack() as held,
        ):
            with mongo.client().start_session(snapshot=True) as session:
                head = read_head(self.project_id, session)
                segments = list_segments(head, session, from_ms=from_ms, to_ms=to_ms)
                _load_veils(engine, self.project_id, session)
                settled = find_settled(self.project_id, session, from_ms, to_ms)
                with (temp / "stored.jsonl").open("wb") as file:
                    file.writelines(encode_row(event) + b"\n" for event in settled)
            files = {segment: self._hold(held, engine, segment) for segment in segments}
            unreadable = [
                Difference(self.project_id, day, "unreadable", segment.id.hex(), (found,))
                for segment, found in files.items()
                if isinstance(found, str)
            ]
            if unreadable:
                return len(unreadable), unreadable
            paths = {each: path for each, path in files.items() if isinstance(path, Path)}
            _make_views(engine, temp, list(paths.values()), from_ms, to_ms)
            count, differences = compare(engine, self.project_id, day)
            zone = zone_at(find_policy(self.project_id).zones, now_ms())
            found = list(list_overlapping(segments, zone, day))
            count, differences = count + len(found), [*differences, *found]
            for segment, path in paths.items():
                more, found = compare_visits(engine, segment, path, from_ms, to_ms, day)
                count, differences = count + more, [*differences, *found]
            return count, differences

    def _begin_ms(self) -> int:
        """From when on segments and what is fresh hold all stored events of the project."""
        horizon = find_policy(self.project_id).raw_horizon
        old_until = read_head(self.project_id).old_until
        return max(
            BEGINNING_MS if horizon is None else ms_of_datetime(horizon),
            BEGINNING_MS if old_until is None else old_until,
        )

    def _hold(
        self, held: ExitStack, engine: duckdb.DuckDBPyConnection, segment: Segment
    ) -> Path | str:
        """The file of a segment, until the end of `held`; or what is wrong with it: it is missing,
        damaged, or another than the list says.

        Then it is noted as damaged, so that maintenance makes good what it held. Raises Conflict
        where the segment was replaced meanwhile, and ColumnsUnavailable.
        """
        is_sound = segment.id in self.sound
        try:
            file = hold_file(find_folder(), segment, anew=not is_sound, is_sound=is_sound)
            path = held.enter_context(file)
            trouble = None if is_sound else _compare_footer(engine, segment, path)
        except (DamagedSegment, duckdb.Error) as exc:
            trouble = str(exc)
        if trouble is None:
            self.sound.add(segment.id)
            return path
        if not note_damage(segment):
            raise Conflict("the segment was replaced")
        return trouble


def _days_of(
    engine: duckdb.DuckDBPyConnection, path: Path, from_ms: int, to_ms: int
) -> Iterator[int]:
    found = engine.execute(
        f'SELECT DISTINCT "timestamp" // {MS_PER_DAY} FROM {read_files([path])} '
        'WHERE "timestamp" >= ? AND "timestamp" < ?',
        [from_ms, to_ms],
    )
    return (day for (day,) in found.fetchall())


def _compare_footer(engine: duckdb.DuckDBPyConnection, segment: Segment, path: Path) -> str | None:
    """Whether a file says of itself what the list says of it."""
    pairs = engine.execute(f"SELECT key, value FROM parquet_kv_metadata({quote(path)})").fetchall()
    said = {bytes(key).decode(): bytes(value).decode() for key, value in pairs}
    owner, own = segment.id[:PROJECT_ID_BYTES].hex(), segment.id[PROJECT_ID_BYTES:].hex()
    if (said.get("project"), said.get("segment")) != (owner, own):
        return f"the file says it is {said.get('segment')} of project {said.get('project')}"
    [held] = engine.execute(
        f'SELECT count(*), min("timestamp"), max("timestamp") FROM {read_files([path])}'
    ).fetchall()
    if held != (segment.rows, segment.from_ms, segment.to_ms):
        return f"the file has {held[0]} rows from {held[1]} to {held[2]}"
    return None


def _load_veils(
    engine: duckdb.DuckDBPyConnection, project_id: bytes, session: ClientSession
) -> None:
    """What erasures under way hide is right whether it is there or not."""
    engine.execute('CREATE TEMP TABLE veils ("userId" VARCHAR, "lastPlace" BLOB)')
    veils = typed(VeilDocument, mongo.COLUMN_VEILS).find({"project": project_id}, session=session)
    for veil in veils:
        engine.execute("INSERT INTO veils VALUES (?, ?)", [veil["userId"], veil["lastPlace"]])


def _make_views(
    engine: duckdb.DuckDBPyConnection,
    temp: Path,
    paths: Sequence[Path],
    from_ms: int,
    to_ms: int,
) -> None:
    """The views `stored` and `listed` (differences.py)."""
    sources = {"stored": f"({select_rows(temp / 'stored.jsonl')})"}
    sources["listed"] = read_files(paths) if paths else "(FROM stored LIMIT 0)"
    for view, source in sources.items():
        engine.execute(
            f"""CREATE TEMP VIEW {view} AS SELECT {_COLUMNS} FROM {source} AS held
            WHERE "timestamp" >= {from_ms} AND "timestamp" < {to_ms} AND NOT EXISTS (
                SELECT 1 FROM veils
                WHERE veils."userId" = held."userId" AND held.place <= veils."lastPlace"
            )"""
        )


def verify_columns_sample() -> None:
    """A few random days of random projects; a difference is an error log and a metric."""
    projects = list_projects()
    drift = 0
    for project in random.sample(projects, min(SAMPLE_PROJECTS, len(projects))):
        verification = Verification(bytes.fromhex(project))
        days = verification.list_days()
        for day in random.sample(days, min(SAMPLE_DAYS, len(days))):
            drift += verification.verify_day(day)[0]
    note_columns_verified(drift)
