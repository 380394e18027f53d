"""The worker's loop from the stream to the store: read or take over entries, store, ack."""
