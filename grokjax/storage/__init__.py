"""The run directory on disk: whole files, their digests, journal, checkpoints, lock and status."""
