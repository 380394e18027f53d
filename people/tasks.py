"""Links for forgotten passwords, sent apart from the page that asked: its time tells nobody
whether there is such an account."""

from celery import shared_task
from django.contrib.auth.models import User
from django.db.models import Q

from analytics.task_names import SEND_RESETS
from people.accounts.resets import LIFETIME, make_reset
from people.mail import mail

MAX_ACCOUNTS = 5
# In the audit log: anybody can ask, and nobody is called so, as names of users have no spaces.
SOMEBODY = "somebody at the door"


@shared_task(name=SEND_RESETS, ignore_result=True)
def send_resets(name_or_address: str, base: str) -> None:
    """To the accounts of that name or address; `base` is where the service is, up to the token."""
    named = Q(username=name_or_address) | Q(email=name_or_address)
    found = User.objects.filter(named, is_active=True).exclude(email="")
    for user in found[:MAX_ACCOUNTS]:
        token = make_reset(user, SOMEBODY)
        minutes = int(LIFETIME.total_seconds() // 60)
        text = (
            f"Somebody, perhaps you, forgot the password of {user.get_username()}. "
            f"This link sets a new one:\n\n{base}{token}\n\n"
            f"It works once, and for {minutes} minutes. If it was not you, forget it.\n"
        )
        mail(user.email, "A new password", text)
