"""The thin HTTP layer: PostgREST's and Supabase Storage's wire over PostgreSQL and a folder."""
