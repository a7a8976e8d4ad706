-- Presence: the worker processes that work on a step show themselves every second, so that the steps of a dead one need not
-- wait for their leases. Presence only ever shortens a wait; who has a step is decided by leases and owners alone.

create table public.worker_presence (
    process text primary key,
    seen_at timestamptz not null default now()
) with (fillfactor = 50);  -- each second an update of one row that stays on its page

-- Show that a process lives.
create function public.show_presence(p_process text) returns void
language sql volatile security invoker set search_path = '' as $$
    insert into public.worker_presence as p (process) values (p_process)
    on conflict (process) do update set seen_at = now();
$$;

-- End the leases of a process that the broker has lost, unless it was seen here within the last p_silent_seconds. The owners of
-- its steps begin with its name. Returns how many leases ended, or null when the process lives.
create function public.end_lost_leases(p_process text, p_silent_seconds double precision) returns integer
language plpgsql volatile security invoker set search_path = '' as $$
declare
    v_before timestamptz := now() - make_interval(secs => p_silent_seconds);
    v_tasks uuid[];
    v_ended integer;
begin
    if exists (select from public.worker_presence where process = p_process and seen_at >= v_before) then
        return null;
    end if;
    select array_agg(id) into v_tasks from (
        select t.id from public.tasks as t
        where exists (
            select from public.task_steps as s
            where s.task_id = t.id and s.state = 'running' and starts_with(s.owner, p_process || ':'))
        order by t.id
        for update skip locked  -- what holds the lock is a verb of a living process
    ) as locked;

    update public.task_steps set lease_expires_at = now()
    where task_id = any (v_tasks) and state = 'running' and lease_expires_at > now() and started_at < v_before
        and starts_with(owner, p_process || ':');
    get diagnostics v_ended = row_count;
    delete from public.worker_presence where seen_at < now() - interval '1 day';
    return v_ended;
end
$$;
