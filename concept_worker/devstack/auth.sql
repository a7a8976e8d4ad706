-- What sign-in needs, applied at each start: data of an earlier version has the users' table without it.

alter table auth.users add column if not exists encrypted_password text;  -- scrypt, with its salt
alter table auth.users add column if not exists last_sign_in_at timestamptz;

create table if not exists auth.sessions (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users (id) on delete cascade,
    created_at timestamptz not null default now()
);

create table if not exists auth.refresh_tokens (
    digest text primary key,  -- SHA-256 of the token
    session_id uuid not null references auth.sessions (id) on delete cascade,
    created_at timestamptz not null default now(),
    used_at timestamptz
);

create index if not exists sessions_user_id_idx on auth.sessions (user_id);
create index if not exists refresh_tokens_session_id_idx on auth.refresh_tokens (session_id);
grant all on auth.sessions, auth.refresh_tokens to supabase_auth_admin;
