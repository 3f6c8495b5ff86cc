"""The settings of a member, and sweeps over them."""
