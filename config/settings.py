"""Settings, read from the environment (and `.env`); each is explained in `.env.example`.

A wrong value stops the process at start with the variable's name.
"""

import tomllib
from pathlib import Path
from tempfile import gettempdir

from django.core.exceptions import ImproperlyConfigured

from config.environment import (
    read_choice,
    read_flag,
    read_folder,
    read_list,
    read_mongo_uri,
    read_networks,
    read_number,
    read_port,
    read_positive,
    read_redis_url,
    read_text,
    read_traces,
    read_whole,
)
from config.logs import configure_logs
from config.no_gdal import skip_gdal
from config.policies import AUTH_PASSWORD_VALIDATORS as AUTH_PASSWORD_VALIDATORS
from config.policies import CONTENT_SECURITY_POLICY as CONTENT_SECURITY_POLICY

skip_gdal()

_KIBIBYTE = 1024
_MEBIBYTE = 1024 * _KIBIBYTE

BASE_DIR = Path(__file__).resolve().parent.parent

VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

# --- Web ---------------------------------------------------------------------------------------
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
HTTPS_ONLY: bool = read_flag("HTTPS_ONLY")
# How long a head may take to come, from the first byte of its request.
HEAD_TIMEOUT_SECONDS: float = read_number("HEAD_TIMEOUT_SECONDS", 10.0)
# How long a body may take to come, from the end of its request's head.
BODY_TIMEOUT_SECONDS: float = read_number("BODY_TIMEOUT_SECONDS", 30.0)
LOG_LEVEL: str = read_choice("LOG_LEVEL", "info", ("debug", "info", "warning", "error"))

# Set by gunicorn's master for a process that leaves the reports to others.
RELAY_ADDRESS: str = read_text("ANALYTICS_RELAY_ADDRESS")

ROOT_URLCONF = "config.accepting_urls" if RELAY_ADDRESS else "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False  # never redirect a POST: both spellings of a path are routed
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = False
FORMAT_MODULE_PATH = "config.formats"  # so that every time says that it is UTC
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * _MEBIBYTE

INSTALLED_APPS = [
    "config.apps.MongoAdminConfig",
    "config.apps.MongoAuthConfig",
    "config.apps.MongoContentTypesConfig",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "analytics",
    "ingestion",
    "upkeep",
    "reporting",
]
MIDDLEWARE = [
    "analytics.web.middleware.FollowRequests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False

SESSION_ENGINE = "analytics.accounts.sessions"
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
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

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "EXCEPTION_HANDLER": "analytics.web.problems.handle_exception",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Event analytics",
    "DESCRIPTION": "Capture events, keep them reliably, and read numbers that can be audited.",
    "VERSION": VERSION,
    "OAS_VERSION": "3.1.0",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "analytics.web.openapi.complete",
        "ingestion.accept.schema.complete",
    ],
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- Stores ------------------------------------------------------------------------------------
_redis_host: str = read_text("REDIS_HOST", "127.0.0.1")
_redis_port: int = read_port("REDIS_PORT", 6379)
REDIS_URL: str = read_redis_url("REDIS_URL", f"redis://{_redis_host}:{_redis_port}/0")
BROKER_URL: str = read_redis_url("BROKER_URL", REDIS_URL)
CACHE_URL: str = read_redis_url("CACHE_URL", BROKER_URL)
MONGO_URI: str = read_mongo_uri("MONGO_URI", "mongodb://127.0.0.1:27017/analytics?replicaSet=rs0")

DATABASES = {
    "default": {
        "ENGINE": "django_mongodb_backend",
        "HOST": MONGO_URI,
        "NAME": "",  # the path of MONGO_URI names it, as it does for analytics/databases/mongo.py
        "OPTIONS": {
            "w": "majority",
            "readConcernLevel": "majority",
            "serverSelectionTimeoutMS": 5_000,
            "connectTimeoutMS": 2_000,
        },
    }
}
DATABASE_ROUTERS = ["django_mongodb_backend.routers.MongoRouter"]
DEFAULT_AUTO_FIELD = "django_mongodb_backend.fields.ObjectIdAutoField"
MIGRATION_MODULES = {
    "admin": "config.mongo_migrations.admin",
    "auth": "config.mongo_migrations.auth",
    "contenttypes": "config.mongo_migrations.contenttypes",
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "OPTIONS": {"socket_connect_timeout": 0.5, "socket_timeout": 1.0},
    }
}

