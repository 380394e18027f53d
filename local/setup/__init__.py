"""What a new installation needs before the service can start: secrets, stores that answer, keys."""
