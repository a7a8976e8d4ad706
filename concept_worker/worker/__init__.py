"""What a worker process is: its services, its guards, its end."""
