"""One's own password, asked for once more before what a stolen session shall not change."""

from django import forms
from django.contrib.auth.hashers import check_password
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from analytics.audit import record
from analytics.keys.failures import FailureLimit

BY_USER = FailureLimit("own password by user", 10, 900)
TOO_MANY = "Too many wrong passwords. Wait a quarter of an hour."
WRONG = "This is not your password."


def require_password(user: User, password: str) -> None:
    """Looks at it only if it was not wrong too often. Raises ValidationError.

    Without bringing its hash up to date, as the user's own method does: that ends the session.
    """
    subject = str(user.pk)
    if BY_USER.check(subject):
        raise ValidationError(TOO_MANY)
    if not check_password(password, user.password):
        BY_USER.count(subject)
        record(user.get_username(), None, "password.failed", user.get_username())
        raise ValidationError(WRONG)


class WithPassword(forms.Form):
    """A form of a user's that asks for the password."""

    password = forms.CharField(
        label="Password now",
        strip=False,
        max_length=4_096,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, user: User, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.user = user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        require_password(self.user, password)
        return password
