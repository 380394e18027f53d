"""Where Redis and MongoDB are, and how events get from one to the other."""

from config.settings.environment import (
    count_cores,
    read_choice,
    read_flag,
    read_mongo_uri,
    read_number,
    read_port,
    read_positive,
    read_redis_url,
    read_text,
    read_whole,
)

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
_ours = ("admin", "auth", "contenttypes")
MIGRATION_MODULES = {app: f"config.mongo_migrations.{app}" for app in _ours}
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
# Of `python -m config.worker`: where its tasks run, and whether beat runs in it, too.
_is_small: bool = count_cores() <= 2 and STREAM_PARTITIONS == 1
WORKER_POOL: str = read_choice(
    "WORKER_POOL",
    "threads" if _is_small and not read_text("WORKER_CONCURRENCY") else "processes",
    ("processes", "threads"),
)
WORKER_BEAT: bool = read_flag("WORKER_BEAT")
# Seconds between beat's fallback signals to drain.
WORKER_POLL_TIMEOUT: float = read_number("WORKER_POLL_TIMEOUT", 1.0)
CLAIM_IDLE_SECONDS: float = read_number("CLAIM_IDLE_SECONDS", 30.0)
DRAIN_BUDGET_SECONDS: float = read_number("DRAIN_BUDGET_SECONDS", 5.0)
# How long few events wait for more of them, to be stored together; 0: for a moment.
DRAIN_PATIENCE_SECONDS: float = read_number("DRAIN_PATIENCE_SECONDS", 0.35, most=2, may_be_0=True)
DUPLICATES_KEPT_DAYS: int = read_positive("DUPLICATES_KEPT_DAYS", 30)
# Open dead letters beyond which an event that cannot be stored stays in the stream.
DEAD_LETTERS_MAX_PER_PROJECT: int = read_positive("DEAD_LETTERS_MAX_PER_PROJECT", 10_000)
DEAD_LETTERS_MAX: int = read_positive("DEAD_LETTERS_MAX", 100_000)
# Days for which a letter is kept after it was replayed or discarded.
DEAD_LETTERS_KEPT_DAYS: int = read_positive("DEAD_LETTERS_KEPT_DAYS", 30)
# How many erasures one API key may ask for or about: a count, and s, m, h or d.
ERASURE_RATE: str = read_text("ERASURE_RATE", "60/m")
GEOIP_PATH: str = read_text("GEOIP_PATH")
