"""Image providers: an adapter each, the gate before them, and the chain over them."""
