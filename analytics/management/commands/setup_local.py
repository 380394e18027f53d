"""manage.py setup_local: what a fresh installation needs to accept its first event."""

import json
import os
import time
from argparse import ArgumentParser
from itertools import count
from typing import Any

from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from analytics.databases import mongo
from analytics.databases.redis_clients import stream_client
from analytics.keys.key_text import digest_key, read_key_id
from analytics.projects.models import ApiKey, Project

ADMIN_USER = "admin"
POLL_SECONDS = 0.05


class Command(BaseCommand):
    help = (
        "Create or update the user 'admin' (password: ADMIN_PASSWORD), a first project and its "
        "API keys, two secret ones and a public one. Keys given by INGEST_KEY and READ_KEY are "
        "kept while they work. Prints one line of JSON."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--migrate", action="store_true", help="migrate the database before")
        parser.add_argument(
            "--wait", type=float, default=0, help="seconds that the servers have to come up"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get("ADMIN_PASSWORD")
        if not password:
            raise CommandError("ADMIN_PASSWORD is not set")
        wait_for_servers(options["wait"])
        if options["migrate"]:
            call_command("migrate", verbosity=0)
        password_hash = ensure_admin(password, os.environ.get("ADMIN_PASSWORD_HASH", ""))
        project = ensure_project()
        keys = {
            scope: ensure_key(project, scope, os.environ.get(f"{scope.upper()}_KEY", ""))
            for scope in ("ingest", "read")
        }
        result = {
            "ingestKey": keys["ingest"],
            "readKey": keys["read"],
            "publicKey": ensure_public_key(project),
            "adminUser": ADMIN_USER,
            "adminPasswordHash": password_hash,
            "projectId": project.id,
        }
        self.stdout.write(json.dumps(result))


def wait_for_servers(seconds: float) -> None:
    """Returns when the stream's Redis and MongoDB answer, or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            stream_client().ping()
            if mongo.client().admin.command("hello").get("isWritablePrimary"):
                return
        except (PyMongoError, RedisError, OSError):
            pass
        time.sleep(POLL_SECONDS)


def ensure_admin(password: str, known_hash: str) -> str:
    """The hash that is stored of the password; `known_hash` is one that is known to be of it.

    To check a password takes half a second of work, and so it does to find it unchanged.
    """
    user = User.objects.filter(username=ADMIN_USER).first()
    if user is None:
        user = User.objects.create_superuser(ADMIN_USER, password=password)
    elif not (user.is_superuser and user.is_staff and user.is_active):
        raise CommandError(f"The user {ADMIN_USER!r} exists and is not a superuser.")
    elif user.password != known_hash and not user.check_password(password):
        user.set_password(password)  # a new hash signs everyone out
        user.save()
    return user.password


def ensure_project() -> Project:
    project = Project.objects.filter(is_active=True).order_by("created_at").first()
    return project or create_project()


def create_project() -> Project:
    """`Demo`, or where projects that are not active have that name `Demo 2` and so on."""
    for number in count(1):
        name = "Demo" if number == 1 else f"Demo {number}"
        if not Project.find_named(name):
            break
    return Project.objects.create(name=name)


def ensure_key(project: Project, scope: str, earlier: str) -> str:
    """The text of a working key: `earlier` if it still is one, else that of a new one."""
    if _still_works(project, scope, earlier):
        return earlier
    key, text = ApiKey.issue(project, f"Local {scope}", [scope])
    key.save()
    return text


def ensure_public_key(project: Project) -> str:
    """The text of the project's oldest public key that works, or of a new one."""
    keys = ApiKey.objects.filter(project=project, is_public=True).order_by("created_at", "pk")
    for key in keys:
        if key.state == "active":
            return key.text
    key = ApiKey.issue_public(project, "Local public")
    key.save()
    return key.text


def _still_works(project: Project, scope: str, text: str) -> bool:
    key_id = read_key_id(text)
    if key_id is None:
        return False
    key = ApiKey.objects.filter(pk=key_id, project=project).first()
    return (
        key is not None
        and key.digest == digest_key(text).hex()
        and key.state == "active"
        and scope in key.scopes
    )
