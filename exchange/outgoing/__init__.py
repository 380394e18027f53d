"""Exports: what is stored of a project, in a file for people."""
