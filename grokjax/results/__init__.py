"""Read run directories: members, history, parameters, predictions."""
