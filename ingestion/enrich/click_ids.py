"""The ids that networks append to a link when somebody clicks on it, and what each of them tells.

The names are those of the networks' own documentation, as of 2026-11-26: facts, under no licence.
"""

import re
from typing import Final, Literal, NamedTuple

from ingestion.enrich.campaigns import mend_delimiters

Medium = Literal["cpc", "display", "organic", "social", "email", "affiliate"]


class ClickId(NamedTuple):
    """Who appends it, by the name of the source, and to what. `cpc` and `display` were paid."""

    source: str | None
    medium: Medium


def _all(source: str | None, medium: Medium, names: str) -> dict[str, ClickId]:
    return dict.fromkeys(names.split(), ClickId(source, medium))


CLICK_IDS: Final[dict[str, ClickId]] = {
    **_all("Google", "cpc", "gclid gbraid wbraid gad_source gad_campaignid"),
    **_all("Google", "display", "dclid"),
    **_all("Google", "organic", "srsltid"),
    **_all("Bing", "cpc", "msclkid"),
    **_all("Yandex", "cpc", "yclid"),
    **_all("Yandex", "organic", "ysclid"),
    **_all("Yahoo!", "cpc", "vmcid"),
    **_all("Naver", "cpc", "napm"),
    # Meta appends these to every link, paid or not; the others only to advertisements.
    **_all("Facebook", "social", "fbclid mibextid"),
    **_all("Instagram", "social", "igshid igsh"),
    **_all("TikTok", "cpc", "ttclid"),
    **_all("X", "cpc", "twclid"),
    **_all("LinkedIn", "cpc", "li_fat_id"),
    **_all("Reddit", "cpc", "rdt_cid"),
    **_all("Snapchat", "cpc", "sccid"),
    **_all("Pinterest", "cpc", "epik"),
    **_all("Quora", "cpc", "qclid"),
    **_all("Nextdoor", "cpc", "ndclid"),
    **_all("Taboola", "display", "tblci"),
    **_all("Outbrain", "display", "obclid dicbo"),
    **_all(None, "cpc", "ef_id s_kwcid mkwid"),
    **_all("Mailchimp", "email", "mc_cid mc_eid"),
    **_all("Klaviyo", "email", "_kx"),
    **_all("HubSpot", "email", "_hsenc _hsmi"),
    **_all("Marketo", "email", "mkt_tok"),
    **_all("MailerLite", "email", "ml_subscriber ml_subscriber_hash"),
    **_all("ActiveCampaign", "email", "vgo_ee"),
    **_all("Dotdigital", "email", "dm_i"),
    **_all("Omeda", "email", "oly_enc_id oly_anon_id"),
    **_all("Vero", "email", "vero_id vero_conv"),
    **_all("Drip", "email", "__s"),
    **_all("Blueshift", "email", "bsft_clkid bsft_eid"),
    **_all("Impact", "affiliate", "irclickid irgwc"),
    **_all("CJ", "affiliate", "cjevent"),
    **_all("Awin", "affiliate", "awc zanpid"),
    **_all("Rakuten", "affiliate", "ransiteid"),
    **_all("ShareASale", "affiliate", "sscid"),
    **_all("Tradedoubler", "affiliate", "tduid"),
}
"""By the name of the parameter, in lower case."""

_PARAMETER: Final = re.compile(
    rf"[?&#;!]({'|'.join(sorted(CLICK_IDS, key=len, reverse=True))})(?:=|%3d)[^?&#=\s]",
    re.IGNORECASE,
)


def find_click_id(address: str) -> str | None:
    """The name of the click id that the query or the fragment of `address` holds, or None.

    Of several the last: a link that was clicked before is passed on with the older ids in it.
    """
    found = _PARAMETER.findall(address)
    if not found and "%" in address:
        found = _PARAMETER.findall(mend_delimiters(address))
    return found[-1].lower() if found else None
