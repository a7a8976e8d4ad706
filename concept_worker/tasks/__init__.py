"""FLOOR 3: when, where and how often a step runs. A task's body is one call."""
