-- What producers ask beside plain inserts and reads.

-- Create a pending task with the inputs of a failed or canceled one, and with those of its checkpoints and receipts that
-- `p_steps` names. The old row stays as it is. Returns nothing when the row is not this user's or not over; raises a duplicate
-- key when the id is taken, by an earlier try or by another task.
create function public.retry_task(
    p_task_id uuid, p_user_id uuid, p_steps text[], p_new_id uuid default null
) returns setof public.tasks
language plpgsql security invoker set search_path = '' as $$
declare
    v_new public.tasks;
begin
    insert into public.tasks (id, user_id, type, metadata, retry_of)
    select coalesce(p_new_id, gen_random_uuid()), user_id, type, metadata - 'retry', id from public.tasks
    where id = p_task_id and user_id = p_user_id and status in ('failed', 'canceled')
    for update  -- until its checkpoints are copied, nobody deletes it
    returning * into v_new;
    if not found then
        return;
    end if;
    insert into public.task_steps (task_id, step, state, run, owner, tries, output, receipt, started_at, finished_at)
    select v_new.id, step, case when state = 'done' then 'done' else 'waiting' end, 0, owner, tries, output, receipt,
        started_at, finished_at
    from public.task_steps
    where task_id = p_task_id and step = any (p_steps) and (state = 'done' or receipt is not null);
    return next v_new;
end
$$;