# --- The stream and the drain ------------------------------------------------------------------
STREAM_PREFIX: str = read_text("REDIS_QUEUE", "analytics:events")
STREAM_PARTITIONS: int = read_positive("STREAM_PARTITIONS", 1)
# Above this many waiting events in a partition the answer is 503.
STREAM_MAX_EVENTS: int = read_positive("STREAM_MAX_EVENTS", 2_000_000)
# Above this part of Redis's maxmemory the answer is 503, so that there is room to drain.
STREAM_MAX_MEMORY_RATIO: float = read_number("STREAM_MAX_MEMORY_RATIO", 0.8, most=1)
REDIS_WAIT_REPLICAS: int = read_whole("REDIS_WAIT_REPLICAS", 0)
WORKER_BATCH_SIZE: int = read_positive("WORKER_BATCH_SIZE", 2_000)
WORKER_CONCURRENCY: int = read_positive("WORKER_CONCURRENCY", 2)
# Seconds between beat's fallback signals to drain.
WORKER_POLL_TIMEOUT: float = read_number("WORKER_POLL_TIMEOUT", 1.0)
CLAIM_IDLE_SECONDS: float = read_number("CLAIM_IDLE_SECONDS", 30.0)
DRAIN_BUDGET_SECONDS: float = read_number("DRAIN_BUDGET_SECONDS", 5.0)
DUPLICATES_KEPT_DAYS: int = read_positive("DUPLICATES_KEPT_DAYS", 30)
# Open dead letters beyond which an event that cannot be stored stays in the stream.
DEAD_LETTERS_MAX_PER_PROJECT: int = read_positive("DEAD_LETTERS_MAX_PER_PROJECT", 10_000)
DEAD_LETTERS_MAX: int = read_positive("DEAD_LETTERS_MAX", 100_000)
# Days for which a letter is kept after it was replayed or discarded.
DEAD_LETTERS_KEPT_DAYS: int = read_positive("DEAD_LETTERS_KEPT_DAYS", 30)
# How many erasures one API key may ask for or about: a count, and s, m, h or d.
ERASURE_RATE: str = read_text("ERASURE_RATE", "60/m")
GEOIP_PATH: str = read_text("GEOIP_PATH")

# --- Reporting ---------------------------------------------------------------------------------
QUERY_TIMEOUT_SECONDS: float = read_number("QUERY_TIMEOUT_SECONDS", 10.0, most=60)
# How many reports one API key may ask for: a count, and s, m, h or d.
REPORTING_RATE: str = read_text("REPORTING_RATE", "600/m")

# --- Columns -----------------------------------------------------------------------------------
# The folder of the segments, which the workers and whoever reports share.
COLUMNS_URL: Path = read_folder("COLUMNS_URL", BASE_DIR / ".columns")
# How many events of a project may wait for their segment before a question has to export first.
COLUMNS_TAIL_EVENTS: int = read_positive("COLUMNS_TAIL_EVENTS", 100_000)
# Questions that a process answers at once, their memory, and the folder for what is not in it.
QUERY_CONCURRENCY: int = read_positive("QUERY_CONCURRENCY", 2)
QUERY_MEMORY_MB: int = read_whole("QUERY_MEMORY_MB", 256, least=64)
QUERY_TEMP_DIR: Path = read_folder("QUERY_TEMP_DIR", Path(gettempdir()) / "analytics-query")

# --- Traces ------------------------------------------------------------------------------------
OTEL_TRACES: bool = read_traces("OTEL_TRACES")

# --- Metrics -----------------------------------------------------------------------------------
# Who may read /metrics: a bearer of this token, or one of these addresses.
METRICS_TOKEN: str = read_text("METRICS_TOKEN")
METRICS_ALLOWED_IPS = read_networks("METRICS_ALLOWED_IPS", ["127.0.0.0/8", "::1"])
# Where the Celery worker serves its own, on the address BIND; 0: nowhere.
WORKER_METRICS_PORT: int = read_port("WORKER_METRICS_PORT", 8001)
BIND: str = read_text("BIND", "127.0.0.1")
# Which file it touches every 2 s, for a health check.
WORKER_HEARTBEAT_FILE: str = read_text("WORKER_HEARTBEAT_FILE")
# Projects with a label of their own; the events of the others are counted together.
METRICS_MAX_PROJECTS: int = read_positive("METRICS_MAX_PROJECTS", 100)

LOGGING_CONFIG = None
configure_logs(LOG_LEVEL)
