"""The machine and its processes: devices, memory, JAX settings, random streams, signals."""
