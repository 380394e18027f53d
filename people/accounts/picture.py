"""The picture from which an app reads the secret; apart, as its page alone needs what draws it."""

import pyotp
import segno
from django.contrib.auth.models import User

ISSUER = "Event analytics"


def draw_secret(secret: str, user: User) -> str:
    """An SVG without styles or scripts."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=user.get_username(), issuer_name=ISSUER)
    return segno.make(uri, error="m", micro=False).svg_inline(
        scale=5, border=4, light="#fff", dark="#000", svgclass=None, lineclass=None
    )
