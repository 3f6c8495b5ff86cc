"""What learns: networks, their initial weights and the operations that they are made of."""
