"""Funnels, retention and journeys, also of `period: all`."""

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from reporting.answers import FunnelAnswer, JourneysAnswer, RetentionAnswer
from reporting.columns.dialect.behaviour import funnel, journeys, retention
from reporting.columns.dialect.listing import find_first_event
from reporting.columns.view import View
from reporting.questions.funnel import FunnelQuery
from reporting.questions.journeys import JourneysQuery
from reporting.questions.language.windowed import begin_windowed
from reporting.questions.retention import RetentionQuery
from reporting.questions.window import Window

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Q = TypeVar("Q", FunnelQuery, RetentionQuery, JourneysQuery)
A = TypeVar("A", FunnelAnswer, RetentionAnswer, JourneysAnswer)


def answer_funnel(engine: "DuckDBPyConnection", view: View, query: FunnelQuery) -> FunnelAnswer:
    query = _begin(engine, view, query)
    return _tell(funnel.answer_funnel(engine, view, query), query.window)


def answer_retention(
    engine: "DuckDBPyConnection", view: View, query: RetentionQuery
) -> RetentionAnswer:
    query = _begin(engine, view, query)
    return _tell(retention.answer_retention(engine, view, query), query.window)


def answer_journeys(
    engine: "DuckDBPyConnection", view: View, query: JourneysQuery
) -> JourneysAnswer:
    query = _begin(engine, view, query)
    return _tell(journeys.answer_journeys(engine, view, query), query.window)


def _begin(engine: "DuckDBPyConnection", view: View, query: Q) -> Q:
    if query.window.start is not None:
        return query
    return begin_windowed(query, find_first_event(engine, view, query.bots))


def _tell(answer: A, counted: Window) -> A:
    return replace(answer, provenance=replace(answer.provenance, counted=counted))
