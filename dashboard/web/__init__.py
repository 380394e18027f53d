"""A module for each page: who may look, what is asked, and which template shows it."""
