"""The service's own collections as the admin reads them; Django neither makes nor writes them."""

from django.db import models

from analytics.databases import mongo
from analytics.databases.fields import HexField
from ingestion.letters.letter import STATES
from ingestion.store.prepare import REASONS


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
    imported = models.BooleanField(null=True)
    accepted_at = models.DateTimeField("accepted", db_column="acceptedAt")
    buried_at = models.DateTimeField("buried", db_column="buriedAt")

    class Meta:
        managed = False
        db_table = mongo.DEAD_LETTERS
        ordering = ("-buried_at",)

    def __str__(self) -> str:
        return str(self.id)
