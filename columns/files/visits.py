"""Visits, worked out from events: one SQL for what is written and for what is asked.

A *stay* is the events of one owner on one local day, each less than PAUSE_MS after the one before.
A visit is a stay from its first event with a name of its own on, if it holds a pageview. Events of
bots, and of nobody, are in no stay.
"""

from collections.abc import Collection
from typing import Final

from analytics.events.event import PAGEVIEW
from columns.files.layout import OF_VISITS, VISIT_TYPES

PAUSE_MS: Final = 1_800_000
"""A visit ends before an event that comes so long after the one before it."""

OWNER: Final = 'coalesce("anonymous", "visitor")'
"""Whose visit an event is of; null: it is in none."""

RESERVED: Final = "starts_with(\"event\", '$')"
"""Whether an event has a reserved name: it begins no visit, and extends the one it comes in."""

_STAY_OWNER: Final = f'CASE WHEN "bot" IS NULL THEN {OWNER} END'
_IS_VIEW: Final = f"\"event\" = '{PAGEVIEW}'"
# Of one millisecond pageviews come first, then the bytes of the id decide.
_IS_IN: Final = (
    f'("timestamp" > _begun.ms OR "timestamp" = _begun.ms'
    f' AND (NOT {RESERVED} OR NOT _begun.other OR "id" > _begun.id))'
)
_VALUES: Final = {
    "visitStart": "_begun.ms",
    "visitMs": "_ended - _begun.ms",
    "visitViews": "_views",
    "visitBounced": "_views = 1 AND _others = 0",
    "entryPath": "_entry.path",
    "exitPath": "_leave.path",
}


def work_out(rows: str, day: str, columns: Collection[str]) -> str:
    """A SELECT of all columns of `rows`, and of `columns`: some of layout.VISIT_TYPES.

    `rows` can stand in a FROM. It has whole local days of everybody whose visits are to be right,
    and id, timestamp, event, bot, anonymous, visitor, path, and what of OF_VISITS is asked for; no
    column of VISIT_TYPES, and none whose name begins with `_`. `day` is an SQL expression of
    "timestamp" that tells local days apart. An event in no visit has null there, false in
    visitFirst, and its own in the columns of OF_VISITS.

    Only narrow columns are sorted. The rows pass by one after the other, nearly in their order.
    """
    told = "".join(f", {_tell(name)}" for name in VISIT_TYPES if name in columns)
    of_first = {own: name for own, name in OF_VISITS.items() if name in columns}
    joined = "_visits"
    if of_first:
        joined = f"""(
            SELECT _visits.*{"".join(f', "{own}" AS "{name}"' for own, name in of_first.items())}
            FROM _rows JOIN _visits
            ON {OWNER} = _owner AND "timestamp" = _entry.ms AND "id" = _entry.id
        )"""
    return f"""WITH _rows AS NOT MATERIALIZED (SELECT * FROM {rows}), {_select_visits(day)}
        SELECT _rows.*{told} FROM _rows LEFT JOIN {joined} AS _visit
        ON {_STAY_OWNER} = _owner AND {day} = _day
        AND "timestamp" >= _begun.ms AND "timestamp" <= _ended"""


def _select_visits(day: str) -> str:
    """The common table expressions, of `_rows`, that end with `_visits`: a row for each."""
    by_owner = "OVER (PARTITION BY _owner, _day ORDER BY _ms)"
    return f"""
        _held AS NOT MATERIALIZED (
            SELECT {_STAY_OWNER} AS _owner, {day} AS _day, "timestamp" AS _ms, "id" AS _id,
                "path" AS _path, {_IS_VIEW} AS _is_view, NOT {RESERVED} AS _is_named
            FROM _rows WHERE _owner IS NOT NULL
        ),
        _marked AS NOT MATERIALIZED (
            SELECT *, coalesce(_ms - lag(_ms) {by_owner} >= {PAUSE_MS}, true) AS _begins FROM _held
        ),
        _numbered AS NOT MATERIALIZED (
            SELECT *, count(*) FILTER (_begins) {by_owner} AS _stay FROM _marked
        ),
        _visits AS NOT MATERIALIZED (
            SELECT _owner, _day, max(_ms) AS _ended, count(*) FILTER (_is_view) AS _views,
                count(*) FILTER (_is_named AND NOT _is_view) AS _others,
                min({{'ms': _ms, 'other': NOT _is_view, 'id': _id}}) FILTER (_is_named) AS _begun,
                min({{'ms': _ms, 'id': _id, 'path': _path}}) FILTER (_is_view) AS _entry,
                max({{'ms': _ms, 'id': _id, 'path': _path}}) FILTER (_is_view) AS _leave
            FROM _numbered GROUP BY _owner, _day, _stay HAVING _views > 0
        )"""


def _tell(name: str) -> str:
    """A column of VISIT_TYPES, with its name."""
    if name == "visitFirst":
        is_first = '"timestamp" = _begun.ms AND "id" = _begun.id'
        return f'coalesce({is_first}, false) AS "{name}"'
    if name in _VALUES:
        return f'CASE WHEN {_IS_IN} THEN {_VALUES[name]} END AS "{name}"'
    own = _OWN_OF[name]
    return f'CASE WHEN {_IS_IN} THEN _visit."{name}" ELSE _rows."{own}" END AS "{name}"'


_OWN_OF: Final = {name: own for own, name in OF_VISITS.items()}
