"""Where an event came from: a source by its name, and a channel in GA4's order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.enrich.campaigns import NO_CAMPAIGN, Campaign
from ingestion.enrich.click_ids import CLICK_IDS
from ingestion.enrich.referrers import referrer_host
from ingestion.enrich.traffic import Traffic, find_traffic, is_own_host

GA4_CHANNELS = {
    "Direct", "Cross-network", "Paid Shopping", "Paid Search", "Paid Social", "Paid Video",
    "Display", "Paid Other", "Organic Shopping", "Organic Social", "Organic Video",
    "Organic Search", "Referral", "Email", "Affiliates", "Audio", "SMS",
    "Mobile Push Notifications", "Unassigned",
}  # fmt: skip


@pytest.mark.parametrize(
    ("referrer", "source", "channel"),
    [
        ("https://www.google.com/", "Google", "Organic Search"),
        ("https://www.google.co.uk/", "Google", "Organic Search"),
        ("https://google.com.br/", "Google", "Organic Search"),
        ("https://images.google.de/", "Google", "Organic Search"),
        ("https://docs.google.com/a", "Google Docs", "Referral"),
        ("https://accounts.google.com/", "accounts.google.com", "Referral"),
        ("https://google.evil.example/", "google.evil.example", "Referral"),
        ("https://notgoogle.com/", "notgoogle.com", "Referral"),
        ("https://de.search.yahoo.com/", "Yahoo!", "Organic Search"),
        ("https://finance.yahoo.com/", "finance.yahoo.com", "Referral"),
        ("https://l.facebook.com/", "Facebook", "Organic Social"),
        ("https://t.co/a", "X", "Organic Social"),
        ("https://www.pinterest.co.uk/", "Pinterest", "Organic Social"),
        ("https://de.pinterest.com/", "Pinterest", "Organic Social"),
        ("https://news.ycombinator.com/item", "Hacker News", "Organic Social"),
        ("https://m.youtube.com/", "YouTube", "Organic Video"),
        ("https://smile.amazon.co.uk/", "Amazon", "Organic Shopping"),
        ("https://chatgpt.com/", "ChatGPT", "AI Assistants"),
        ("https://www.perplexity.ai/search", "Perplexity", "AI Assistants"),
        ("https://gemini.google.com/app", "Gemini", "AI Assistants"),
        ("https://claude.ai/", "Claude", "AI Assistants"),
        ("https://copilot.microsoft.com/", "Copilot", "AI Assistants"),
        ("https://mail.google.com/", "Gmail", "Email"),
        ("https://outlook.live.com/", "Outlook", "Email"),
        ("https://deref-gmx.net/", "GMX", "Email"),
        ("android-app://com.google.android.gm/", "Gmail", "Email"),
        ("https://com.google.android.gm/", "Gmail", "Email"),
        ("android-app://com.slack", "Slack", "Organic Social"),
        ("android-app://com.google.android.googlequicksearchbox/", "Google", "Organic Search"),
        ("ios-app://544007664/vnd.youtube/", "YouTube", "Organic Video"),
        ("android-app://com.unknown.app/", "android-app://com.unknown.app", "Referral"),
        ("https://github.com/", "GitHub", "Referral"),
        ("https://suche.info/", "suche.info", "Organic Search"),
        ("https://www.example.com/", "example.com", "Referral"),
        ("http://intranet/", "intranet", "Referral"),
        ("", None, "Direct"),
    ],
)
def test_a_referrer_is_a_source_by_the_name_that_people_know(
    referrer: str, source: str | None, channel: str
) -> None:
    assert find_traffic(referrer_host(referrer), NO_CAMPAIGN, None) == (source, channel)


@pytest.mark.parametrize(
    ("source", "medium", "campaign", "traffic"),
    [
        ("(direct)", "(none)", None, (None, "Direct")),
        ("(direct)", None, None, (None, "Direct")),
        ("google", "cpc", "cross-network", ("Google", "Cross-network")),
        ("amazon", "cpc", None, ("Amazon", "Paid Shopping")),
        ("a", "ppc", "summer-shop", ("a", "Paid Shopping")),
        ("a", "ppc", "workshop", ("a", "Paid Other")),
        ("a", "ppc", "e-shop", ("a", "Paid Shopping")),
        ("a", "paid", "shopping", ("a", "Paid Shopping")),
        ("google", "cpc", None, ("Google", "Paid Search")),
        ("bing", "paidsearch", None, ("Bing", "Paid Search")),
        ("google", "cpm", None, ("Google", "Paid Search")),
        ("google", "retargeting", None, ("Google", "Paid Search")),
        ("google", "display", None, ("Google", "Display")),
        ("facebook", "paid_social", None, ("Facebook", "Paid Social")),
        ("ig", "cpc", None, ("Instagram", "Paid Social")),
        ("youtube", "cpv", None, ("YouTube", "Paid Video")),
        ("chatgpt.com", "cpc", None, ("ChatGPT", "Paid Other")),
        ("a", "cpm", None, ("a", "Display")),
        ("a", "banner", None, ("a", "Display")),
        ("a", "cpc", None, ("a", "Paid Other")),
        ("chatgpt.com", None, None, ("ChatGPT", "AI Assistants")),
        ("perplexity", "referral", None, ("Perplexity", "AI Assistants")),
        ("etsy.com", "referral", None, ("Etsy", "Organic Shopping")),
        ("a", "email", "shop", ("a", "Organic Shopping")),
        ("fb", None, None, ("Facebook", "Organic Social")),
        ("twitter", "email", None, ("X", "Organic Social")),
        ("a", "social", None, ("a", "Organic Social")),
        ("vimeo", None, None, ("Vimeo", "Organic Video")),
        ("a", "video", None, ("a", "Organic Video")),
        ("duckduckgo", None, None, ("DuckDuckGo", "Organic Search")),
        ("a", "organic", None, ("a", "Organic Search")),
        ("a", "referral", None, ("a", "Referral")),
        ("a", "link", None, ("a", "Referral")),
        ("a", "app", None, ("a", "Referral")),
        ("gmail", "referral", None, ("Gmail", "Referral")),
        ("a", "email", None, ("a", "Email")),
        ("a", "e-mail", None, ("a", "Email")),
        ("email", None, None, ("email", "Email")),
        ("newsletter", None, None, ("newsletter", "Email")),
        ("mailchimp", None, None, ("Mailchimp", "Email")),
        ("a", "affiliate", None, ("a", "Affiliates")),
        ("spotify", "audio", None, ("Spotify", "Audio")),
        ("sms", None, None, ("sms", "SMS")),
        ("a", "sms", None, ("a", "SMS")),
        ("a", "web-push", None, ("a", "Mobile Push Notifications")),
        ("a", "mobile-notification", None, ("a", "Mobile Push Notifications")),
        ("firebase", None, None, ("firebase", "Mobile Push Notifications")),
        ("github.com", "readme", None, ("GitHub", "Unassigned")),
        ("target", None, None, ("target", "Unassigned")),
        ("a", "poster", None, ("a", "Unassigned")),
        ("a", None, None, ("a", "Unassigned")),
        (None, "email", None, (None, "Email")),
        (None, None, "may", (None, "Unassigned")),
    ],
)
def test_a_campaign_is_of_the_first_channel_whose_rule_holds(
    source: str | None, medium: str | None, campaign: str | None, traffic: Traffic
) -> None:
    assert find_traffic(None, Campaign(source, medium, campaign), None) == traffic


@pytest.mark.parametrize(
    ("host", "campaign", "click_id", "traffic"),
    [
        ("google.com", Campaign("news", "email"), None, ("news", "Email")),
        ("google.com", Campaign(campaign="may"), None, ("Google", "Organic Search")),
        ("google.com", Campaign(medium="cpc"), None, ("Google", "Paid Search")),
        ("mail.google.com", Campaign(campaign="may"), None, ("Gmail", "Email")),
        ("google.com", NO_CAMPAIGN, "gclid", ("Google", "Paid Search")),
        ("publisher.example", NO_CAMPAIGN, "gclid", ("Google", "Paid Search")),
        (None, NO_CAMPAIGN, "gbraid", ("Google", "Paid Search")),
        (None, Campaign("google", "organic"), "gclid", ("Google", "Paid Search")),
        (None, Campaign("news", "email"), "gclid", ("news", "Email")),
        (None, NO_CAMPAIGN, "dclid", ("Google", "Display")),
        (None, NO_CAMPAIGN, "msclkid", ("Bing", "Paid Search")),
        ("yandex.ru", NO_CAMPAIGN, "yclid", ("Yandex", "Paid Search")),
        (None, NO_CAMPAIGN, "ttclid", ("TikTok", "Paid Social")),
        (None, NO_CAMPAIGN, "fbclid", ("Facebook", "Organic Social")),
        ("l.instagram.com", NO_CAMPAIGN, "fbclid", ("Instagram", "Organic Social")),
        ("example.com", NO_CAMPAIGN, "fbclid", ("example.com", "Referral")),
        (None, Campaign("facebook", "paid"), "fbclid", ("Facebook", "Paid Social")),
        (None, NO_CAMPAIGN, "mc_eid", ("Mailchimp", "Email")),
        ("mail.google.com", NO_CAMPAIGN, "mc_eid", ("Gmail", "Email")),
        (None, NO_CAMPAIGN, "mkt_tok", ("Marketo", "Email")),
        (None, NO_CAMPAIGN, "irclickid", ("Impact", "Affiliates")),
        (None, NO_CAMPAIGN, "tblci", ("Taboola", "Display")),
        (None, NO_CAMPAIGN, "ef_id", (None, "Paid Other")),
        ("google.com", NO_CAMPAIGN, "ef_id", ("Google", "Paid Search")),
        (None, NO_CAMPAIGN, "unknown", (None, "Direct")),
    ],
)
def test_a_click_id_says_who_was_paid_and_fills_in_where_nothing_else_does(
    host: str | None, campaign: Campaign, click_id: str | None, traffic: Traffic
) -> None:
    assert find_traffic(host, campaign, click_id) == traffic


@pytest.mark.parametrize("name", CLICK_IDS)
def test_no_click_id_is_direct_or_unassigned(name: str) -> None:
    assert find_traffic(None, NO_CAMPAIGN, name).channel not in ("Direct", "Unassigned")


@pytest.mark.parametrize(
    ("host", "own", "is_own"),
    [
        ("shop.example", {"shop.example"}, True),
        ("www.shop.example", {"shop.example"}, True),
        ("shop.example", {"www.shop.example"}, True),
        ("blog.shop.example", {"shop.example"}, False),
        ("shop.example", set(), False),
        ("localhost", ("localhost",), True),
    ],
)
def test_the_projects_own_hostnames_are_no_source(host: str, own: set[str], is_own: bool) -> None:
    assert is_own_host(host, own) is is_own


@settings(max_examples=300)
@given(*[st.none() | st.text(max_size=20)] * 2, st.lists(st.text(max_size=20), max_size=3))
def test_whatever_is_sent_is_of_a_channel(
    host: str | None, click_id: str | None, campaign: list[str]
) -> None:
    traffic = find_traffic(host, Campaign(*campaign), click_id)

    assert traffic.channel in GA4_CHANNELS | {"AI Assistants"}
