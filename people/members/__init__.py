"""Who is in a project, as what, and what each role may do (docs/people.md)."""
