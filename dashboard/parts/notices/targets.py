"""Whom a rule tells: as lines of a form, and as the page shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from notices.documents import Target
from notices.recipients.consent import is_address
from notices.recipients.standing import Standing
from notices.rules.terms import name_target
from notices.sending.connection import NotAllowed, check_literal
from notices.sending.endpoint import BadUrl, read_endpoint
from notices.sending.send import can_send_mail
from notices.sending.signing import make_secret

SAID = {
    Standing.MEMBER: "member",
    Standing.CONFIRMED: "confirmed",
    Standing.ASKED: "asked, has not answered yet",
    Standing.EXPIRED: "asked, did not answer in time",
    Standing.UNASKED: "not mailed: has to be asked first",
    Standing.UNSUBSCRIBED: "wants no more",
}
MAIL_IS_OFF = "Mail is not set up here, so no address can be added."


@dataclass(frozen=True, slots=True)
class ShownTarget:
    """`name` is what everybody may see: the path of a webhook is often its password."""

    name: str
    key: str
    kind: str  # mail, webhook or slack
    said: str
    may_ask: bool  # to be asked (again)


def shown_targets(targets: Sequence[Target]) -> dict[str, list[str]]:
    """As the fields of the form have them."""
    lines: dict[str, list[str]] = {"mails": [], "hooks": [], "slacks": []}
    for target in targets:
        if target["kind"] == "mail":
            lines["mails"].append(target["address"])
        else:
            lines["hooks" if target["shape"] == "plain" else "slacks"].append(target["url"])
    return lines


def read_targets(
    given: Mapping[str, Any], known: Sequence[Target]
) -> tuple[list[Target], dict[str, str]]:
    """The targets of the lines, and what is wrong with some, by field.

    A webhook that was there in the same shape keeps its secret.
    """
    targets: list[Target] = []
    mistakes: dict[str, str] = {}
    before = {name_target(target): target for target in known}
    for address in given.get("mails", ()):
        if not is_address(address):
            mistakes["mails"] = f"{address} is not an address of mail."
        elif address.lower() not in before and not can_send_mail():
            mistakes["mails"] = MAIL_IS_OFF
        targets.append({"kind": "mail", "address": address})
    for field, shape in (("hooks", "plain"), ("slacks", "slack")):
        for url in given.get(field, ()):
            try:
                endpoint = read_endpoint(url)
                check_literal(endpoint)
                url = endpoint.url
            except (BadUrl, NotAllowed) as exc:
                mistakes[field] = f"{url}: {exc}"
            target: Any = before.get(url)
            is_same = target and target["shape"] == shape
            secret = target["secret"] if is_same else make_secret()
            targets.append(
                {"kind": "webhook", "url": url, "secret": secret, "shape": shape}  # type: ignore[typeddict-item]
            )
    if not targets and not mistakes:
        mistakes["mails"] = "Give at least one address, here or below."
    return targets, mistakes


def show_target(target: Target, standing: Standing | None, key: str) -> ShownTarget:
    if target["kind"] == "mail":
        assert standing is not None
        may_ask = standing in (
            Standing.UNASKED, Standing.EXPIRED, Standing.UNSUBSCRIBED, Standing.ASKED,
        )  # fmt: skip
        return ShownTarget(target["address"], key, "mail", SAID[standing], may_ask)
    kind = "webhook" if target["shape"] == "plain" else "slack"
    return ShownTarget(urlsplit(target["url"]).netloc, key, kind, "", may_ask=False)
