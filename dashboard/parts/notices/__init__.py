"""What the page of reports and alerts shows, and its forms."""
