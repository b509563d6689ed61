"""Metrics, and the commands that print the tables in the documentation."""
