"""Settings of requests, of pages and of the API."""

import tomllib

from django.core.exceptions import ImproperlyConfigured

from config.settings.environment import (
    BASE_DIR,
    read_choice,
    read_flag,
    read_list,
    read_number,
    read_script_name,
    read_text,
    read_whole,
)

_KIBIBYTE = 1024
_MEBIBYTE = 1024 * _KIBIBYTE

VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

DEBUG: bool = read_flag("DEBUG")
SECRET_KEY: str = read_text("SECRET_KEY")
if not SECRET_KEY:
    if not DEBUG:
        raise ImproperlyConfigured("SECRET_KEY is required (or DEBUG=true on a laptop)")
    SECRET_KEY = "insecure-key-for-debugging-only"
ALLOWED_HOSTS: list[str] = read_list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = read_list("CSRF_TRUSTED_ORIGINS", [])
# Which endpoints this service has; with `all`, gunicorn has two kinds of processes for them.
ROLE: str = read_choice("ROLE", "all", ("all", "ingest", "reporting"))
# How many proxies of our own stand in front; 0 means X-Forwarded-For is never believed.
TRUSTED_PROXIES: int = read_whole("TRUSTED_PROXIES", 0)
# How many bad API keys one address may send before it gets 429: a count, and s, m, h or d.
AUTH_FAILURES_RATE: str = read_text("AUTH_FAILURES_RATE", "300/m")
# How many events one address may send by a public key, twice as many at once.
PUBLIC_RATE: str = read_text("PUBLIC_RATE", "100/s")
# A further name of the script that web pages fetch.
TRACKER_NAME: str = read_script_name("TRACKER_NAME", "tracker.js")
HTTPS_ONLY: bool = read_flag("HTTPS_ONLY")
# How long a head may take to come, from the first byte of its request.
HEAD_TIMEOUT_SECONDS: float = read_number("HEAD_TIMEOUT_SECONDS", 10.0)
# How long a body may take to come, from the end of its request's head.
BODY_TIMEOUT_SECONDS: float = read_number("BODY_TIMEOUT_SECONDS", 30.0)
LOG_LEVEL: str = read_choice("LOG_LEVEL", "info", ("debug", "info", "warning", "error"))

# Of a process that leaves the reports to others `config/relaying.py` changes both.
RELAY_ADDRESS = ""
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # never redirect a POST: both spellings of a path are routed
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
FORMAT_MODULE_PATH = "config.formats"  # so that every time says that it is UTC
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * _MEBIBYTE
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

SESSION_ENGINE = "analytics.accounts.sessions"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
CSRF_FAILURE_VIEW = "dashboard.web.access.refuse_form"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS_ONLY
SECURE_SSL_REDIRECT = HTTPS_ONLY
# Asked from inside, past the proxy that speaks TLS.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)/?$"]
SECURE_HSTS_SECONDS = 365 * 86_400 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS_ONLY
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None

SPECTACULAR_SETTINGS = {
    "TITLE": "Event analytics",
    "DESCRIPTION": "Capture events, keep them reliably, and read numbers that can be audited.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "ingestion.receivers.schema.complete",
        "analytics.web.openapi.complete",
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
