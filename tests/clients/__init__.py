"""The receivers, tried with the clients that their vendors publish: `make test-clients`."""
