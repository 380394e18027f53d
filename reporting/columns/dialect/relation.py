"""The events of a question as a relation: each exactly once, by name of column."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

from analytics.events.ids import ms_of_datetime
from columns.engine import read_files
from columns.layout import TYPES
from reporting.columns.dialect.values import Arguments, quote_name
from reporting.columns.view import Veil, View
from reporting.questions.bots import Bots
from reporting.questions.window import Window

_BOTS: dict[Bots, str] = {"excluded": "bot IS NULL", "only": "bot IS NOT NULL"}

_COLUMNS = ", ".join(map(quote_name, TYPES))
_NOTHING = ", ".join(
    f"CAST(NULL AS {type_}) AS {quote_name(name)}" for name, type_ in TYPES.items()
)


def select_events(view: View, window: Window, bots: Bots, arguments: Arguments) -> str:
    """A SELECT of all columns; the engine reads those that are used.

    A range of time that was read from the stored events is taken from there and from nowhere else.
    """
    if not (view.segments or view.tail or any(each.files for each in view.stored)):
        return f"SELECT {_NOTHING} WHERE false"  # the engine refuses arguments that nothing uses
    common = [*_bound(window), *([_BOTS[bots]] if bots in _BOTS else [])]
    common += [_hide(veil, arguments) for veil in view.veils]
    outside = [f"NOT {_between(each.from_ms, each.to_ms)}" for each in view.stored]
    parts = [_select((*view.segments, *view.tail), [*common, *outside])]
    parts += [
        _select(each.files, [*common, _between(each.from_ms, each.to_ms)]) for each in view.stored
    ]
    return " UNION ALL ".join(filter(None, parts))


def _select(files: Sequence[str], conditions: Sequence[str]) -> str:
    if not files:
        return ""
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"SELECT {_COLUMNS} FROM {read_files(files)}{where}"


def _bound(window: Window) -> list[str]:
    bounds = (">=", window.start), ("<", window.end)
    return [f'"timestamp" {sign} {_ms(moment)}' for sign, moment in bounds if moment is not None]


def _between(from_ms: int, to_ms: int) -> str:
    return f'("timestamp" >= {from_ms:d} AND "timestamp" < {to_ms:d})'


def _hide(veil: Veil, arguments: Arguments) -> str:
    user, place = arguments.add(veil.user_id), arguments.add(veil.last_place)
    return f'NOT ("userId" IS NOT NULL AND "userId" = {user} AND place <= {place})'


def _ms(moment: datetime) -> str:
    return str(ms_of_datetime(moment))


def index_units(boundaries: Sequence[datetime]) -> str:
    """The index of an event's unit.

    Stretches of equally long units are computed by one division; a balanced tree of comparisons,
    a few levels deep, finds the stretch. A window without units has no events either.
    """
    starts = list(map(ms_of_datetime, boundaries))
    stretches: list[tuple[int, int, int]] = []  # index and start of its first unit, their length
    for index, (start, end) in enumerate(pairwise(starts)):
        if not stretches or stretches[-1][2] != end - start:
            stretches.append((index, start, end - start))
    return _search(stretches) if stretches else "0"


def _search(stretches: Sequence[tuple[int, int, int]]) -> str:
    if len(stretches) == 1:
        index, start, length = stretches[0]
        return f'{index} + ("timestamp" - {start}) // {length}'
    middle = len(stretches) // 2
    before, after = _search(stretches[:middle]), _search(stretches[middle:])
    return f'CASE WHEN "timestamp" < {stretches[middle][1]} THEN {before} ELSE {after} END'
