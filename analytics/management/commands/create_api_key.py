"""manage.py create_api_key: a new API key, for scripts."""

from argparse import ArgumentParser
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from analytics.management.projects import (
    choose_project,
    look_for_project,
    make_project,
    note,
    refuse,
)
from analytics.projects.key_mirror import MirrorDelayed
from analytics.projects.models import ApiKey, Project

PUBLIC_NAME = "Public key"


class Command(BaseCommand):
    help = (
        "Create an API key and print it on standard output: a secret one this once, or with "
        "--public one that web pages and apps may hold."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", nargs="?", help="id or name of the project")
        parser.add_argument("--project", dest="named", help="the same")
        parser.add_argument("--create-project", action="store_true", help="if there is none")
        parser.add_argument("--public", action="store_true", help="a public key: it only sends")
        parser.add_argument("--name", help="what uses the key; a public one need not have it")
        parser.add_argument("--scopes", help="of ingest,read,admin; not with --public")
        parser.add_argument("--rate", type=int, help="events per second")
        parser.add_argument("--burst", type=int, help="events at once")
        parser.add_argument("--expires-days", type=int, help="days until the key expires")

    def handle(self, *args: Any, **options: Any) -> None:
        given = {
            "rate_events_per_second": options["rate"],
            "burst_events": options["burst"],
            "expires_at": find_expiry(options["expires_days"]),
        }
        limits = {name: value for name, value in given.items() if value is not None}
        require_options(options)
        try:
            project = find_or_make(options["project"] or options["named"], options)
            key, text = issue(project, options, limits)
        except ValidationError as error:
            raise refuse(error) from error
        try:
            key.save()
        except MirrorDelayed as delayed:
            self.stderr.write(str(delayed))
        note(project.id, "apikey.added", str(key))
        self.stdout.write(text)


def require_options(options: Mapping[str, Any]) -> None:
    """Raises CommandError where one is missing, or two do not go together."""
    if bool(options["project"]) == bool(options["named"]):
        raise CommandError("Name one project: PROJECT, or --project PROJECT.")
    if options["public"]:
        if options["scopes"]:
            raise CommandError("A public key sends events, and nothing else: leave out --scopes.")
    elif not (options["name"] and options["scopes"]):
        raise CommandError("Say --name and --scopes, or --public.")


def find_or_make(id_or_name: str, options: Mapping[str, Any]) -> Project:
    if not options["create_project"]:
        return choose_project(id_or_name, advice=" (--create-project makes one)")
    return look_for_project(id_or_name) or make_project(id_or_name)


def issue(
    project: Project, options: Mapping[str, Any], limits: Mapping[str, Any]
) -> tuple[ApiKey, str]:
    """A key that is not saved yet, and its text. Raises ValidationError."""
    if options["public"]:
        key = ApiKey.issue_public(project, options["name"] or PUBLIC_NAME, **limits)
        return key, key.text
    return ApiKey.issue(project, options["name"], options["scopes"].split(","), **limits)


def find_expiry(days: int | None) -> datetime | None:
    try:
        return None if days is None else timezone.now() + timedelta(days=days)
    except OverflowError:
        raise CommandError("That is more days than a date can hold.") from None
