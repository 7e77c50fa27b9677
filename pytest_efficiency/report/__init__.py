"""Results for people and machines, made from plain entries alone: one for each test."""
