"""What processes count, log and trace, and how the counts of all are added up."""
