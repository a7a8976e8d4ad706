"""Redis besides Celery's own use: the client, its errors, and checks at startup."""
