"""Results for people and machines, made from plain entries alone: one per test, as they come out of pytest's reports."""
