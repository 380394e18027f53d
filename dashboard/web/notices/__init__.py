"""Reports and alerts, and the links in their mails."""
