"""The page of a share link: what opens it, what it says of itself, and that it ignores who asks."""

import html
import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from analytics.projects.models import Project
from dashboard.middleware import POLICY
from people.shares.links import TOKEN_BYTES, revoke_link
from people.shares.models import ShareLink
from reporting.columns.slots import asks_as_guest, run
from reporting.questions.language.periods import PERIODS
from tests.conftest import TestProject
from tests.shares.conftest import GERMANY, Share

PARTS = (
    "", "bar", "top", "panel/pages", "suggest?field=path&value=d", "row?field=path&key=/docs",
    "list/path", "list/path/rows", "list/path/csv", "?full=1", "list/path?full=1",
)  # fmt: skip


def test_a_link_shows_figures_a_curve_and_its_panels(told: TestProject, share: Share) -> None:
    page = share(told, restriction=GERMANY, period="7d").read(full=1)

    assert 'data-metric="views" data-value="3"' in page
    assert 'data-metric="visitors" data-value="2"' in page
    assert "data-curve" in page
    assert 'data-key="/docs"' in page
    assert 'data-key="Referral"' in page
    assert 'id="panel-places"' not in page
    assert "For the board" in page
    assert told.row.name not in page
    assert told.row.pk not in page


@pytest.mark.parametrize("part", PARTS)
def test_every_answer_says_that_nobody_may_keep_list_or_frame_it(
    told: TestProject, share: Share, part: str
) -> None:
    visitor = share(told)
    answer = visitor.client.get(visitor.home + part)

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert answer["X-Robots-Tag"] == "noindex"
    assert answer["Content-Security-Policy"] == POLICY
    assert "frame-ancestors 'none'" in POLICY
    assert answer["X-Frame-Options"] == "DENY"
    assert "Set-Cookie" not in answer
    assert "Cookie" not in answer.get("Vary", "")


