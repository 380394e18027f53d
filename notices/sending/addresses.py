"""Which IP addresses the service connects to on behalf of people: public ones alone.

Whoever may name a webhook could otherwise reach what only this machine can: its own services, its
network, the place where a cloud keeps its credentials.
"""

from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# What `is_global` calls public, and is not the Internet, or leads back inside.
_REFUSED = tuple(
    ip_network(text)
    for text in (
        "168.63.129.16/32",  # what Azure's machines ask about themselves
        "192.0.0.0/24",  # protocols of their own; Oracle's machines ask 192.0.0.192
        "192.88.99.0/24",  # relays of 6to4
        "2001::/23",  # Teredo and other protocols of their own
        "2002::/16",  # 6to4: an IPv4 address in disguise
        "3fff::/20",  # documentation, since RFC 9637
    )
)
_UNICAST = IPv6Network("2000::/3")  # RFC 4291: all that is given out of IPv6
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


def read_address(text: str) -> Address:
    """Of what a resolver answered; an IPv4 address in IPv6 is taken out. Raises ValueError."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_allowed(text: str, networks: Sequence[Network] = ()) -> bool:
    """Whether an address is public, or in one of the networks that the operator allows."""
    try:
        address = read_address(text)
    except ValueError:
        return False
    if any(address in network for network in networks):
        return True
    if isinstance(address, IPv6Address) and address not in _UNICAST:
        return False
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return not any(address in network for network in _REFUSED)
