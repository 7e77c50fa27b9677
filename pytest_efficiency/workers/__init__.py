"""The processes in which code under test runs: the parent's side, and `inside`, which is what runs in them."""
