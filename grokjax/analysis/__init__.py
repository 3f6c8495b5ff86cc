"""What the ensemble learnt: pure functions on what a run left. Never imports the trainer."""
