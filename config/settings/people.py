"""Settings of accounts, of mail and of notices."""

from config.settings.environment import (
    read_choice,
    read_flag,
    read_mail_address,
    read_networks,
    read_port,
    read_public_url,
    read_text,
)

# --- People ------------------------------------------------------------------------------------
# Whether nobody sees a page or the admin without a second factor.
SECOND_FACTOR_REQUIRED: bool = read_flag("SECOND_FACTOR_REQUIRED")
# The server that takes mail; empty: none is sent, and links are shown instead.
EMAIL_HOST: str = read_text("EMAIL_HOST")
EMAIL_PORT: int = read_port("EMAIL_PORT", 587)
EMAIL_HOST_USER: str = read_text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD: str = read_text("EMAIL_HOST_PASSWORD")
_email_security: str = read_choice("EMAIL_SECURITY", "starttls", ("starttls", "tls", "none"))
EMAIL_USE_TLS, EMAIL_USE_SSL = _email_security == "starttls", _email_security == "tls"
DEFAULT_FROM_EMAIL: str = read_mail_address("EMAIL_FROM", wanted_by=EMAIL_HOST and "EMAIL_HOST")
EMAIL_TIMEOUT = 10
EMAIL_BACKEND = "people.mail.BoundedBackend"

# --- Notices -----------------------------------------------------------------------------------
# Where people reach the service, for links in mail that no page asked for: https://stats.example.
PUBLIC_URL: str = read_public_url("PUBLIC_URL")
# Networks that are not public, and that webhooks may be in all the same.
WEBHOOK_ALLOWED_NETWORKS = read_networks("WEBHOOK_ALLOWED_NETWORKS", [])
