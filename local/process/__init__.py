"""Processes and their ports: started, kept running, and never left behind."""
