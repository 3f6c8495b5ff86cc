"""What networks learn: tasks, their data sets, splits and labels."""
