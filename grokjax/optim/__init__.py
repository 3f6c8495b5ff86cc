"""How networks learn: losses, update rules and transformations of gradients."""
