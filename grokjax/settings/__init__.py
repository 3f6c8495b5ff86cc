"""Settings: fields, checks of their values, and checks of function arguments."""
