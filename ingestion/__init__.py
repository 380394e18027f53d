"""From HTTP to MongoDB, and nothing else."""
