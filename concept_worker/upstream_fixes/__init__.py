"""Faults of Celery and kombu, mended here until they are mended there; each has a test that tells when it can go."""
