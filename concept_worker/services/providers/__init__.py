"""Image providers: one adapter for each, the gate in front of them, and the chain over them."""
