"""Questions that have a page of their own: how an address writes them, and what comes back."""
