"""What the service is made of, pinned: audits of packages, digests of images, lists renewed."""
