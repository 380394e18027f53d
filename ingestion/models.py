"""The service's own collections as the admin reads them; Django neither makes nor writes them."""

from django.db import models

from analytics.databases import mongo
from analytics.databases.fields import HexField
from ingestion.letters.letter import STATES
from ingestion.store.prepare import REASONS


class Erasure(models.Model):
    """The job of an erasure (erasure/job.py), without whom it erases."""

    id = models.CharField("erasure", primary_key=True, db_column="_id", max_length=36)
    project = models.BinaryField(max_length=8)
    requested_at = models.DateTimeField("asked for at", db_column="requestedAt")
    requested_by = models.CharField("by", db_column="requestedBy", max_length=200)
    finished_at = models.DateTimeField(db_column="finishedAt", null=True)
    step = models.CharField(max_length=16)
    counts = models.JSONField()

    class Meta:
        managed = False
        db_table = mongo.ERASURES
        ordering = ("-requested_at",)

    def __str__(self) -> str:
        return str(self.id)


class ProjectDeletion(models.Model):
    """The job of a deletion (deletion/job.py), which stays."""

    id = models.CharField("project", primary_key=True, db_column="_id", max_length=16)
    name = models.CharField(max_length=100)
    requested_at = models.DateTimeField("asked for at", db_column="requestedAt")
    requested_by = models.CharField("by", db_column="requestedBy", max_length=200)
    finished_at = models.DateTimeField(db_column="finishedAt", null=True)
    step = models.CharField(max_length=32)
    counts = models.JSONField()

    class Meta:
        managed = False
        db_table = mongo.PROJECT_DELETIONS
        ordering = ("-requested_at",)

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"


class DeadLetter(models.Model):
    """An accepted event that cannot be stored (letters/). Its id is project and place."""

    id = HexField("letter", primary_key=True, db_column="_id", max_length=44)
    project = HexField(max_length=16)
    event_id = models.CharField("event id", db_column="eventId", max_length=128)
    reason = models.CharField(max_length=32, choices=[(reason, reason) for reason in REASONS])
    status = models.CharField(max_length=16, choices=[(state, state) for state in STATES])
    detail = models.TextField("error")
    payload = models.BinaryField()
    original = models.BinaryField(null=True)
    ip = models.CharField("IP address", max_length=45, null=True)
    user_agent = models.TextField(db_column="userAgent", null=True)
    accepted_at = models.DateTimeField("accepted", db_column="acceptedAt")
    buried_at = models.DateTimeField("buried", db_column="buriedAt")

    class Meta:
        managed = False
        db_table = mongo.DEAD_LETTERS
        ordering = ("-buried_at",)

    def __str__(self) -> str:
        return str(self.id)


class LedgerLine(models.Model):
    """A line of the books that compaction has added up; the admin shows it with what waits."""

    id = HexField("line", primary_key=True, db_column="_id", max_length=24)

    class Meta:
        managed = False
        db_table = mongo.LEDGER
        verbose_name_plural = "ledger"

    def __str__(self) -> str:
        return str(self.id)
