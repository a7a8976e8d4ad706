-- The product's own functions on a clock that stands still. A state is a JSON document whose times are seconds from now, so
-- that two moments that differ only in their date are one state.

create schema prove;

create function prove.now() returns timestamptz language sql stable as $$ select timestamptz '2030-01-01' $$;

create function prove.seconds(p_at timestamptz) returns jsonb language sql stable as $$
    select case
        when p_at is null then 'null'::jsonb
        when p_at = 'epoch' then '"epoch"'::jsonb
        else to_jsonb(round(extract(epoch from p_at - prove.now()), 3)) end
$$;

create function prove.at(p_seconds jsonb) returns timestamptz language sql stable as $$
    select case jsonb_typeof(p_seconds)
        when 'string' then 'epoch'::timestamptz
        when 'number' then prove.now() + make_interval(secs => p_seconds::double precision) end
$$;

-- What decides about the future, and what the properties read. Times that nothing reads are left out.
create function prove.dump() returns jsonb language plpgsql volatile as $$
begin
    return jsonb_build_object(
        'tasks', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'id', right(id::text, 1), 'type', type, 'status', status, 'stage', stage, 'progress', progress, 'run', run,
                'lease', prove.seconds(lease_expires_at),
                'enqueued', case when status in ('pending', 'processing') then prove.seconds(enqueued_at) end,
                'created', case when status = 'pending' then prove.seconds(created_at) end,
                'result', result_id is not null, 'error', error_message, 'waits', metadata ? 'retry'
            ) order by id), '[]') from public.tasks),
        'steps', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'task', right(task_id::text, 1), 'step', step, 'state', state,
                'run', case when state = 'running' then run else 0 end,
                'owner', case when state = 'running' or receipt is not null then owner else 'gone' end,
                'lease', prove.seconds(lease_expires_at), 'attempts', attempts, 'interruptions', interruptions,
                'unknowns', unknowns, 'output', output, 'receipt', receipt
            ) order by task_id, step), '[]') from public.task_steps),
        'concepts', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'task', right(c.task_id::text, 1),
                'is_result', exists (select from public.tasks as t where t.id = c.task_id and t.result_id = c.id),
                'variations', (select count(*) from public.color_variations as v where v.concept_id = c.id)
            ) order by c.task_id), '[]') from public.concepts as c));
end
$$;

create function prove.id(p_name text) returns uuid language sql immutable as $$
    select ('00000000-0000-0000-0000-00000000000' || p_name)::uuid
$$;

create function prove.load(p_state jsonb) returns void language plpgsql as $$
declare
    v_user uuid := (select id from auth.users limit 1);
begin
    perform set_config('session_replication_role', 'replica', true);  -- no trigger judges what is only put back
    delete from public.color_variations;
    delete from public.concepts;
    delete from public.task_steps;
    delete from public.tasks;
    insert into public.tasks (id, user_id, type, status, stage, progress, run, lease_expires_at, enqueued_at, created_at,
        result_id, error_message, metadata, completed_at)
    select prove.id(t ->> 'id'), v_user, t ->> 'type', t ->> 'status', t ->> 'stage', (t ->> 'progress')::smallint,
        (t ->> 'run')::integer, prove.at(t -> 'lease'), prove.at(t -> 'enqueued'),
        coalesce(prove.at(t -> 'created'), prove.now()),
        case when (t ->> 'result')::boolean then prove.id(t ->> 'id') end, t ->> 'error',
        case when (t ->> 'waits')::boolean then '{"retry": {}}'::jsonb else '{}' end,
        case when t ->> 'status' = 'completed' then prove.now() end
    from jsonb_array_elements(p_state -> 'tasks') as t;
    insert into public.task_steps (task_id, step, state, run, owner, lease_expires_at, attempts, interruptions, unknowns,
        output, receipt)
    select prove.id(s ->> 'task'), s ->> 'step', s ->> 'state', (s ->> 'run')::integer, s ->> 'owner',
        prove.at(s -> 'lease'), (s ->> 'attempts')::integer, (s ->> 'interruptions')::integer,
        (s ->> 'unknowns')::integer, nullif(s -> 'output', 'null'), nullif(s -> 'receipt', 'null')
    from jsonb_array_elements(p_state -> 'steps') as s;
    insert into public.concepts (id, task_id, user_id, logo_description, theme_description, image_path)
    select case when (c ->> 'is_result')::boolean then prove.id(c ->> 'task') else gen_random_uuid() end,
        prove.id(c ->> 'task'), v_user, '', '', ''
    from jsonb_array_elements(p_state -> 'concepts') as c;
    insert into public.color_variations (concept_id, position, palette_name, colors, image_path)
    select prove.id(c ->> 'task'), n, '', '[]', ''
    from jsonb_array_elements(p_state -> 'concepts') as c, generate_series(1, (c ->> 'variations')::integer) as n
    where (c ->> 'is_result')::boolean;
    perform set_config('session_replication_role', 'origin', true);
end
$$;

-- One call of the product in a state (null: the one that is there): its rows, and the state behind it.
create function prove.play(p_state jsonb, p_call text) returns jsonb language plpgsql as $$
declare
    v_answer jsonb;
begin
    if p_state is not null then
        perform prove.load(p_state);
    end if;
    execute format('select coalesce(jsonb_agg(to_jsonb(a)), ''[]'') from %s as a', p_call) into v_answer;
    return jsonb_build_object('answer', v_answer, 'state', prove.dump());
end
$$;

-- What a user's client does beside the verbs.
create function public.delete_row(p_task_id uuid) returns boolean language sql as $$
    delete from public.tasks where id = p_task_id returning true
$$;
