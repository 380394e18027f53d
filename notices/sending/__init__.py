"""How a notice leaves: by mail or to a webhook, once, and within bounded time."""
