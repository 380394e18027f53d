"""The second factor: codes by an app, taken once each, and recovery codes for who lost it."""

import hashlib
import secrets
import time
from base64 import b32encode

import pyotp
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest
from pyotp.utils import strings_equal

from analytics.accounts.sessions import end_sessions
from analytics.audit import record
from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import transact_models
from analytics.keys.failures import FailureLimit
from people.accounts.models import SecondFactor

RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # 16 letters and digits
# A clock that is half a minute off, or a code that was typed slowly.
STEPS_AROUND = 1
# At the doors and on the page together: who knows the password guesses codes from many addresses.
CODES = FailureLimit("codes by user", 10, 900)
# Of a user who has just shown it; the session learns it when it begins.
SHOWED = "showed_second_factor"
# In a session: that its user has shown the second factor in it.
SHOWN = "second_factor"


def make_secret() -> str:
    """160 random bits, in base 32."""
    return pyotp.random_base32()


def make_recovery_codes() -> list[str]:
    """`abcd-efgh-ijkl-mnop`, each good once."""
    texts = [
        b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
        for _ in range(RECOVERY_CODES)
    ]
    return ["-".join(text[at : at + 4] for at in range(0, len(text), 4)) for text in texts]


def has_factor(user: User) -> bool:
    return SecondFactor.objects.filter(pk=user.pk).exists()


def find_step(secret: str, code: str, now: float | None = None) -> int | None:
    """The time step of 30 seconds whose code this is, among those around now."""
    totp = pyotp.TOTP(secret)
    current = int((time.time() if now is None else now) // totp.interval)
    around = range(current - STEPS_AROUND, current + STEPS_AROUND + 1)
    fitting = [step for step in around if strings_equal(totp.generate_otp(step), code)]
    return fitting[-1] if fitting else None


def take_code(user: User, code: str) -> str:
    """What the code was: `totp`, `recovery`, or nothing of this user's that is good yet.

    Two at once with the same code: one of them is let in.
    """
    factor = SecondFactor.objects.filter(pk=user.pk).first()
    given = "".join(code.split())
    if factor is None or not given:
        return ""
    step = find_step(factor.secret, given)
    if step is not None:
        unused = SecondFactor.objects.filter(pk=user.pk, last_step__lt=step)
        return "totp" if unused.update(last_step=step) else ""
    digest = digest_recovery(given)
    taken = collection(mongo.SECOND_FACTORS).update_one(
        {"_id": user.pk, "recovery": digest}, {"$pull": {"recovery": digest}}
    )
    return "recovery" if taken.modified_count else ""


def digest_recovery(code: str) -> str:
    return hashlib.sha256(code.lower().replace("-", "").encode(errors="replace")).hexdigest()


def set_up(user: User, secret: str, code: str) -> list[str]:
    """Recovery codes, which can be shown now and never again; none where the code is not right.

    Sessions that never showed it end.
    """
    step = find_step(secret, "".join(code.split()))
    if step is None or has_factor(user):
        return []
    codes = make_recovery_codes()

    def work() -> None:
        digests = [digest_recovery(each) for each in codes]
        SecondFactor.objects.create(user=user, secret=secret, last_step=step, recovery=digests)
        record(user.get_username(), None, "second_factor.set_up", user.get_username())
        end_sessions(user)

    transact_models(work)
    return codes


def renew_recovery_codes(user: User) -> list[str]:
    """New ones in place of all that were left."""
    codes = make_recovery_codes()
    digests = [digest_recovery(each) for each in codes]

    def work() -> None:
        SecondFactor.objects.filter(pk=user.pk).update(recovery=digests)
        record(user.get_username(), None, "second_factor.codes_renewed", user.get_username())

    transact_models(work)
    return codes


def remove_factor(user: User, actor: str) -> bool:
    """Whether there was one. By an operator, for who lost both app and recovery codes.

    All sessions end: in some of them it was shown, and whoever has the app may be in one.
    """

    def work() -> bool:
        if not SecondFactor.objects.filter(pk=user.pk).delete()[0]:
            return False
        record(actor, None, "second_factor.removed", user.get_username())
        end_sessions(user)
        return True

    return transact_models(work)


def connect_signals() -> None:
    user_logged_in.connect(_on_signed_in, dispatch_uid="second_factor_shown")


def _on_signed_in(request: HttpRequest, user: object, **_: object) -> None:
    request.session[SHOWN] = getattr(user, SHOWED, False)


def lacks_factor(request: HttpRequest) -> bool:
    """Whether this session has to show a second factor before it may see anything."""
    return bool(settings.SECOND_FACTOR_REQUIRED) and not request.session.get(SHOWN)
