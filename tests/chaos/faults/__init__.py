"""What breaks: the network, the host, and releases with a bug, as programs of their own."""
