"""Analysis of what an ensemble learnt: pure functions of a run's parameters and history."""
