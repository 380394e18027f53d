"""A word when something happens: rules make notices, and each is sent once, by mail or webhook."""
