"""Training: one member, its compiled program, and the host loop that feeds lanes."""
