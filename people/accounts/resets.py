"""Forgotten passwords: a link that sets a new one, once, within the hour (by staff: a day).

A new password or e-mail address ends those that are out: who could read the old mailbox, or asked
for one in a stolen session, does not come back by it.
"""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models.signals import post_save
from django.utils import timezone

from analytics.audit import record
from analytics.databases.transactions import transact_models
from people.accounts.models import PasswordReset
from people.links import digest_token, make_token

LIFETIME = timedelta(hours=1)
LIFETIME_BY_STAFF = timedelta(days=1)


class NotGood(Exception):
    """Used, expired, or never given: none is told from another."""


def make_reset(user: User, actor: str, lifetime: timedelta = LIFETIME) -> str:
    """The token of a link, which can be shown now and never again."""
    token = make_token()

    def work() -> None:
        PasswordReset.objects.create(
            digest=digest_token(token), user=user, expires_at=timezone.now() + lifetime
        )
        record(actor, None, "password.reset_asked", user.get_username())

    transact_models(work)
    return token


def find_reset(token: str) -> User:
    """Whose password it sets. Raises NotGood."""
    found = PasswordReset.objects.filter(
        pk=digest_token(token), expires_at__gt=timezone.now(), user__is_active=True
    )
    reset = found.select_related("user").first()
    if reset is None:
        raise NotGood
    return reset.user


def use_reset(token: str, password: str) -> User:
    """Set the password, and use up this link. Raises NotGood.

    The user's sessions and other links end, as with each new password.
    """

    def work() -> User:
        user = find_reset(token)
        if not PasswordReset.objects.filter(pk=digest_token(token)).delete()[0]:
            raise NotGood
        user.set_password(password)
        user.save(update_fields=["password"])
        record(user.get_username(), None, "password.reset", user.get_username())
        return user

    return transact_models(work)


def connect_signals() -> None:
    post_save.connect(_on_user_saved, sender=User, dispatch_uid="end_resets")


def _on_user_saved(
    instance: Any, created: bool, update_fields: frozenset[str] | None, **_: Any
) -> None:
    """Of a save of all fields nobody knows which are new; one asks for another link then."""
    saved = {"email", "password"} if update_fields is None else update_fields
    # Set from set_password() to the end of save(); a hash that is only brought up to date has none.
    has_new_password = instance._password is not None and "password" in saved
    if not created and (has_new_password or "email" in saved):
        PasswordReset.objects.filter(user=instance).delete()
