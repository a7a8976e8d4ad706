-- What the interleavings compare: every column of the product's rows, and what statements give one after the other.

create function prove.rows() returns jsonb language sql volatile as $$
    select jsonb_build_object(
        'tasks', (select coalesce(jsonb_agg(to_jsonb(t) order by t.id), '[]') from public.tasks as t),
        'steps', (select coalesce(jsonb_agg(to_jsonb(s) order by s.task_id, s.step), '[]') from public.task_steps as s),
        'concepts', (select coalesce(jsonb_agg(to_jsonb(c) order by c.task_id), '[]') from public.concepts as c),
        'variations', (
            select coalesce(jsonb_agg(to_jsonb(v) order by v.position), '[]') from public.color_variations as v))
$$;

create function prove.serial(p_state jsonb, p_statements text[]) returns jsonb language plpgsql as $$
declare
    v_statement text;
    v_answer jsonb;
    v_answers jsonb := '[]';
begin
    perform prove.load(p_state);
    foreach v_statement in array p_statements loop
        begin
            execute v_statement into v_answer;
        exception when others then
            v_answer := jsonb_build_object('error', sqlstate);
        end;
        v_answers := v_answers || jsonb_build_array(v_answer);
    end loop;
    return jsonb_build_object('answers', v_answers, 'rows', prove.rows());
end
$$;
