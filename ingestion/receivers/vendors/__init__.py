"""A module for each vendor, and more where its clients ask for more than to be taken."""
