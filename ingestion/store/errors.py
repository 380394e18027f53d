"""Which errors of the store concern the event and which concern the moment.

StoreUnavailable   the moment: nothing is acked, the entries are tried again later
PyMongoError, `is_permanent`   the batch: some event of it can never be stored
"""


class StoreUnavailable(Exception):
    """MongoDB did not confirm the write. It may have committed: write the same batch again."""
