"""Requests with a few bytes that are not as they were."""

import random

ODD_BYTES = (
    *(b"\x00", b"\r\n", b"\n", b"\xff", b"%00", b"%ff", b"%2f", b"\\u0000", b"\\ud800", b"9" * 30),
    *(
        b"e999",
        b"[]",
        b"{",
        b'"',
        b"'",
        b":",
        b",",
        b";",
        b" ",
        b"$",
        b"..",
        b"/",
        b"?",
        b"&",
        b"=",
    ),
)


def mutate(request: bytes, rng: random.Random) -> bytes:
    """The request with a few bytes changed, cut out, doubled or put in; seldom in its key."""
    mutated = bytearray(request)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(mutated))
        key_at = mutated.find(b"Authorization: ")
        if key_at <= at <= mutated.find(b"\r\n", key_at) and rng.random() < 0.9:
            continue
        match rng.randrange(4):
            case 0:
                mutated[at:at] = rng.choice(ODD_BYTES)
            case 1:
                mutated[at] = rng.randrange(256)
            case 2:
                del mutated[at : at + rng.randint(1, 8)]
            case _:
                mutated[at:at] = mutated[at : at + rng.randint(1, 30)]
    return bytes(mutated)
