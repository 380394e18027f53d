"""manage.py create_project, allow_origin and create_api_key --public: what scripts begin with."""

from collections.abc import Callable
from io import StringIO

import pytest
import redis
from django.core.management import CommandError, call_command

from analytics.keys.authentication import authenticate
from analytics.keys.lookup import forget_keys
from analytics.keys.origins import read_all_origins
from analytics.projects import key_mirror
from analytics.projects.key_mirror import mirror_keys
from analytics.projects.models import ApiKey, Project
from analytics.projects.zones import begin_with, read_zones
from analytics.remembered import forget_everything
from tests.conftest import make_project

SHOP = "https://shop.example"


@pytest.fixture(autouse=True)
def whole_mirror(store: None) -> None:
    mirror_keys()


@pytest.fixture
def break_redis(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    def fail() -> redis.Redis:
        raise redis.ConnectionError("Redis is down")

    return lambda: monkeypatch.setattr(key_mirror, "stream_client", fail)


def run(*arguments: str, told: StringIO | None = None) -> str:
    printed = StringIO()
    call_command(*arguments, stdout=printed, stderr=told)
    return printed.getvalue().removesuffix("\n")


def make_public_key(project: str, *options: str) -> ApiKey:
    text = run("create_api_key", project, "--public", *options)
    return ApiKey.objects.get(text=text)


def test_a_script_makes_a_project_allows_a_page_and_has_its_key() -> None:
    project_id = run("create_project", "Shop")
    assert run("allow_origin", "Shop", SHOP) == SHOP
    text = run("create_api_key", "Shop", "--public")

    assert Project.objects.get().id == project_id
    record = authenticate(f"Bearer {text}")
    assert (record.project_id.hex(), record.public) == (project_id, True)
    assert record.scopes == {"ingest"}
    assert record.allowed_origins == {SHOP}
    assert (record.rate_events_per_second, record.burst_events) == (200, 1_000)


def test_create_project_takes_a_time_zone_and_prints_nothing_but_the_id() -> None:
    printed = run("create_project", " Shop ", "--time-zone", "Pacific/Kiritimati")

    project = Project.objects.get(pk=printed)
    assert (project.name, project.time_zone) == ("Shop", "Pacific/Kiritimati")
    assert read_zones(project.zones) == begin_with("Pacific/Kiritimati")
    assert (project.leaves_out_bots, project.tidies_addresses) == (True, True)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("shop",), "There is a project of this name"),
        (("",), "cannot be blank"),
        (("0f1e2d3c4b5a6978",), "must not look like the id"),
        (("Blog", "--time-zone", "Berlin"), "Berlin is not a time zone"),
    ],
)
def test_create_project_says_why_it_made_none(arguments: tuple[str, ...], told: str) -> None:
    Project.objects.create(name="Shop")
    with pytest.raises(CommandError, match=told):
        run("create_project", *arguments)
    assert Project.objects.count() == 1


def test_a_public_key_has_the_name_and_limits_that_were_said() -> None:
    project = Project.objects.create(name="Shop")
    assert make_public_key("shop").name == "Public key"
    limits = ("--rate", "7", "--burst", "2000", "--expires-days", "3")

    key = make_public_key(project.id, "--name", "Website", *limits)

    assert (key.name, key.rate_events_per_second, key.burst_events) == ("Website", 7, 2_000)
    assert key.expires_at is not None
    assert ApiKey.objects.filter(project=project, is_public=True).count() == 2


