"""How it learns: losses, update rules and what is done to gradients before them."""
