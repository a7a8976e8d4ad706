"""FLOOR 2: what happens, in which order, from what to what."""
