"""The sessions of the admin, in MongoDB, so that the service can end them.

A session is written at sign-in and removed at sign-out, and each page of the admin reads one
document by its `_id`. Only a digest of its key is kept: who reads the store gets no session.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson.binary import Binary
from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.db.models import Model
from django.db.models.signals import post_delete, post_save
from django.http import HttpRequest
from pymongo import DESCENDING

from analytics.databases.mongo import ADMIN_SESSIONS, collection

BROWSER = "browser"  # in a session
MAX_BROWSER_CHARS = 200
MAX_SHOWN = 50

_KEY = re.compile(r"[a-z0-9]{32}")  # as Django makes them: 165 random bits


def digest_session_key(session_key: str) -> Binary:
    return Binary(hashlib.sha256(session_key.encode()).digest())


class SessionStore(SessionBase):
    """What SESSION_ENGINE asks for."""

    is_new = False  # not written yet

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key) and _KEY.fullmatch(str(key)) is not None

    def load(self) -> dict[str, Any]:
        """Nothing, and no key, where the session was ended or is too old."""
        found = self.session_key and collection(ADMIN_SESSIONS).find_one(
            {"_id": digest_session_key(self.session_key), "expiresAt": {"$gt": datetime.now(UTC)}}
        )
        if found:
            return dict(self.decode(found["data"]))
        self._session_key = None
        return {}

    def exists(self, session_key: str) -> bool:
        """Not worth a question: of 165 random bits none come twice."""
        return False

    def create(self) -> None:
        """Take a new key; `save` writes it, so that signing in is one write."""
        self._session_key = self._get_new_session_key()  # type: ignore[attr-defined]
        self.is_new = True
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        """Raises UpdateError where the session was ended meanwhile: saving revives none."""
        if self.session_key is None:
            self.create()
        data: dict[str, Any] = self._get_session(no_load=self.is_new)  # type: ignore[attr-defined]
        now = datetime.now(UTC)
        fields = {
            "user": data.get(SESSION_KEY),
            "data": self.encode(data),
            "expiresAt": now + timedelta(seconds=self.get_expiry_age()),
        }
        digest = digest_session_key(str(self.session_key))
        if self.is_new or must_create:
            collection(ADMIN_SESSIONS).insert_one({"_id": digest, "createdAt": now, **fields})
            self.is_new = False
        elif (
            not collection(ADMIN_SESSIONS)
            .update_one({"_id": digest}, {"$set": fields})
            .matched_count
        ):
            raise UpdateError

    def delete(self, session_key: str | None = None) -> None:
        if key := session_key or self.session_key:
            collection(ADMIN_SESSIONS).delete_one({"_id": digest_session_key(key)})

    @classmethod
    def clear_expired(cls) -> None:
        """MongoDB's TTL index does it."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    digest: str  # hex
    since: datetime
    browser: str  # as it names itself


def list_sessions(user: Model) -> list[OpenSession]:
    """Those that are not over, the newest first."""
    found = collection(ADMIN_SESSIONS).find(
        {"user": str(user.pk), "expiresAt": {"$gt": datetime.now(UTC)}}
    )
    return [
        OpenSession(
            bytes(each["_id"]).hex(),
            each["createdAt"],
            str(SessionStore().decode(each["data"]).get(BROWSER, "")),
        )
        for each in found.sort("createdAt", DESCENDING).limit(MAX_SHOWN)
    ]


def end_session(user: Model, digest: str) -> bool:
    """Whether the user had that one."""
    try:
        key = Binary(bytes.fromhex(digest))
    except ValueError:
        return False
    ended = collection(ADMIN_SESSIONS).delete_one({"_id": key, "user": str(user.pk)})
    return ended.deleted_count == 1


def end_sessions(user: Model) -> int:
    """Sign a user out everywhere, at once; how many sessions that were."""
    return collection(ADMIN_SESSIONS).delete_many({"user": str(user.pk)}).deleted_count


def end_all_sessions() -> int:
    """Sign everybody out; how many sessions that were."""
    return collection(ADMIN_SESSIONS).delete_many({}).deleted_count


def connect_signals() -> None:
    """A new password, or the end of a user or of access to the admin, ends a user's sessions."""
    user_logged_in.connect(_on_signed_in, dispatch_uid="cycle_session_key")
    user_model = get_user_model()
    post_save.connect(_on_user_saved, sender=user_model, dispatch_uid="end_sessions_saved")
    post_delete.connect(_on_user_deleted, sender=user_model, dispatch_uid="end_sessions_deleted")


def _on_signed_in(request: HttpRequest, **kwargs: Any) -> None:
    """Django keeps the key of a session whose user signs in once more."""
    session = request.session
    session[BROWSER] = request.headers.get("User-Agent", "")[:MAX_BROWSER_CHARS]
    if isinstance(session, SessionStore) and not session.is_new:
        session.cycle_key()


def _on_user_saved(
    instance: Any, created: bool, update_fields: frozenset[str] | None, **kwargs: Any
) -> None:
    if created:
        return
    saved = {"is_active", "is_staff", "password"} if update_fields is None else update_fields
    # Set from set_password() to the end of save(); a hash that is only brought up to date has none.
    has_new_password = instance._password is not None and "password" in saved
    is_shut_out = not (instance.is_active and instance.is_staff) and bool(
        {"is_active", "is_staff"}.intersection(saved)
    )
    if has_new_password or is_shut_out:
        end_sessions(instance)


def _on_user_deleted(instance: Any, **kwargs: Any) -> None:
    end_sessions(instance)
