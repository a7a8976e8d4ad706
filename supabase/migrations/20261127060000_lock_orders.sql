-- Locks: a receipt is written under its task's row, as every verb does it; a retry holds the old row until its checkpoints are
-- copied; of two rounds of retention, one counts and names what was deleted.
create or replace function public.keep_receipt(p_task_id uuid, p_step text, p_owner text, p_receipt jsonb) returns boolean
language plpgsql security invoker set search_path = '' as $$
begin
    perform from public.tasks where id = p_task_id for update;
    update public.task_steps set receipt = p_receipt
    where task_id = p_task_id and step = p_step and state <> 'done' and (owner = p_owner or receipt is null);
    return found;
end
$$;

create or replace function public.retry_task(
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

create or replace function public.expire_concepts(p_older_seconds double precision, p_limit integer, p_dry_run boolean)
returns jsonb
language plpgsql security invoker set search_path = '' as $$
declare
    v_ids uuid[];
    v_paths jsonb;
begin
    select array_agg(id) into v_ids from (
        select c.id from public.concepts as c
        where c.created_at < now() - make_interval(secs => p_older_seconds)
            and not exists (
                select 1 from public.tasks as t
                where t.status in ('pending', 'processing') and t.metadata ->> 'original_concept_id' = c.id::text)
        order by c.created_at
        limit p_limit
    ) as old;
    if not p_dry_run then
        delete from public.tasks where result_id = any (v_ids) and status = 'completed';
        -- Another round may have deleted some of them meanwhile: they are its own.
        select array_agg(id) into v_ids from (
            select id from public.concepts where id = any (v_ids) order by id for update
        ) as locked;
    end if;
    select coalesce(jsonb_agg(path), '[]'::jsonb) into v_paths from (
        select image_path as path from public.concepts where id = any (v_ids)
        union all
        select image_path from public.color_variations where concept_id = any (v_ids)
    ) as pictures;
    if not p_dry_run then
        delete from public.concepts where id = any (v_ids);
    end if;
    return jsonb_build_object('concepts', coalesce(array_length(v_ids, 1), 0), 'paths', v_paths);
end
$$;

notify pgrst, 'reload schema';