@pytest.mark.parametrize("part", PARTS)
def test_origins_of_a_link_may_frame_it_and_nobody_else(
    told: TestProject, share: Share, part: str
) -> None:
    visitor = share(told, origins=["https://blog.example", "https://*.example.org"])
    answer = visitor.client.get(visitor.home + part)

    policy = answer["Content-Security-Policy"]
    assert "frame-ancestors https://blog.example https://*.example.org" in policy
    assert "'none'" in policy  # of all else
    assert policy.count("frame-ancestors") == 1
    assert "X-Frame-Options" not in answer


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("how", ["revoked", "expired", "deleted", "unknown", "no token"])
def test_a_link_that_is_over_is_as_one_that_never_was(
    told: TestProject, share: Share, part: str, how: str
) -> None:
    visitor = share(told, origins=["https://blog.example"])
    home = visitor.home
    match how:
        case "revoked":
            assert visitor.read()
            assert revoke_link(visitor.link)
        case "expired":
            past = timezone.now() - timedelta(seconds=1)
            ShareLink.objects.filter(pk=visitor.link.pk).update(expires_at=past)
        case "deleted":
            told.row.stop()
        case "unknown":
            home = f"/share/{'A' * 22}/"
        case "no token":
            home = "/share/x/"

    answer = visitor.client.get(home + part)

    assert answer.status_code == 404
    assert "Nothing is shared here, or no longer." in answer.content.decode()
    assert answer["Content-Security-Policy"] == POLICY
    assert answer["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("part", PARTS)
def test_a_link_is_not_written_to(told: TestProject, share: Share, part: str) -> None:
    visitor = share(told)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        assert visitor.client.generic(method, visitor.home + part).status_code == 405


def test_of_its_token_a_digest_is_kept_and_nothing_else(told: TestProject, share: Share) -> None:
    visitor = share(told)
    stored = ShareLink.objects.filter(pk=visitor.link.pk).values().get()

    assert TOKEN_BYTES * 8 == 128
    assert visitor.token not in str(stored)
    assert len(stored["digest"]) == 64


def test_whoever_is_signed_in_sees_what_everybody_sees(told: TestProject, share: Share) -> None:
    visitor = share(told)
    member = Client()
    member.force_login(User.objects.create_superuser("alice"))
    member.cookies["theme"] = "dark"
    member.cookies["view"] = "period=today&metric=views"
    member.cookies["messages"] = "not for here"

    for part in PARTS:
        theirs, everybodys = (each.get(visitor.home + part) for each in (member, visitor.client))
        assert strip(theirs.content) == strip(everybodys.content), part
        assert "Set-Cookie" not in theirs


def strip(content: bytes) -> bytes:
    """Without the moments at which it was read: what it is as of, and what it is compared until."""
    head, _, rest = content.partition(b'class="quiet fresh"')
    return re.sub(rb"until \d\d:\d\d", b"", head + rest.partition(b"</span>")[2])


def test_uses_are_counted_by_the_page_and_not_by_its_parts(told: TestProject, share: Share) -> None:
    visitor = share(told)
    begun = timezone.now()
    for part in PARTS:
        visitor.client.get(visitor.home + part)

    visitor.link.refresh_from_db()
    assert visitor.link.uses == 2
    assert visitor.link.last_used_at is not None
    assert visitor.link.last_used_at > begun - timedelta(seconds=1)


def test_the_map_is_shared_with_the_countries(told: TestProject, share: Share) -> None:
    page = share(told, ("places",), period="7d").read("panel/places", places="map")

    assert "data-world" in page
    assert "/list/country?" in page
    assert 'data-key="FR"' in page
    alone = share(told, ("places",), period="7d", restriction=GERMANY)
    assert "FR" not in alone.read("panel/places", places="map").replace(alone.token, "")


def test_both_spellings_of_its_address_open_it(told: TestProject, share: Share) -> None:
    visitor = share(told)
    answer = visitor.client.get(visitor.home.rstrip("/"))

    assert answer.status_code == 200
    assert f'hx-get="{visitor.home}top"' in answer.content.decode()


def test_a_link_of_one_project_never_leads_to_another(
    told: TestProject, other_project: TestProject, share: Share
) -> None:
    visitor = share(other_project)
    page = visitor.read(full=1)

    assert 'data-metric="views" data-value="0"' in page
    assert "/docs" not in page
    assert visitor.get(f"p/{told.row.pk}/").status_code == 404
    assert Project.objects.count() == 2


def test_a_link_has_a_rate_of_its_own(told: TestProject, share: Share, settings: Settings) -> None:
    settings.SHARE_RATE = "2/h"
    visitor, other = share(told), share(told, origins=["https://blog.example"])

    assert [visitor.get("top").status_code for _ in range(3)] == [200, 200, 429]
    assert int(visitor.get("top")["Retry-After"]) > 0
    assert other.get("top").status_code == 200
    other.get("top")
    assert "https://blog.example" in other.get("top")["Content-Security-Policy"]


def test_a_page_that_is_open_on_a_revoked_link_shuts_out_nobody(
    told: TestProject, share: Share
) -> None:
    visitor, other = share(told), share(told)
    revoke_link(visitor.link)
    assert {visitor.get("top").status_code for _ in range(65)} == {404}
    assert other.get("top").status_code == 200


def test_who_tries_many_tokens_is_refused(told: TestProject, share: Share) -> None:
    visitor = share(told)
    answers = [visitor.client.get(f"/share/{n:022}/top").status_code for n in range(62)]

    assert answers[:60] == [404] * 60
    assert answers[-1] == 429
    assert visitor.get("top").status_code == 429


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("theme=dark", 'data-theme="dark"'),
        ("theme=auto", '<html lang="en">'),
        ("lang=de", 'data-names="de"'),
        ("background=fff", 'fill="#fff"'),
        ("background=%23A0b1C2", 'fill="#A0b1C2"'),
        ("background=transparent", 'class="on-other"'),
        ("theme=blue", "Left out: theme=blue is none of light, dark, auto."),
        ("lang=%22%3E%3Cscript%3E", "Left out: lang=&quot;&gt;&lt;script&gt; is no language."),
        ("background=url(x)", "Left out: background=url(x) is no colour"),
        ("bare=yes", "Left out: bare=yes is not 1."),
    ],
)
def test_an_address_says_how_the_page_looks(
    told: TestProject, share: Share, query: str, expected: str
) -> None:
    visitor = share(told)
    page = visitor.client.get(f"{visitor.home}?{query}").content.decode()

    assert expected in page
    assert "<script>" not in page


def test_a_bare_page_has_no_head_and_every_address_keeps_how_it_looks(
    told: TestProject, share: Share
) -> None:
    visitor = share(told)
    assert "<header" in visitor.read()
    page = visitor.read(bare=1, theme="dark", full=1)

    assert '<header class="frame"' not in page
    links = [part.partition('"')[0] for part in page.split(' href="?')[1:]]
    assert links
    assert all("theme=dark" in link and "bare=1" in link for link in links)


@pytest.mark.parametrize("may_choose", [False, True])
def test_every_window_can_be_the_first(told: TestProject, share: Share, may_choose: bool) -> None:
    for period in (*PERIODS, ""):
        days = {} if period else {"start": "2020-01-01", "end": "2020-02-01"}
        visitor = share(told, period=period, may_choose_window=may_choose, **days)
        page = visitor.read(full=1)

        assert page.count('data-metric="') == 6, period
        assert 'class="problem"' not in page, period
        assert ("31 Jan 2020" in page) is (not period), period
        # An address that a member of the page would give leads to the same.
        [link] = re.findall(r'id="figure-views" href="([^"]*)"', page)
        followed = visitor.client.get(visitor.home + html.unescape(link)).content.decode()
        assert "Left out" not in followed, period


def test_its_questions_are_those_of_a_guest(
    told: TestProject, share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []

    def note(*given: object) -> object:
        seen.append(asks_as_guest())
        return run(*given)  # type: ignore[arg-type]

    monkeypatch.setattr("reporting.columns.answer_source.run", note)
    visitor = share(told)
    for part in ("top", "panel/pages", "list/path/rows", "list/path/csv"):
        visitor.read(part)

    assert seen
    assert all(seen)
    assert not asks_as_guest()
