"""A small database of addresses, as https://maxmind.github.io/MaxMind-DB/ describes the format."""

from collections.abc import Mapping
from ipaddress import IPv4Network, ip_network
from typing import NamedTuple

_STRING, _UINT16, _UINT32, _MAP, _UINT64, _ARRAY = 2, 5, 6, 7, 9, 11
_SEPARATOR = b"\x00" * 16
_MARKER = b"\xab\xcd\xefMaxMind.com"


class Number(NamedTuple):
    """An unsigned integer of a kind."""

    kind: int
    value: int


Value = str | Number | list["Value"] | Mapping[str, "Value"]


def make_mmdb(records: Mapping[str, Value]) -> bytes:
    """The file that holds a record for each network."""
    nodes: list[list[int | None]] = [[None, None]]
    data = b""
    offsets: list[int] = []
    for text, value in records.items():
        offsets.append(len(data))
        data += _encode(value)
        _insert(nodes, text, -len(offsets))
    count = len(nodes)
    tree = b"".join(_place(record, count, offsets).to_bytes(3) for node in nodes for record in node)
    metadata: Mapping[str, Value] = {
        "binary_format_major_version": Number(_UINT16, 2),
        "binary_format_minor_version": Number(_UINT16, 0),
        "build_epoch": Number(_UINT64, 1_700_000_000),
        "database_type": "Test",
        "description": {"en": "Test"},
        "ip_version": Number(_UINT16, 6),
        "languages": ["en"],
        "node_count": Number(_UINT32, count),
        "record_size": Number(_UINT16, 24),
    }
    return tree + _SEPARATOR + data + _MARKER + _encode(metadata)


def _insert(nodes: list[list[int | None]], text: str, record: int) -> None:
    network = ip_network(text)
    is_ipv4 = isinstance(network, IPv4Network)
    bits = f"{int(network.network_address):0128b}"[: network.prefixlen + 96 * is_ipv4]
    at = 0
    for bit in map(int, bits[:-1]):
        following = nodes[at][bit]
        if following is None:
            nodes.append([None, None])
            following = nodes[at][bit] = len(nodes) - 1
        at = following
    nodes[at][int(bits[-1])] = record


def _place(record: int | None, count: int, offsets: list[int]) -> int:
    """A node, nothing (the number of nodes), or where in the data the record begins."""
    if record is None:
        return count
    return record if record >= 0 else count + len(_SEPARATOR) + offsets[-record - 1]


def _encode(value: Value) -> bytes:
    if isinstance(value, str):
        return _begin(_STRING, len(value.encode())) + value.encode()
    if isinstance(value, Number):
        size = (value.value.bit_length() + 7) // 8
        return _begin(value.kind, size) + value.value.to_bytes(size)
    if isinstance(value, list):
        return _begin(_ARRAY, len(value)) + b"".join(map(_encode, value))
    pairs = b"".join(_encode(key) + _encode(item) for key, item in value.items())
    return _begin(_MAP, len(value)) + pairs


def _begin(kind: int, size: int) -> bytes:
    assert size < 29, "longer ones have another begin"
    return bytes([kind << 5 | size]) if kind < 8 else bytes([size, kind - 7])
