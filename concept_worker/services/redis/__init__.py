"""What speaks with Redis beside Celery: the client, its errors, and checks at a start."""
