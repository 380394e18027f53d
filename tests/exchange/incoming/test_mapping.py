"""CSV and JSON lines of anybody: the mapping that is guessed, and rows by a mapping."""

import json

import pytest

from exchange.incoming.files.errors import SourceError
from exchange.incoming.mapping import Mapping
from exchange.incoming.options import Options
from exchange.incoming.sources.brief import Brief
from exchange.incoming.sources.mapped.guessing import guess_mapping
from exchange.incoming.sources.mapped.sampling import sample
from tests.exchange.incoming.reading import (
    LIMITS,
    detect_source,
    only_row,
    read_here,
    reasons_of,
    unpack,
)

MOMENT = 1_748_772_672_000  # 2025-06-01T10:11:12Z


def guess_of(content: str) -> Mapping:
    source = detect_source(content)
    assert source in ("csv", "jsonl")
    return guess_mapping(sample(unpack(content), source, Brief(None, Options(), LIMITS)))


def test_columns_are_guessed_by_their_names_however_they_are_spelled() -> None:
    content = (
        "Event Name;createdAt;Page URL;userId;anonymous_id;$referrer;plan\n"
        "signup;2025-06-01T10:11:12Z;https://a.example/x;u1;a1;https://b.example/;pro\n"
    )
    guessed = guess_of(content)
    assert guessed.fields == {
        "event": "Event Name", "timestamp": "createdAt", "url": "Page URL", "user_id": "userId",
        "visitor": "anonymous_id", "referrer": "$referrer",
    }  # fmt: skip
    assert (guessed.time_format, guessed.properties) == ("iso", ["plan"])


def test_columns_whose_names_tell_nothing_are_guessed_by_their_values() -> None:
    guessed = guess_of("a,b,c\n2025-06-01 10:11:12,/x,1\n2025-06-01 10:11:13,/y,2\n")
    assert guessed.fields == {"timestamp": "a", "path": "b"}


def test_a_name_whose_values_do_not_fit_is_no_field() -> None:
    guessed = guess_of("time,path,location,when\n12,/x,Vienna,2025-06-01\n")
    assert guessed.fields == {"timestamp": "when", "path": "path"}
    assert guessed.properties == ["time", "location"]


@pytest.mark.parametrize(
    ("moment", "time_format"),
    [
        ("2025-06-01T10:11:12Z", "iso"),
        ("2025-06-01 12:11:12+02", "iso"),
        ("1748772672", "seconds"),
        ("1748772672.0", "seconds"),
        ("1748772672000", "milliseconds"),
        ("1748772672000000", "microseconds"),
        ("1748772672000000000", "nanoseconds"),
        ("01.06.2025 10:11:12", "%d.%m.%Y %H:%M:%S"),
        ("01/06/2025 10:11:12", "%d/%m/%Y %H:%M:%S"),
        ("06/31/2025 10:11:12".replace("31", "30"), "%m/%d/%Y %H:%M:%S"),
        ("01/Jun/2025:10:11:12 +0000", "%d/%b/%Y:%H:%M:%S %z"),
        ("20250601101112", "%Y%m%d%H%M%S"),
    ],
)
def test_the_format_of_times_is_guessed_and_read(moment: str, time_format: str) -> None:
    content = f"time,path\n{moment},/x\n"
    guessed = guess_of(content)
    assert (guessed.fields["timestamp"], guessed.time_format) == ("time", time_format)
    if "30" not in moment:
        assert only_row(read_here(content, "csv", guessed)).timestamp == MOMENT


def test_few_bad_rows_do_not_hide_what_a_column_is() -> None:
    content = "time,path\n" + "2025-06-01 10:11:12,/x\n" * 9 + "total,9\n"
    guessed = guess_of(content)
    assert guessed.fields == {"timestamp": "time", "path": "path"}
    assert reasons_of(read_here(content, "csv", guessed)) == [*[None] * 9, "bad_time"]


def test_objects_in_json_are_columns_by_their_path_and_one_of_them_the_properties() -> None:
    entry = {
        "event": "signup", "timestamp": "2025-06-01T10:11:12Z",
        "context": {"page": {"url": "https://a.example/x"}, "ip": "203.0.113.7"},
        "properties": {"plan": "pro", "seats": 3},
    }  # fmt: skip
    content = json.dumps(entry) + "\n"
    guessed = guess_of(content)
    assert guessed.fields["url"] == "context.page.url"
    assert (guessed.properties_from, guessed.properties) == ("properties", [])
    event = only_row(read_here(content, "jsonl", guessed))
    assert (event.event, event.url, event.ip) == ("signup", "https://a.example/x", "203.0.113.7")
    assert event.properties == {"plan": "pro", "seats": 3}


MAPPING = Mapping(fields={"timestamp": "t", "path": "p", "event": "e"})


