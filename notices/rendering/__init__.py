"""What a notice says: its facts as mail, as JSON, and as Slack has it."""
