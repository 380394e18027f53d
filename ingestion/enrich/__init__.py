"""What the drain adds to an event: visitor, country, browser, source."""
