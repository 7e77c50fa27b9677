"""What every row of the reliability tables shares: loads, and what one trial is."""
