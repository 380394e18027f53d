"""Wires the others together: settings, URLs, gunicorn, Celery, logs."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
