"""The pages: from an address to what a person sees, with numbers that `reporting` answers."""
