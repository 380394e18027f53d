"""What a batch leaves beside its events, for what is derived from them: rollups and columns."""

from collections.abc import Mapping, Sequence
from operator import attrgetter

from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.mongo import Document
from analytics.events.fresh import describe_fresh
from analytics.events.ids import now_ms
from analytics.rollups import make_summaries
from ingestion.store.insert import insert_documents
from ingestion.store.prepare import PreparedEvent

_FACT, _KEY = attrgetter("fact"), attrgetter("key")


def insert_summaries(session: ClientSession, new: Mapping[bytes, Sequence[PreparedEvent]]) -> None:
    """What new events, by project, add to the rollups: a summary per project and bucket."""
    documents: list[Document] = [
        {"project": project, **summary}
        for project, events in new.items()
        for summary in make_summaries(filter(None, map(_FACT, events)))
    ]
    insert_documents(session, mongo.SUMMARIES, documents)


def insert_fresh(session: ClientSession, new: Mapping[bytes, Sequence[PreparedEvent]]) -> None:
    """Which events are new, by project: those that the columns do not have yet."""
    made_ms = now_ms()
    insert_documents(session, mongo.COLUMN_FRESH, [
        describe_fresh(project, map(_KEY, events), made_ms) for project, events in new.items()
    ])  # fmt: skip
