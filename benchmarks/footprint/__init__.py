"""What the whole service of `make run` takes: memory, idle, and under the load of a small site."""
