"""The worker process: its services, its guards, its end."""
