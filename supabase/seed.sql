-- The local development user that `concept-worker demo` and `dev` act for. Never applied to a hosted project.
insert into auth.users (id, email)
values ('00000000-0000-4000-8000-00000000d340', 'demo@localhost')
on conflict (id) do nothing;
