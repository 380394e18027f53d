"""Close the books of a deleted project: one sum for the audit in place of its lines."""

from collections import Counter

from analytics.databases import mongo
from analytics.databases import redis_clients as names
from analytics.databases.mongo import collection
from analytics.databases.redis_commands import typed_commands
from analytics.databases.redis_keys import (
    accepted_key,
    addresses_key,
    allowances_key,
    api_keys_used_key,
    quota_key,
    refusals_key,
    usage_key,
)
from analytics.databases.transactions import durable_transaction
from analytics.keys.refusals import list_kept_days
from analytics.projects.models import ApiKey, Project
from analytics.projects.usage import list_months, read_accepted_by_month
from upkeep.deletion.job import Deletion
from upkeep.jobs.job import finish_step
from upkeep.ledger.lines import COLUMNS, read_ledger, read_settled


def close_books(job: Deletion) -> None:
    """Add the project's lines to the job and take them out of the ledger, in one transaction."""
    counts = Counter(accepted=sum(line.accepted for line in read_ledger(job.project_id)))
    usage = _read_usage(job)
    with durable_transaction() as session:
        for line in read_settled(session, job.project_id).values():
            counts.update({column: getattr(line, column) for column in COLUMNS})
        for name in (mongo.LEDGER, mongo.LEDGER_SUMMARIES):
            collection(name).delete_many({"project": job.project_id}, session=session)
        finish_step(job, session, counts, **({"eventsByMonth": usage} if usage else {}))


def _read_usage(job: Deletion) -> dict[str, int]:
    """Accepted events by month `YYYYMM`, as far as Redis knows."""
    return read_accepted_by_month(Project.objects.get(pk=job.id))


def delete_counters(job: Deletion) -> None:
    """What Redis counts of the project. The mirror of its revoked keys stays.

    That record is what keeps a key from coming back (docs/decisions/0004).
    """
    client = typed_commands(names.stream_client())
    months = list_months(Project.objects.get(pk=job.id))
    for name in (
        accepted_key(job.partition),
        allowances_key(job.partition),
        *(usage_key(job.partition, month) for month in months),
    ):
        if fields := [field for field in client.hkeys(name) if field.startswith(job.id.encode())]:
            client.hdel(name, *fields)
    client.delete(quota_key(job.partition, job.id))
    for day in list_kept_days():
        client.delete(refusals_key(job.partition, job.id, day))
    for key_id in ApiKey.objects.filter(project=job.id).values_list("pk", flat=True):
        client.delete(addresses_key(job.partition, key_id))
        client.hdel(api_keys_used_key(), key_id)
    with durable_transaction() as session:
        finish_step(job, session)
