"""Adapters for Supabase: rows over PostgREST, objects over Storage. The only room that imports `supabase`."""