def test_a_row_has_what_is_mapped_and_constants_where_it_has_nothing() -> None:
    mapping = Mapping(
        fields={"timestamp": "t", "path": "p", "hostname": "h"},
        constants={"hostname": "a.example", "event": "visit"},
    )
    first, second = read_here("t,p,h\n2025-06-01,/x,\n2025-06-01,/x,b.example\n", "csv", mapping)
    assert (first.event, first.hostname, second.hostname) == ("visit", "a.example", "b.example")  # type: ignore[union-attr]


def test_rows_without_a_column_of_names_are_views() -> None:
    mapping = Mapping(fields={"timestamp": "t", "path": "p"})
    assert only_row(read_here("t,p\n2025-06-01,/x\n", "csv", mapping)).event == "pageview"


def test_times_without_an_offset_are_of_the_zone_that_was_chosen() -> None:
    mapping = Mapping(fields={"timestamp": "t", "path": "p"}, time_zone="Europe/Vienna")
    local = only_row(read_here("t,p\n2025-06-01 12:11:12,/x\n", "csv", mapping))
    with_offset = only_row(read_here("t,p\n2025-06-01 10:11:12Z,/x\n", "csv", mapping))
    day = only_row(read_here("t,p\n2025-06-01,/x\n", "csv", mapping))
    assert local.timestamp == with_offset.timestamp == MOMENT
    assert day.timestamp == MOMENT - (12 * 3600 + 11 * 60 + 12) * 1000


def test_properties_of_a_csv_are_numbers_only_where_they_are_written_as_such() -> None:
    mapping = Mapping(
        fields={"timestamp": "t", "path": "p"}, properties=["n", "zip", "big", "yes", "no"]
    )
    row = "2025-06-01,/x,12.5,01210,12345678901234567890,true,\n"
    event = only_row(read_here("t,p,n,zip,big,yes,no\n" + row, "csv", mapping))
    assert event.properties == {
        "n": 12.5, "zip": "01210", "big": "12345678901234567890", "yes": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (",/x,a", "no_time"),
        ("soon,/x,a", "bad_time"),
        ("1969-01-01,/x,a", "bad_time"),
        ("9999-01-01,/x,a", "bad_time"),
        ("2025-06-01,/x,", "no_name"),
        ("2025-06-01,,a", "no_page"),
        ("2025-06-01,/x", "bad_row"),
        ("2025-06-01,/x,a,b", "bad_row"),
        ('2025-06-01,"/x"y,a', "bad_row"),
    ],
)
def test_a_row_that_says_no_event_is_left_out_and_the_next_is_read(row: str, reason: str) -> None:
    items = read_here(f"t,p,e\n{row}\n2025-06-01,/x,a\n", "csv", MAPPING)
    assert reasons_of(items) == [reason, None]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not_json"),
        ("[1]", "not_json"),
        ('{"t":"2025-06-01","p":{},"e":"a"}', "bad_value"),
        ('{"t":"2025-06-01","p":"/x","e":"a","q":' + "[" * 20 + "]" * 20 + "}", "too_deep"),
        ('{"t":"2025-06-01","p":"/x","e":"a","q":' + "[" * 9000 + "]" * 9000 + "}", "too_deep"),
        ('{"t":["2025-06-01"],"p":"/x","e":"a"}', "bad_time"),
    ],
)
def test_a_line_of_json_that_says_no_event_is_left_out(line: str, reason: str) -> None:
    good = '{"t":"2025-06-01","p":"/x","e":"a"}'
    assert reasons_of(read_here(f"{good}\n{line}\n\n{good}", "jsonl", MAPPING)) == [
        None, reason, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "mapping",
    [
        None,
        Mapping(fields={"path": "p"}),
        Mapping(fields={"timestamp": "t", "path": "q"}),
        Mapping(fields={"timestamp": "t", "colour": "p"}),
        Mapping(fields={"timestamp": "t"}, constants={"colour": "red"}),
        Mapping(fields={"timestamp": "t"}, time_zone="Mars/Base"),
        Mapping(fields={"timestamp": "t"}, time_zone="../../etc/passwd"),
        Mapping(fields={"timestamp": "t"}, properties=["q"]),
        Mapping(fields={"timestamp": "twice"}),
    ],
)
def test_a_mapping_that_does_not_fit_the_file_is_refused_before_any_row(
    mapping: Mapping | None,
) -> None:
    with pytest.raises(SourceError, match="bad_mapping"):
        read_here("t,p,e,twice,twice\n2025-06-01,/x,a,,\n", "csv", mapping)


def test_a_json_array_is_refused_with_what_to_do() -> None:
    with pytest.raises(SourceError, match="one object a line"):
        read_here('[{"t":"2025-06-01"}]', "jsonl", MAPPING)


def test_a_column_whose_name_is_a_text_of_its_own_is_not_offered() -> None:
    """A small file could have a thousand names of many kilobytes: more than a document holds."""
    content = json.dumps({"timestamp": 1, "path": "/a", "k" * 20_000: {"a": 1, "b": 2}})
    found = sample(unpack(content), "jsonl", Brief(None, Options(), LIMITS))
    assert list(found) == ["timestamp", "path"]
