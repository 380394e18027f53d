"""Who may do what in which project, and who did: members, invitations, the audit log."""
