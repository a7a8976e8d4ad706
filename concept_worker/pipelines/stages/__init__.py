"""Each stage's logic: what it asks of which service, what it checks, which trouble it names."""
