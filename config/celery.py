"""The Celery application: `celery -A config worker` and `celery -A config beat`."""

import os

from celery import Celery
from celery.schedules import crontab
from django.conf import settings
from kombu import Exchange, Queue

from analytics import task_names

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("analytics")
app.conf.update(
    broker_url=settings.BROKER_URL,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"socket_connect_timeout": 1, "socket_timeout": 5},
    beat_scheduler="ingestion.drain.beat:QuietScheduler",
    beat_schedule_filename=None,
    beat_max_loop_interval=1,
    beat_schedule={
        f"drain-{partition}": {
            "task": task_names.DRAIN,
            "args": (partition,),
            "schedule": settings.WORKER_POLL_TIMEOUT,
            "options": {"queue": task_names.DRAIN_QUEUE},
        }
        for partition in range(settings.STREAM_PARTITIONS)
    }
    | {
        "mirror-keys": {"task": task_names.MIRROR_KEYS, "schedule": 60},
        "forget-consumers": {"task": task_names.FORGET_CONSUMERS, "schedule": 300},
        "compact-ledger": {"task": task_names.COMPACT_LEDGER, "schedule": 60},
        "compact-summaries": {"task": task_names.COMPACT_SUMMARIES, "schedule": 5},
        "build-copies": {"task": task_names.BUILD_COPIES, "schedule": 60},
        "export-columns": {"task": task_names.EXPORT_COLUMNS, "schedule": 5},
        "tend-columns": {"task": task_names.TEND_COLUMNS, "schedule": 60},
        "verify-sample": {
            "task": task_names.VERIFY_SAMPLE,
            "schedule": crontab(hour=3, minute=17),
        },
        "apply-retention": {"task": task_names.APPLY_RETENTION, "schedule": 600},
        "run-erasures": {"task": task_names.RUN_ERASURES, "schedule": 30},
        "run-deletions": {"task": task_names.RUN_DELETIONS, "schedule": 30},
        "run-exports": {"task": task_names.RUN_EXPORTS, "schedule": 30},
        "sweep-exports": {"task": task_names.SWEEP_EXPORTS, "schedule": 300},
        "run-imports": {"task": task_names.RUN_IMPORTS, "schedule": 30},
        "sweep-imports": {"task": task_names.SWEEP_IMPORTS, "schedule": 300},
        "look-at-rules": {"task": task_names.LOOK_AT_RULES, "schedule": 20},
        "send-notices": {"task": task_names.SEND_NOTICES, "schedule": 20},
    },
    imports=("analytics.probes.worker_metrics", "analytics.probes.heartbeat"),
    task_default_queue=task_names.MAINTENANCE_QUEUE,
    task_queues=[Queue(name, Exchange(name), routing_key=name) for name in task_names.QUEUES],
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    timezone="UTC",
    worker_concurrency=settings.WORKER_CONCURRENCY,
    worker_hijack_root_logger=False,
    worker_prefetch_multiplier=1,
    worker_send_task_events=False,
)
app.autodiscover_tasks()
app.autodiscover_tasks(["ingestion.drain"])
