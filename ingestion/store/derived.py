"""What a batch leaves beside its events, for what is derived from them: rollups and columns."""

from collections.abc import Sequence

from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.mongo import Document
from analytics.events.fresh import describe_fresh
from analytics.events.ids import now_ms
from analytics.rollups import TABLES_FORMAT, Fact, summarize_facts
from ingestion.store.insert import insert_documents
from ingestion.store.prepare import PreparedEvent


def insert_summaries(session: ClientSession, events: Sequence[PreparedEvent]) -> None:
    """What the new events add to the rollups, per project and 15-minute bucket."""
    by_project: dict[bytes, list[Fact]] = {}
    for event in events:
        if event.fact:
            by_project.setdefault(event.project_id, []).append(event.fact)
    documents: list[Document] = [
        {"project": project, "bucket": bucket, "v": TABLES_FORMAT, "tables": tables}
        for project, facts in by_project.items()
        for bucket, tables in summarize_facts(facts).items()
    ]
    insert_documents(session, mongo.SUMMARIES, documents)


def insert_fresh(session: ClientSession, events: Sequence[PreparedEvent]) -> None:
    """Which events are new, per project: those that the columns do not have yet."""
    keys: dict[bytes, list[bytes]] = {}
    for event in events:
        keys.setdefault(event.project_id, []).append(event.key)
    made_ms = now_ms()
    insert_documents(session, mongo.COLUMN_FRESH, [
        describe_fresh(project, new, made_ms) for project, new in keys.items()
    ])  # fmt: skip
