"""What is recorded at evaluations."""
