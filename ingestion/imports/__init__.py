"""Events that come in files, and how they get into the stream: after those that are live."""
