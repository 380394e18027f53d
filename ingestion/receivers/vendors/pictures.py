"""The answer to clients that load a picture."""

from ingestion.accept.reply import Reply

_PICTURE = bytes.fromhex(
    "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b"
)


def answer_picture(*, empty: bool = False) -> Reply:
    """A transparent point in GIF, or nothing at all."""
    headers = {"Cache-Control": "no-store"}
    if empty:
        reply = Reply.of_bytes(204, b"", headers)
        del reply.headers["Content-Type"]  # of no content
        return reply
    return Reply.of_bytes(200, _PICTURE, {**headers, "Content-Type": "image/gif"})
