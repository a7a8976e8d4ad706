"""The illustrator: logos drawn from their description, without an account or a network."""
