"""FLOOR 0: pixel arithmetic. Pure functions from bytes and colours to bytes and colours; no I/O."""
