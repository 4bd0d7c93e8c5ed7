"""What `scripts/bench` is made of: contestants, a laboratory for them, rows of measurements, and a table."""
