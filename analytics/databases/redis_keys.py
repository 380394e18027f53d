"""Every Redis key name.

All keys that one script touches carry their partition's tag `{pN}`, so that a Redis Cluster
keeps them on one node.
"""

from django.conf import settings

GROUP = b"workers"
DRAINING = b"draining"  # the wake flag, while a drain will read once more in any case


def partition_tag(partition: int) -> str:
    return f"{settings.STREAM_PREFIX}:{{p{partition}}}"


def stream_key(partition: int) -> str:
    """Stream: the entries that wait."""
    return f"{partition_tag(partition)}:stream"


def wake_key(partition: int) -> str:
    """String, 5 s: a drain has been signalled and has not begun yet; 2 s: DRAINING."""
    return f"{partition_tag(partition)}:wake"


def waiting_key(partition: int) -> str:
    """Hash: waiting events, `total`, per `<project hex>:<epoch day>`, and `public-<project hex>`.

    The last are those that came by public keys. Without a colon, as `total`: no line of a day.
    """
    return f"{partition_tag(partition)}:waiting"


def accepted_key(partition: int) -> str:
    """Hash: accepted events per `<project hex>:<epoch day>`."""
    return f"{partition_tag(partition)}:accepted"


def checkpoint_key(partition: int) -> str:
    """String: `<epoch>:<number>` of the last checkpoint of the ledger."""
    return f"{partition_tag(partition)}:checkpoint"


def allowances_key(partition: int) -> str:
    """Hash: the allowance of each API key, by `<project hex>:<key id>`.

    Two little-endian doubles: the events left of it, and when that was (unix ms).
    """
    return f"{partition_tag(partition)}:allowances"


def addresses_key(partition: int, key_id: str) -> str:
    """Hash: of a public key, when an address has its whole allowance again (unix us), by cell.

    A cell is a keyed hash of the address; there are so many of them as the hash may have fields.
    """
    return f"{partition_tag(partition)}:addresses:{key_id}"


def usage_key(partition: int, month: str) -> str:
    """Hash: events accepted in a month, `YYYYMM`, by `<project hex>`, and of them by API key and by
    all public keys: `<project hex>:<key id>` and `<project hex>:public`."""
    return f"{partition_tag(partition)}:usage:{month}"


def quota_key(partition: int, project_hex: str) -> str:
    """Hash: the same of a project, as the release before counted it; to be added.

    By month, `YYYYMM`, and of them by key and by all public keys, `YYYYMM:<key id>` and
    `YYYYMM:public`."""
    return f"{partition_tag(partition)}:quota:{project_hex}"


def imported_count_key(partition: int, project_hex: str, import_id: str) -> str:
    """Hash: `events`, the events admitted of an import, and 2^40 for each era."""
    return f"{partition_tag(partition)}:imports:{project_hex}:{import_id}"


def refusals_key(partition: int, project_hex: str, day: int) -> str:
    """Hash, 31 days: what was refused on a UTC day (days since 1970), by `<key id>:<reason>`."""
    return f"{partition_tag(partition)}:refusals:{project_hex}:{day}"


def sessions_key(partition: int) -> str:
    """Hash: the MongoDB session in which a consumer stores, by the consumer's name."""
    return f"{partition_tag(partition)}:sessions"


def api_key_key(digest_hex: str) -> str:
    """String: the mirror of one API key."""
    return f"{settings.STREAM_PREFIX}:keys:{digest_hex}"


def api_keys_complete_key() -> str:
    """String: present while the mirror holds every API key."""
    return f"{settings.STREAM_PREFIX}:keys:complete"


def api_keys_used_key() -> str:
    """Hash: when an API key was last used, in unix seconds, by key id."""
    return f"{settings.STREAM_PREFIX}:keys:used"


def alias_key(digest_hex: str) -> str:
    """String: the mirror of one alias of a project."""
    return f"{settings.STREAM_PREFIX}:aliases:{digest_hex}"


def aliases_complete_key() -> str:
    """String: present while the mirror holds every alias."""
    return f"{settings.STREAM_PREFIX}:aliases:complete"


def lane_key(name: str) -> str:
    """String, 30 s: in the broker's Redis, which process is in a lane of maintenance."""
    return f"{settings.STREAM_PREFIX}:{name}"


def origins_key() -> str:
    """String: the origins that any project allows, as JSON."""
    return f"{settings.STREAM_PREFIX}:origins"


def beat_key() -> str:
    """String, 5 s: in the broker's Redis, which beat publishes what is due."""
    return f"{settings.STREAM_PREFIX}:beat"


def stored_key() -> str:
    """String: in the broker's Redis, how many batches have been stored, by whomever."""
    return f"{settings.STREAM_PREFIX}:stored"


def sightings_key() -> str:
    """Hash: in the broker's Redis, when processes were last seen, and what they reported."""
    return f"{settings.STREAM_PREFIX}:sightings"
