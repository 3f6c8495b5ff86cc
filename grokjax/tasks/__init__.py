"""What is learned: tasks, their data sets, splits and labels."""
