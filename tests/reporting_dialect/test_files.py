"""Which events there are: each of a view once, by the files that are named and no others."""

from datetime import UTC, datetime, timedelta

import pytest

from reporting.columns.view import StoredRange, Veil
from reporting.questions.table import Span
from reporting.questions.window import Window
from tests.reporting_dialect.asking import DAY, NOON, Files, is_, ms


def test_segments_and_the_tail_count_together(files: Files) -> None:
    files.store({"visitor": 1}, {"visitor": 2})
    files.store({"visitor": 2})
    files.tail.append(files.write({"visitor": 3}))

    assert files.totals("views", "visitors") == (4, 3)


def test_the_window_has_its_start_and_not_its_end(files: Files) -> None:
    moment = timedelta(milliseconds=1)
    assert DAY.start and DAY.end
    ends = [DAY.start - moment, DAY.start, DAY.end - moment, DAY.end]
    files.store(*({"timestamp": each} for each in ends))

    assert files.totals("views") == (2,)
    assert files.totals("views", window=Window(None, DAY.end)) == (3,)
    assert files.totals("views", window=Window(None, None)) == (4,)


def test_a_range_that_was_read_from_stored_events_is_taken_from_there_alone(files: Files) -> None:
    hour = timedelta(hours=1)
    moments = [NOON + hour * n for n in range(6)]
    files.store(*({"title": "segment", "timestamp": each} for each in moments))
    read = files.write(*({"title": "stored", "timestamp": each} for each in moments))
    files.stored.append(StoredRange(ms(moments[1]), ms(moments[3]), (read,)))
    files.stored.append(StoredRange(ms(moments[4]), ms(moments[5]), ()))

    assert files.table("views", by=["title"]) == [("segment", 3), ("stored", 2)]


def test_a_veil_hides_a_user_up_to_its_place_everywhere(files: Files) -> None:
    def at(place: int, user: str | None = "ann") -> dict[str, object]:
        return {"userId": user, "place": place.to_bytes(14, "big"), "visitor": place}

    files.store(at(1), at(1, "bob"), at(1, None))
    files.tail.append(files.write(at(2), at(3)))
    files.veils.append(Veil("ann", (2).to_bytes(14, "big")))

    assert files.totals("views", "visitors", "users") == (3, 2, 2)
    files.veils.append(Veil("bob", b"\xff" * 14))
    assert files.totals("views", "users") == (2, 1)


def test_bots_are_with_the_others_or_not_or_alone(files: Files) -> None:
    files.store({}, {"bot": "Googlebot"}, {"bot": ""})

    assert [files.totals("views", bots=bots) for bots in ("included", "excluded", "only")] == [
        (3,), (1,), (2,),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "env=prod/visitor=9/a.parquet",
        "*.parquet",
        "[a]?.parquet",
        'it\'s "x"; DROP.parquet',
        "ä.parquet",
    ],
)
def test_the_name_of_a_file_or_folder_is_a_name_and_nothing_else(files: Files, name: str) -> None:
    files.segments.append(files.write({"path": "/named"}, name=name))
    files.write({"path": "/other"}, name="a1.parquet")
    files.write({"path": "/other"}, name="other.parquet")

    assert files.table("views", "visitors", by=["path"]) == [("/named", 1, 0)]


def test_a_file_that_is_gone_is_an_error_and_no_smaller_number(files: Files) -> None:
    files.store({})
    files.segments.append(str(files.root / "gone.parquet"))

    with pytest.raises(Exception, match=r"gone\.parquet"):
        files.totals("views")


def test_without_any_file_everything_is_0(files: Files) -> None:
    day = Window(datetime(2026, 11, 9, tzinfo=UTC), DAY.start)

    assert files.totals("views", where=is_("properties.a", "x")) == (0,)
    assert files.table("views", by=["path"]) == []
    assert files.ask("views", by=["path"], compare=Span(window=day)).total == 0


def test_a_veil_over_no_files_hides_nothing_and_harms_nothing(files: Files) -> None:
    files.veils.append(Veil("ann", b"\xff" * 14))
    assert files.totals("views") == (0,)

    files.stored.append(StoredRange(0, 1, ()))
    assert files.totals("views") == (0,)
