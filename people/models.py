"""Where Django looks for the models of this app."""

from people.accounts.models import ClaimedAddress, PasswordReset, SecondFactor
from people.members.models import Invitation, Member
from people.saved.models import Goal, SavedFunnel, Segment
from people.saved.notes import Note
from people.saved.pins import Pin
from people.service_keys import ServiceKey
from people.shares.models import ShareLink

__all__ = [
    "ClaimedAddress",
    "Goal",
    "Invitation",
    "Member",
    "Note",
    "PasswordReset",
    "Pin",
    "SavedFunnel",
    "SecondFactor",
    "Segment",
    "ServiceKey",
    "ShareLink",
]
