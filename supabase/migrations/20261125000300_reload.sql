-- The last statement of a migration tells PostgREST to read the schema again. Hosted projects do so by an event trigger of
-- their own; a plain PostgREST answers PGRST202 to a new function until it is told, or restarted. Every later migration
-- ends with this line too (tests/unit/test_migrations.py): each is the last of some deployment. It is sent at commit.

notify pgrst, 'reload schema';