def test_the_project_is_named_in_either_way_and_once() -> None:
    project = Project.objects.create(name="Shop")
    secret = ("--name", "x", "--scopes", "ingest")
    for named in (("Shop",), ("--project", "Shop"), (project.id,), ("--project", project.id)):
        run("create_api_key", *named, *secret)
    assert run("create_api_key", "--project", "Blog", "--create-project", "--public")
    assert run("create_api_key", "News", "--create-project", *secret).startswith("ak_live_")
    assert Project.objects.count() == 3

    for wrong in ((), ("Shop", "--project", "Shop")):
        with pytest.raises(CommandError, match="Name one project"):
            run("create_api_key", *wrong, *secret)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "--name and --scopes, or --public"),
        (("--name", "x"), "--name and --scopes, or --public"),
        (("--scopes", "read"), "--name and --scopes, or --public"),
        (("--public", "--scopes", "read"), "leave out --scopes"),
        (("--public", "--scopes", "ingest"), "leave out --scopes"),
        (("--public", "--burst", "999"), "greater than or equal to 1000"),
    ],
)
def test_what_does_not_go_together_makes_no_key(options: tuple[str, ...], told: str) -> None:
    Project.objects.create(name="Shop")
    with pytest.raises(CommandError, match=told):
        run("create_api_key", "Shop", *options)
    assert not ApiKey.objects.exists()


def test_an_origin_is_allowed_once_and_what_is_allowed_is_told() -> None:
    project = make_project("Shop", allowed_origins=["https://a.example"])
    for origin in (SHOP, "null", "*", f" {SHOP} "):
        printed = run("allow_origin", project.row.id, origin)

    assert printed.splitlines() == ["https://a.example", SHOP, "null", "*"]
    assert Project.objects.get().allowed_origins == printed.splitlines()
    forget_everything()
    assert authenticate(f"Bearer {project.ingest_key}").allowed_origins == {
        "https://a.example", SHOP, "null", "*",
    }  # fmt: skip
    assert read_all_origins() == {"https://a.example", SHOP, "null", "*"}


def test_an_origin_is_allowed_in_no_other_project() -> None:
    project, other = make_project("Shop"), make_project("Blog")

    run("allow_origin", "Shop", SHOP)

    forget_keys()
    assert authenticate(f"Bearer {project.ingest_key}").allowed_origins == {SHOP}
    assert authenticate(f"Bearer {other.ingest_key}").allowed_origins == set()


@pytest.mark.parametrize("origin", ["shop.example", f"{SHOP}/", "Null", "", f"{SHOP} {SHOP}"])
def test_what_is_no_origin_is_not_allowed(origin: str) -> None:
    Project.objects.create(name="Shop")
    with pytest.raises(CommandError, match="is not an origin"):
        run("allow_origin", "Shop", origin)
    assert Project.objects.get().allowed_origins == []


def test_a_hundred_origins_are_allowed_and_no_more() -> None:
    full = [f"https://{number}.example" for number in range(100)]
    Project.objects.create(name="Shop", allowed_origins=full)
    assert run("allow_origin", "Shop", full[7]).splitlines() == full
    with pytest.raises(CommandError, match="no more than 100"):
        run("allow_origin", "Shop", SHOP)
    assert Project.objects.get().allowed_origins == full


def test_a_project_that_is_not_there_or_is_one_of_two_is_not_chosen() -> None:
    for name in ("Twin", "Twin"):  # equal names are from before they were refused
        Project.objects.bulk_create([Project(name=name, partition=0)])
    gone = Project.objects.create(name="Gone")
    gone.stop()
    for command in (("allow_origin", "{}", SHOP), ("create_api_key", "{}", "--public")):
        for project, told in (
            ("Nobody", "There is no project 'Nobody'"),
            ("Gone", "There is no project"),
            (gone.id, "There is no project"),
            ("Twin", "Give the id"),
        ):
            with pytest.raises(CommandError, match=told):
                run(*(word.format(project) for word in command))
    assert not ApiKey.objects.exists()


def test_what_redis_did_not_hear_of_is_kept_and_told_beside_the_answer(
    break_redis: Callable[[], None],
) -> None:
    make_project("Shop")
    break_redis()
    for command in (
        ("allow_origin", "Shop", SHOP),
        ("create_api_key", "Shop", "--public"),
        ("create_project", "Blog"),
    ):
        told = StringIO()
        printed = run(*command, told=told)
        assert len(printed.splitlines()) == 1
        assert ("each minute" in told.getvalue()) is (command[0] != "create_project")
    assert Project.objects.get(name="Shop").allowed_origins == [SHOP]
    assert ApiKey.objects.filter(is_public=True).count() == 1
