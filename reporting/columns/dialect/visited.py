"""Events with their visits: as the columns have them where these hold, else worked out anew.

The owners that have an event on a local day which no segment's visits know of, or that lost one
there, are *touched* on that day. Their visits of that day come from all their events of it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from columns.files.days import day_of, index_days, list_midnights
from columns.files.layout import TYPES, VISIT_TYPES
from columns.files.visits import OWNER, work_out
from reporting.columns.dialect.relation import (
    between,
    bound,
    hide,
    keep_bots,
    leave_out,
    select_files,
    select_stored,
)
from reporting.columns.dialect.restriction import restrict
from reporting.columns.dialect.values import Arguments, quote_name
from reporting.columns.view import View
from reporting.columns.widened import bounds_of, widen
from reporting.questions.bots import Bots
from reporting.questions.window import Window

_OWNED = ("timestamp", "anonymous", "visitor", "bot")


def select_visited(
    view: View,
    window: Window,
    bots: Bots,
    arguments: Arguments,
    zone: str,
    columns: Sequence[str],
) -> str:
    """A SELECT of the events of the window widened to whole local days of `zone`, each once.

    With all of layout.TYPES, and `columns`, which are some of VISIT_TYPES; the engine reads what is
    used. `view` is one of that widened window, opened for `zone`.
    """
    if not view.has_files:
        return _select_nothing(columns)
    whole = widen(window, zone)
    bounds = bounds_of(whole)
    midnights = _list_unsettled(view, bounds, zone)
    if not (midnights or view.cut):
        return _select_nothing(columns)  # before there is an argument, which nothing would use
    hidden = [hide(veil, arguments) for veil in view.veils]
    rows = _Rows(
        view=view,
        common=(*bound(whole), *keep_bots(bots), *restrict(view.restriction, arguments)),
        visible=(*hidden, *leave_out(view.stored)),
        hidden=tuple(hidden),
        names=(*TYPES, *columns),
        begin_ms=bounds[0],
        end_ms=bounds[1],
    )
    if not midnights:
        return rows.select_settled([])[0]
    return _select_both(rows, midnights, columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """What is read of a view: `visible` is what holds of rows of segments and the tail that count,
    `hidden` of all others."""

    view: View
    common: tuple[str, ...]
    visible: tuple[str, ...]
    hidden: tuple[str, ...]
    names: tuple[str, ...]
    begin_ms: int
    end_ms: int

    def select_settled(self, conditions: Sequence[str]) -> list[str]:
        """Rows with the visits that the columns have."""
        return select_files(self.view.cut, self.names, [*self.common, *self.visible, *conditions])

    def select_loose(self, columns: Sequence[str], within: str) -> Iterator[str]:
        """Rows of which no column knows a visit."""
        common = [*self.common, within]
        yield from select_files(self.view.loose, columns, [*common, *self.visible])
        for stored in self.view.stored:
            yield from select_stored(stored, columns, [*common, *self.hidden])

    def select_lost(self, columns: Sequence[str], within: str) -> list[str]:
        """Rows that the visits of columns know, and that count no more."""
        if not self.visible:
            return []
        lost = f"NOT ({' AND '.join(self.visible)})"
        return select_files(self.view.cut, columns, [*self.common, within, lost])


def _select_both(rows: _Rows, midnights: Sequence[int], columns: Sequence[str]) -> str:
    begin, end = midnights[0], midnights[-1]
    within, day = between(begin, end), index_days(midnights)
    loose = list(rows.select_loose(list(TYPES), within))
    settled_within = rows.select_settled([within])
    names = ", ".join(map(quote_name, rows.names))
    if not settled_within:
        return f"SELECT {names} FROM ({work_out(_unite(loose), day, columns)})"
    changed = [*rows.select_loose(_OWNED, within), *rows.select_lost(_OWNED, within)]
    touched = (
        f"SELECT DISTINCT {day} AS touched_day, {OWNER} AS touched_owner "
        f"FROM {_unite(changed)} WHERE bot IS NULL AND {OWNER} IS NOT NULL"
    )
    of_touched = f"touched ON {day} = touched_day AND {OWNER} = touched_owner"
    own = ", ".join(map(quote_name, TYPES))
    again = f"SELECT {own} FROM ({settled_within[0]}) SEMI JOIN {of_touched}"
    parts = [
        *(rows.select_settled([f'"timestamp" < {begin:d}']) if rows.begin_ms < begin else ()),
        *(rows.select_settled([f'"timestamp" >= {end:d}']) if rows.end_ms > end else ()),
        f"SELECT {names} FROM ({settled_within[0]}) ANTI JOIN {of_touched}",
        f"SELECT {names} FROM ({work_out('anew', day, columns)})",
    ]
    anew = " UNION ALL ".join([*loose, again])
    # Both are few, and used more than once.
    common = f"touched AS MATERIALIZED ({touched}), anew AS MATERIALIZED ({anew})"
    return f"WITH {common} {' UNION ALL '.join(parts)}"


def _unite(selects: Sequence[str]) -> str:
    return f"({' UNION ALL '.join(selects)})"


def _list_unsettled(view: View, bounds: tuple[int, int], zone: str) -> list[int]:
    """The midnights of the local days on which visits may have to be worked out anew."""
    if view.unsettled is None:
        raise ValueError("a view that was not opened for visits")
    from_ms, to_ms = max(view.unsettled[0], bounds[0]), min(view.unsettled[1], bounds[1])
    if from_ms >= to_ms:
        return []
    return list_midnights(day_of(from_ms, zone), day_of(to_ms - 1, zone), zone)


def _select_nothing(columns: Sequence[str]) -> str:
    types = TYPES | {name: VISIT_TYPES[name] for name in columns}
    nulls = ", ".join(f"CAST(NULL AS {type_}) AS {quote_name(n)}" for n, type_ in types.items())
    return f"SELECT {nulls} WHERE false"
