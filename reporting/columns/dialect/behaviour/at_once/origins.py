"""What the first event of each chain had of the dimension, as a SELECT of person, chain and d0
(`behaviour.origins` says which event that is)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reporting.columns.dialect.behaviour.at_once.chains import (
    join_signature,
    list_signatures,
    spell_count,
)
from reporting.columns.dialect.behaviour.chains import read_signature
from reporting.columns.dialect.behaviour.hits import Hits
from reporting.columns.dialect.behaviour.matching import find_first_masks

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_MOST_OF_A_MASK = 9  # as many as there can be steps, and the first event


def select_origins(engine: "DuckDBPyConnection", hits: Hits, chains: str) -> str:
    """Of `chains`, whose arguments `hits` has. Raises BadRequest (`query_too_large`)."""
    rivals = _select_rivals(hits, chains)
    barred = _find_barred(engine, rivals, hits.arguments.values)
    passes = "mask & 1 <> 0"
    if barred:
        rival = "signature || ' ' || CAST(mask AS VARCHAR)"
        passes += f" AND {rival} NOT IN (SELECT unnest({hits.arguments.add(barred)}))"
    return (
        "SELECT person, chain, arg_min({'key': key}, place).key AS d0 "
        f"FROM ({rivals}) WHERE {passes} GROUP BY person, chain"
    )


def _select_rivals(hits: Hits, chains: str) -> str:
    """The events of the moments in which chains begin, by their mask: where the first of them
    stands, and its key. `signature` is all of the moment."""
    place = "{'other': late, 'id': id}"
    begun = (
        "SELECT c.person AS person, c.chain AS chain, h.mask AS mask, count(*) AS events, "
        f"min({place}) AS place, arg_min({{'key': d0}}, {place}).key AS key "
        f"FROM (SELECT *, chain[1] AS t1 FROM ({chains})) c "
        f"JOIN ({hits.select(with_key=True)}) h ON h.person = c.person AND h.t = c.t1 "
        "GROUP BY c.person, c.chain, h.mask"
    )
    of_all = "OVER (PARTITION BY person)"
    parts = f"list({spell_count('events', _MOST_OF_A_MASK)}) {of_all}"
    taken = "len(list_filter(chain, lambda later: later = chain[1]))"
    return (
        f"SELECT *, CAST({taken} AS VARCHAR) || ' ' || {join_signature('parts')} AS signature "
        f"FROM (SELECT *, {parts} AS parts, count(*) {of_all} AS masks FROM ({begun}))"
    )


def _find_barred(engine: "DuckDBPyConnection", rivals: str, values: Mapping[str, Any]) -> list[str]:
    """The rivals that begin no chain, each with its signature."""
    barred = []
    for signature in list_signatures(engine, f"({rivals}) WHERE masks > 1", values):
        taken, _, events = signature.partition(" ")
        counts = read_signature(events)
        first = find_first_masks(counts, int(taken))
        barred += [f"{signature} {mask}" for mask in counts if mask & 1 and mask not in first]
    return barred
