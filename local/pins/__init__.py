"""What the service is made of, pinned: packages are audited, images get their digests."""
