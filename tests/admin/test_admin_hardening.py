"""The admin and the pages for people, as a browser is told to treat them."""

import json
import os
import subprocess
import sys
from wsgiref.simple_server import demo_app

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from ingestion.server.hot_path import HotPath
from tests.paths import ROOT

PRODUCTION = {
    "ALLOWED_HOSTS": "analytics.example.com",
    "DEBUG": "false",
    "HTTPS_ONLY": "true",
    "SECRET_KEY": "q7WmZ2vLr9TnX4bKd8HsPf3YcJ6gAeUi5oN1xMkRtVw0zEyBhQjDlSuGaCpFIO",
    "TRUSTED_PROXIES": "1",
}


@pytest.mark.slow
def test_a_deployment_has_nothing_left_to_check() -> None:
    environment = {**os.environ, **PRODUCTION}
    environment.pop("DJANGO_ALLOW_ASYNC_UNSAFE", None)  # of tests that drive a browser
    run = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "INFO"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, "")
    assert "no issues (0 silenced)" in run.stdout


@pytest.mark.slow
def test_cookies_and_transport_are_strict_in_a_deployment() -> None:
    names = [
        *("SESSION_COOKIE_SECURE", "SESSION_COOKIE_HTTPONLY"),
        *("CSRF_COOKIE_SECURE", "CSRF_COOKIE_HTTPONLY"),
        *("SECURE_SSL_REDIRECT", "SECURE_HSTS_INCLUDE_SUBDOMAINS"),
    ]
    program = (
        "import json, sys; from config import settings; "
        "print(json.dumps([getattr(settings, name) for name in sys.argv[1:]]))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, *names],
        cwd=ROOT,
        env={**os.environ, **PRODUCTION},
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(run.stdout) == [True] * len(names)


@pytest.mark.parametrize("path", ["/admin/login/", "/docs/", "/schema/", "/nothing"])
def test_a_page_may_load_nothing_from_elsewhere_and_be_framed_by_nobody(
    store: None, path: str
) -> None:
    headers = Client().get(path).headers

    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert "script-src" not in policy  # so that default-src holds for scripts
    assert policy["object-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"


@pytest.mark.slow
def test_no_page_of_the_admin_needs_a_script_of_its_own(store: None) -> None:
    """Else the policy would break it."""
    client = Client()
    client.force_login(User.objects.create_superuser("alice", password="x"))
    for page in ("index", "analytics_project_changelist", "analytics_project_add"):
        text = client.get(reverse(f"admin:{page}")).content.decode()
        assert "<script>" not in text
        assert "onclick=" not in text


def test_a_weak_password_is_refused() -> None:
    for weak in ("short-9x", "123456789012", "password1234", "alice-alice-alice"):
        with pytest.raises(ValidationError):
            validate_password(weak, User(username="alice-alice-alice"))
    validate_password("correct horse battery")


@pytest.mark.parametrize(
    ("proxies", "environ", "status"),
    [
        (1, {"HTTP_X_FORWARDED_PROTO": "https"}, 401),
        (1, {"HTTP_X_FORWARDED_PROTO": "https, http"}, 401),
        (1, {"HTTP_X_FORWARDED_PROTO": "http"}, 403),
        (1, {}, 403),
        (0, {"HTTP_X_FORWARDED_PROTO": "https"}, 403),
        (0, {"wsgi.url_scheme": "https"}, 401),
    ],
)
def test_where_https_is_a_must_an_event_over_plain_http_is_refused(
    settings: Settings, proxies: int, environ: dict[str, str], status: int
) -> None:
    """And not redirected, which would lose its body."""
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if proxies else None
    request = {"REQUEST_METHOD": "POST", "PATH_INFO": "/event", "wsgi.url_scheme": "http"}

    status_line, response, _ = HotPath(demo_app).answer({**request, **environ})

    assert status_line.startswith(str(status))
    if status == 403:
        assert json.loads(response.content)["code"] == "https_required"
