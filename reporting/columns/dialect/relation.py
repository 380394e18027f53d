"""The events of a question as a relation: each exactly once, by name of column."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from analytics.events.ids import ms_of_datetime
from columns.files.days import index_days
from columns.files.engine import read_files
from columns.files.layout import TYPES
from reporting.columns.dialect.restriction import restrict
from reporting.columns.dialect.values import Arguments, quote_name
from reporting.columns.view import StoredRange, Veil, View
from reporting.questions.bots import Bots
from reporting.questions.window import Window

_BOTS: dict[Bots, str] = {"excluded": "bot IS NULL", "only": "bot IS NOT NULL"}

_NOTHING = ", ".join(
    f"CAST(NULL AS {type_}) AS {quote_name(name)}" for name, type_ in TYPES.items()
)


def select_events(view: View, window: Window, bots: Bots, arguments: Arguments) -> str:
    """A SELECT of all columns; the engine reads those that are used.

    A range of time that was read from the stored events is taken from there and from nowhere else.
    """
    if not view.has_files:
        return f"SELECT {_NOTHING} WHERE false"  # the engine refuses arguments that nothing uses
    common = [*bound(window), *keep_bots(bots), *(hide(veil, arguments) for veil in view.veils)]
    common += restrict(view.restriction, arguments)
    files = (*view.segments, *view.tail)
    return " UNION ALL ".join(
        [*select_files(files, TYPES, [*common, *leave_out(view.stored)])]
        + [part for stored in view.stored for part in select_stored(stored, TYPES, common)]
    )


def select_files(
    files: Sequence[str], columns: Iterable[str], conditions: Sequence[str]
) -> list[str]:
    """The SELECT of rows that meet all conditions; none without files."""
    if not files:
        return []
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return [f"SELECT {', '.join(map(quote_name, columns))} FROM {read_files(files)}{where}"]


def select_stored(
    stored: StoredRange, columns: Iterable[str], conditions: Sequence[str]
) -> list[str]:
    """As `select_files`, of a range that was read from the stored events."""
    return select_files(stored.files, columns, [*conditions, between(stored.from_ms, stored.to_ms)])


def bound(window: Window) -> list[str]:
    bounds = (">=", window.start), ("<", window.end)
    return [f'"timestamp" {sign} {_ms(moment)}' for sign, moment in bounds if moment is not None]


def keep_bots(bots: Bots) -> list[str]:
    return [_BOTS[bots]] if bots in _BOTS else []


def leave_out(stored: Sequence[StoredRange]) -> list[str]:
    """What holds of rows that count although ranges were read from the stored events."""
    return [f"NOT {between(each.from_ms, each.to_ms)}" for each in stored]


def between(from_ms: int, to_ms: int) -> str:
    return f'("timestamp" >= {from_ms:d} AND "timestamp" < {to_ms:d})'


def hide(veil: Veil, arguments: Arguments) -> str:
    user, place = arguments.add(veil.user_id), arguments.add(veil.last_place)
    return f'NOT ("userId" IS NOT NULL AND "userId" = {user} AND place <= {place})'


def _ms(moment: datetime) -> str:
    return str(ms_of_datetime(moment))


def index_units(boundaries: Sequence[datetime]) -> str:
    """The index of an event's unit. A window without units has no events either."""
    return index_days(list(map(ms_of_datetime, boundaries)))
