"""FLOOR 0: palettes, by colour harmony and out of a model's words. Pure functions; no I/O."""
