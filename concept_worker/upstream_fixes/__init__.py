"""Fixes for faults of Celery and kombu, until upstream mends them; a test of each tells when it can be deleted."""
