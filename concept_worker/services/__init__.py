"""FLOOR 1: how one thing is done, and with whom."""
