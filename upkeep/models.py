"""What upkeep works on, as the admin reads it; Django neither makes nor writes it."""

from django.db import models

from analytics.databases import mongo
from analytics.databases.fields import HexField


class StoredJob(models.Model):
    """A job of any kind (jobs/job.py)."""

    requested_at = models.DateTimeField("asked for at", db_column="requestedAt")
    requested_by = models.CharField("by", db_column="requestedBy", max_length=200)
    finished_at = models.DateTimeField(db_column="finishedAt", null=True)
    counts = models.JSONField()

    class Meta:
        abstract = True
        managed = False
        ordering = ("-requested_at",)


class Erasure(StoredJob):
    """The job of an erasure (erasure/job.py), without whom it erases."""

    id = models.CharField("erasure", primary_key=True, db_column="_id", max_length=36)
    project = models.BinaryField(max_length=8)
    step = models.CharField(max_length=16)

    class Meta(StoredJob.Meta):
        db_table = mongo.ERASURES

    def __str__(self) -> str:
        return str(self.id)


class ProjectDeletion(StoredJob):
    """The job of a deletion (deletion/job.py), which stays."""

    id = models.CharField("project", primary_key=True, db_column="_id", max_length=16)
    name = models.CharField(max_length=100)
    step = models.CharField(max_length=32)

    class Meta(StoredJob.Meta):
        db_table = mongo.PROJECT_DELETIONS

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


class LedgerLine(models.Model):
    """A line of the books that compaction has added up; the admin shows it with what waits."""

    id = HexField("line", primary_key=True, db_column="_id", max_length=24)

    class Meta:
        managed = False
        db_table = mongo.LEDGER
        verbose_name_plural = "ledger"

    def __str__(self) -> str:
        return str(self.id)
