"""Benchmarks of the service, beside a reference: the seed's own design in Express."""
