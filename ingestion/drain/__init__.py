"""The worker's loop: read entries or take over those of the dead, store, ack."""
