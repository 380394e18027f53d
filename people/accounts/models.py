"""What is kept of an account beside Django's user."""

from django.contrib.auth.models import User
from django.db import models
from django.utils import timezone
from django_mongodb_backend.fields import ArrayField

from analytics.databases import mongo


class SecondFactor(models.Model):
    """The secret that an app makes codes of (TOTP, RFC 6238), and digests of the recovery codes."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, db_column="_id", related_name="factor"
    )
    secret = models.CharField(max_length=64)
    # Of the last code that was taken: none is taken twice, nor one from before it.
    last_step = models.PositiveBigIntegerField(default=0)
    recovery = ArrayField(models.CharField(max_length=64), default=list)
    since = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = mongo.SECOND_FACTORS

    def __str__(self) -> str:
        return f"second factor of {self.user}"


class ClaimedAddress(models.Model):
    """An address that whoever has an account says is theirs, as long as nothing has shown it.

    One that the service's staff wrote down is none.
    """

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, primary_key=True, db_column="_id", related_name="claimed"
    )
    address = models.EmailField(max_length=254)

    class Meta:
        db_table = mongo.CLAIMED_ADDRESSES

    def __str__(self) -> str:
        return f"address that {self.user} gave"


class PasswordReset(models.Model):
    """Lets whoever has its link set a new password, once; MongoDB removes it when it expires.

    Its `_id` is the SHA-256 of the link's token, which is not kept.
    """

    digest = models.CharField(primary_key=True, db_column="_id", max_length=64, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField(editable=False)

    class Meta:
        db_table = mongo.PASSWORD_RESETS

    def __str__(self) -> str:
        return f"password reset of {self.user}"
