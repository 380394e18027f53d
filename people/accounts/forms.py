"""The forms of the doors: name, password, and the code of who has a second factor."""

from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.models import User

from analytics.accounts.site import LimitedSignInForm
from people.accounts.second_factor import CODES, SHOWED, has_factor, take_code

WRONG = (
    "Please enter a correct username and password, and the code if you have a second factor. "
    "Upper and lower case matter."
)


class CodeSignInForm(LimitedSignInForm):
    """One answer for a wrong password and a wrong code, and one count of both."""

    wrong = WRONG

    code = forms.CharField(
        required=False,
        max_length=40,
        label="Code",
        help_text="Of your app, or a recovery code. Empty without a second factor.",
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.error_messages = {**self.error_messages, "invalid_login": self.wrong}

    def look_at_code(self) -> None:
        user = self.get_user()
        if not isinstance(user, User) or not has_factor(user):
            return
        # Too many are told as a wrong one is: else one would learn that the password is right.
        given, subject = self.cleaned_data.get("code") or "", str(user.pk)
        if CODES.check(subject) or not take_code(user, given):
            CODES.count(subject)
            raise self.get_invalid_login_error()
        setattr(user, SHOWED, True)


class AdminSignInForm(CodeSignInForm, AdminAuthenticationForm):
    """Lets in who may look at the admin."""

    wrong = WRONG + " It must be an account of staff."
