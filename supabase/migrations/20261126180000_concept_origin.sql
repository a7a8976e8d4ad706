-- A concept says who drew its base image.
alter table public.concepts
    add column provider text,
    add column model text;

-- Store a concept with its variations and complete its task, in one transaction: no completed row without a concept, no
-- concept of a canceled row, and storing twice stores once. Returns the concept's id, or null when the run is over.
create or replace function public.store_concept(p_task_id uuid, p_run integer, p_concept jsonb, p_variations jsonb)
returns uuid
language plpgsql security invoker set search_path = '' as $$
declare
    v_task public.tasks;
    v_concept_id uuid;
begin
    select * into v_task from public.tasks where id = p_task_id for update;
    if not found or v_task.run <> p_run or v_task.status not in ('processing', 'completed') then
        return null;
    end if;
    if v_task.status = 'completed' then
        return v_task.result_id;
    end if;

    insert into public.concepts (
        task_id, user_id, logo_description, theme_description, image_path, image_url, is_anonymous,
        refinement_prompt, original_concept_id, original_image_path, original_image_url, preserve_aspects,
        provider, model)
    select p_task_id, v_task.user_id, c.logo_description, c.theme_description, c.image_path, c.image_url,
        coalesce(c.is_anonymous, true),
        -- An original that was deleted meanwhile is no reason to lose the refinement.
        c.refinement_prompt, (select o.id from public.concepts as o where o.id = c.original_concept_id),
        c.original_image_path, c.original_image_url, coalesce(c.preserve_aspects, '{}'), c.provider, c.model
    from jsonb_populate_record(null::public.concepts, p_concept) as c
    returning id into v_concept_id;

    insert into public.color_variations (
        concept_id, position, palette_name, palette_source, colors, description, image_path, image_url)
    select v_concept_id, v.position, v.palette_name, v.palette_source, v.colors, v.description, v.image_path,
        v.image_url
    from jsonb_populate_recordset(null::public.color_variations, p_variations) as v;

    update public.tasks
    set status = 'completed', result_id = v_concept_id, progress = 100, completed_at = now(),
        lease_expires_at = null, metadata = metadata - 'retry'
    where id = p_task_id;
    return v_concept_id;
end
$$;

notify pgrst, 'reload schema';
