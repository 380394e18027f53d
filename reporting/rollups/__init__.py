"""Answers added up and ranked from rollups, all read in one snapshot."""
