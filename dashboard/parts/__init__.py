"""The parts of the page: which questions each asks, and what its template shows of the answers."""
