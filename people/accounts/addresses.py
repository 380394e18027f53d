"""Whose an address is: whoever has an account may say any, and be a member by it of a project that
mails its members. What they say is a claim until the mailbox and the account are seen in one hand.
"""

from django.contrib.auth.models import User

from people.accounts.models import ClaimedAddress


def note_claimed(user: User) -> None:
    """That somebody gave their account the address it has now; to be done with that."""
    ClaimedAddress.objects.filter(pk=user.pk).delete()
    if user.email:
        ClaimedAddress.objects.create(user=user, address=user.email)


def note_shown(user: User, address: str) -> None:
    """That who is signed in as `user` followed a link that was mailed to the address alone."""
    ClaimedAddress.objects.filter(pk=user.pk, address__iexact=address).delete()


def is_claimed(user: User) -> bool:
    """Whether nothing but the user's own word says that the account's address is theirs."""
    return ClaimedAddress.objects.filter(pk=user.pk, address__iexact=user.email).exists()
