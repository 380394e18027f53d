"""`manage.py demo`: a project with ninety days of made-up traffic, and what people saved in it."""

import getpass
import json
import os
import time
from datetime import UTC, datetime, timedelta

from django.core.management.base import CommandError, CommandParser
from django.utils.text import slugify

from analytics.management.projects import look_for_project, make_project
from analytics.projects.models import ApiKey, Project
from demo.kept import FUNNELS, GOALS, SEGMENTS, tell_notes
from demo.story import DAYS, Event, tell
from loadtest.client import Connection, NoAnswer, code_of
from loadtest.plan import PlanError, read_credentials
from people.saved.models import Goal, Saved, SavedFunnel, Segment
from people.saved.notes import find_note, make_note, place, write_note
from upkeep.deletion.job import ask_deletion
from upkeep.management.arguments import Options, OptionsCommand

AUTHOR = "demo"
NAME = "Leaf & Kettle (demo)"
KEY_LIFE = timedelta(hours=1)
RATE_EVENTS = 100_000
BATCH_EVENTS = 1_000
TRIES = 60
PAUSE_SECONDS = 1.0
_AGAIN = (429, 503)


class Command(OptionsCommand):
    help = (
        f"Make a project, {NAME!r}, and send it {DAYS} days of made-up traffic that ends now, as "
        "any client would. Once more: what came since. With --remove, delete it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--remove", action="store_true", help="delete the project")
        parser.add_argument("--url", help="of the service; else that of the credentials")
        parser.add_argument("--days", type=int, default=DAYS, help=f"how many ({DAYS})")

    def run(self, options: Options) -> None:
        if options["remove"]:
            self._remove()
            return
        if not 1 <= options["days"] <= DAYS:
            raise CommandError(f"--days goes from 1 to {DAYS}.")
        url = find_url(options["url"])
        project = look_for_project(NAME) or make_project(NAME, hostnames=[])
        key, text = ApiKey.issue(
            project,
            "Demo",
            ["ingest"],
            expires_at=datetime.now(UTC) + KEY_LIFE,
            rate_events_per_second=RATE_EVENTS,
            burst_events=RATE_EVENTS,
        )
        key.save()
        try:
            sent = self._send(Connection(url, text), options["days"])
        finally:
            key.revoke()
        keep(project)
        self.stdout.write(
            f"{sent:,} events of {options['days']} days were accepted. "
            f"See {url}/p/{project.id}/?period=91d"
        )

    def _send(self, connection: Connection, days: int) -> int:
        """How many events were accepted. Raises CommandError."""
        now = datetime.now(UTC)
        sent = 0
        waiting: list[Event] = []
        for day in tell(now.date(), days=days):
            waiting += (each for each in day if datetime.fromisoformat(each["timestamp"]) <= now)
            while len(waiting) >= BATCH_EVENTS:
                send(connection, waiting[:BATCH_EVENTS])
                sent += BATCH_EVENTS
                del waiting[:BATCH_EVENTS]
        if waiting:
            send(connection, waiting)
        connection.close()
        return sent + len(waiting)

    def _remove(self) -> None:
        project: Project | None = look_for_project(NAME)
        if project is None:
            raise CommandError("There is no demo.")
        ask_deletion(project, f"command {getpass.getuser()}")
        self.stdout.write("The demo is being deleted.")


def keep(project: Project) -> None:
    """Goals, a funnel, a segment and notes. What there is stays as it is, and what was deleted is
    not made again, but for notes, of which nothing is left then."""
    made: list[Saved] = [Goal(**fields) for fields in GOALS]
    made += [SavedFunnel(name=name, question=question) for name, question in FUNNELS.items()]
    made += [Segment(name=name, filters=[*filters]) for name, filters in SEGMENTS.items()]
    for each in made:
        if not type(each)._default_manager.filter(project=project, name=each.name).exists():
            each.project, each.created_by = project, AUTHOR
            each.full_clean()
            each.save()
    for day, text in tell_notes(datetime.now(UTC).date()):
        name = slugify(text)
        if find_note(project, name) is None:
            note = make_note(project, text, AUTHOR, name)
            place(note, day, UTC)
            write_note(note)


def find_url(given: str | None) -> str:
    """Raises CommandError."""
    try:
        kept = read_credentials(None, os.environ)
    except PlanError as exc:
        raise CommandError(str(exc)) from exc
    url = given or kept.get("url")
    if not url:
        raise CommandError("Where is the service? Say --url http://127.0.0.1:8000.")
    return url.rstrip("/")


def send(connection: Connection, events: list[Event]) -> None:
    """Have all of them accepted, however often it takes. Raises CommandError."""
    body = json.dumps(events).encode()
    said = "no answer"
    for _ in range(TRIES):
        try:
            status, answer = connection.post("/events", body)
        except NoAnswer as error:
            said = repr(error)
        else:
            if status == 202 and answer.get("accepted") == len(events):
                return
            said = f"{code_of(status, answer)} {answer.get('rejected') or answer.get('errors')}"
            if status not in _AGAIN:
                break
        time.sleep(PAUSE_SECONDS)
    raise CommandError(f"The service did not take the events: {said[:500]}")
