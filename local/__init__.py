"""Runs the whole service on one machine: embedded Redis and MongoDB servers and `make run`."""
