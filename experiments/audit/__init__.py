"""Recompute the measured numbers of the documents from `experiments/results/`."""
