"""The embedded Supabase and broker for development, demo and tests; only the CLI and the tests import it."""
