"""A webhook is https to a public address, however its host is spelled."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notices.sending.addresses import is_allowed
from notices.sending.endpoint import BadUrl, read_endpoint

PRIVATE = (
    "127.0.0.1", "127.8.9.10", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255",
    "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.0.2.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "168.63.129.16", "192.88.99.1", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "2002:7f00:1::", "2002:5db8:d822::1", "2001::1", "2001:0:53aa:64c:0:fbff:f5ff:fffe",
    "2001:db8::1", "3fff::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1",
    "ff02::1", "100::1", "5f00::1", "", "localhost", "1", "0x7f000001", "127.1", "127.0.0.1 ",
)  # fmt: skip
PUBLIC = (
    "93.184.216.34", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:1.1.1.1",
    "64:ff9b::101:101",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_not_connected_to(address: str) -> None:
    assert not is_allowed(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is(address: str) -> None:
    assert is_allowed(address)


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_however_ipv6_wraps_it(address: object) -> None:
    assert is_allowed(f"::ffff:{address}") is is_allowed(f"64:ff9b::{address}")
    assert is_allowed(f"::ffff:{address}") is is_allowed(str(address))


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"])
def test_an_operator_can_allow_networks_of_their_own(address: str) -> None:
    networks = [ip_network("10.1.0.0/16"), ip_network("fd00::/64")]
    assert is_allowed(address, networks)
    assert not is_allowed("10.2.0.1", networks)


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("https://hooks.example", "hooks.example", 443, "/"),
        ("HTTPS://Hooks.Example:8443/a?b=c#d", "hooks.example", 8443, "/a?b=c"),
        ("https://hooks.example./a", "hooks.example", 443, "/a"),
        ("https://bücher.example/ü?q=ü", "xn--bcher-kva.example", 443, "/%C3%BC?q=%C3%BC"),
        ("https://hooks.example/a%20b?x=%2F&y", "hooks.example", 443, "/a%20b?x=%2F&y"),
        ("https://1.1.1.1/", "1.1.1.1", 443, "/"),
        ("https://[2606:4700:0::1111]/", "2606:4700::1111", 443, "/"),
        # As browsers read it: what it is connected to is judged afterwards, as a loopback address.
        ("https://\uff11\uff12\uff17\u30020\u30020\u30021/", "127.0.0.1", 443, "/"),
    ],
)
def test_a_url_is_read(url: str, host: str, port: int, target: str) -> None:
    endpoint = read_endpoint(url)
    assert (endpoint.host, endpoint.port, endpoint.target) == (host, port, target)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://hooks.example/", "https"),
        ("//hooks.example/", "https"),
        ("file:///etc/passwd", "https"),
        ("gopher://hooks.example/", "https"),
        ("", "https"),
        ("https://", "name"),
        ("https:///path", "name"),
        ("https://user:password@hooks.example/", "user name"),
        ("https://hooks.example@10.0.0.1/", "user name"),
        ("https://hooks.example\\@10.0.0.1/", "backslash"),
        ("https://hooks.example/\r\nX: y", "control"),
        ("https://hooks.example/\ta", "control"),
        ("https://hooks.example/a b", "space"),
        ("https://hooks.example:22/", "port"),
        ("https://hooks.example:80/", "port"),
        ("https://hooks.example:0/", "port"),
        ("https://hooks.example:99999/", "not a URL"),
        ("https://2130706433/", "number"),
        ("https://0x7f000001/", "number"),
        ("https://0x7f.1/", "number"),
        ("https://127.1/", "number"),
        ("https://0177.0.0.1/", "number"),
        ("https://[::1/", "not a URL"),
        ("https://[fe80::1%25eth0]/", "interface"),
        ("https://-a.example/", "name"),
        ("https://a..example/", "name"),
        ("https://a%2eexample/", "name"),
        ("https://" + "a" * 64 + ".example/", "name"),
        ("https://" + "a." * 200 + "example/", "name"),
        ("https://hooks.example/" + "a" * 2_000, "longer"),
    ],
)
def test_a_url_that_cannot_be_one_is_refused_with_its_reason(url: str, why: str) -> None:
    with pytest.raises(BadUrl, match=why):
        read_endpoint(url)
