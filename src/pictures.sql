-- pictures: a life cycle as it is defined, as jsonb and drawn for Graphviz and
-- Mermaid.  Labels are free text in the rule tables, so nodes get names of
-- their own and every label is escaped on its way into a picture.

-- What all of this starts with: an unknown life cycle is no empty picture.
CREATE FUNCTION paystate.picture_statuses(lifecycle pg_catalog.text)
	RETURNS TABLE (node pg_catalog.text, kind pg_catalog.text, label pg_catalog.text,
		initial pg_catalog.bool, terminal pg_catalog.bool, role pg_catalog.text,
		fill pg_catalog.text, line pg_catalog.text)
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $picture_statuses$
#variable_conflict use_column
BEGIN
	IF NOT EXISTS (SELECT FROM paystate.lifecycle l
				   WHERE l.name = picture_statuses.lifecycle COLLATE "C") THEN
		RAISE EXCEPTION USING ERRCODE = '23PS8',
			MESSAGE = format('life cycle "%s" does not exist', picture_statuses.lifecycle),
			HINT = 'The table paystate.lifecycle lists those that exist.';
	END IF;

	-- in the order in which they are usually passed: by role, then as our
	-- enums have them, then labels that are not in the enums
	RETURN QUERY
	SELECT s.kind || '_' || row_number() OVER (
				PARTITION BY s.kind
				ORDER BY s.initial DESC, r.place, e.enumsortorder, s.label),
		   s.kind, s.label, s.initial, s.terminal, s.role, r.fill, r.line
	  FROM paystate.lifecycle_status s
	  JOIN (VALUES
			('open', 1, '#e6f0fa', '#3b6ea5'),
			('held', 2, '#fff2cf', '#a86f00'),
			('settled', 3, '#e0f3e3', '#2e7d3d'),
			('returned', 4, '#efe5f8', '#7446a3'),
			('dead', 5, '#ececec', '#5f6368')) r (role, place, fill, line)
		USING (role)
	  LEFT JOIN pg_enum e
		ON e.enumtypid = CASE s.kind
				WHEN 'order' THEN 'paystate.order_status'::regtype
				ELSE 'paystate.payment_status'::regtype END
		AND e.enumlabel = s.label
	 WHERE s.lifecycle = picture_statuses.lifecycle COLLATE "C"
	 ORDER BY s.kind, s.initial DESC, r.place, e.enumsortorder, s.label;
END
$picture_statuses$;
COMMENT ON FUNCTION paystate.picture_statuses(pg_catalog.text) IS
	'the nodes of a life cycle''s picture: its statuses in the order in which they are drawn, with the colours of their roles';

-- "captured [due = 0]": only what tells a rule from its neighbours is said.
-- What is left out is what a reader expects anyway: that a new payment fits,
-- that all that was held is captured, that a refund is more than nothing.
CREATE FUNCTION paystate.picture_condition(guard pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $picture_condition$
	SELECT string_agg(coalesce(w.said, a.atom), ', ' ORDER BY a.place)
	  FROM string_to_table(guard COLLATE "C", ';') WITH ORDINALITY a (atom, place)
	  LEFT JOIN (VALUES
			('-', ''),
			('insert_ok', ''),
			('amount=held', ''),
			('captured=held', ''),
			('0<refund', ''),
			('captured<held', 'part'),
			('amount=order_due', 'all due'),
			('due_after=0', 'due = 0'),
			('due_after>0', 'due > 0'),
			('partial_payment', 'in parts'),
			('refund=amount', 'all'),
			('refunded_after<captured', 'part'),
			('refunded_after=captured', 'all'),
			('refunded_after<amount_paid', 'part'),
			('refunded_after=amount_paid', 'all'),
			('other_live', 'others live'),
			('no_other_live', 'no other live'),
			('none_live', 'none live'),
			('others_held', 'others held'),
			('others_done', 'no other held'),
			('attempts<max', 'attempts left'),
			('attempts>=max', 'no attempts left'),
			('held_after<amount', 'held < amount'),
			('held_after=amount', 'held = amount'),
			('paid_after<amount', 'paid < amount'),
			('paid_after=amount', 'paid = amount'),
			('amount_paid=0', 'paid = 0'),
			('amount_paid>0', 'paid > 0')) w (atom, said)
		ON w.atom = a.atom
	 WHERE w.said IS DISTINCT FROM '';
$picture_condition$;
COMMENT ON FUNCTION paystate.picture_condition(pg_catalog.text) IS
	'the guard of a rule in few words; NULL where there is nothing to say';

-- Rules that the parameters keep from ever firing are not drawn.
CREATE FUNCTION paystate.picture_moves(lifecycle pg_catalog.text)
	RETURNS TABLE (from_node pg_catalog.text, to_node pg_catalog.text,
		along pg_catalog.bool, lines pg_catalog.text[])
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $picture_moves$
	WITH status AS (
		SELECT s.*, s.ordinality AS place
		  FROM paystate.picture_statuses(lifecycle) WITH ORDINALITY s
	), rule AS (
		SELECT t.order_before, t.order_after, t.payment_event, t.money_effect,
			   split_part(t.payment_event, '>', 1) AS was,
			   split_part(t.payment_event, '>', 2) AS becomes,
			   split_part(t.payment_event, ':', 1) AS stays,
			   paystate.picture_condition(t.guard) AS condition
		  FROM paystate.lifecycle_transition t
		  JOIN paystate.lifecycle l ON l.name = t.lifecycle
		 WHERE t.lifecycle = picture_moves.lifecycle COLLATE "C"
		   AND (l.order_cancel OR t.payment_event <> 'order:cancel')
		   AND (l.partial_capture
				OR 'captured<held' <> ALL (string_to_array(t.guard, ';')))
		   AND (l.partial_payment = 'order'
				OR 'partial_payment' <> ALL (string_to_array(t.guard, ';')))
	), said AS (
		SELECT r.order_before, r.order_after, r.condition,
			   CASE WHEN r.payment_event = 'order:cancel' THEN 'cancel order'
					WHEN r.payment_event = 'order:fail' THEN 'fail order'
					WHEN r.becomes = '' THEN 'refund'
					WHEN r.was = 'new' THEN 'new payment'
					ELSE r.becomes END AS word,
			   CASE WHEN r.payment_event LIKE 'order:%' THEN 1000
					WHEN r.becomes = '' THEN 999
					WHEN r.was = 'new' THEN 0
					ELSE s.place END AS place
		  FROM rule r
		  LEFT JOIN status s ON s.kind = 'payment' AND s.label = r.becomes
	), spoken AS (
		-- one word an event; a loop says no more, else it would hide the rest
		SELECT order_before, order_after, word, min(place) AS place,
			   CASE WHEN order_before = order_after OR bool_or(condition IS NULL)
					THEN ARRAY[word]
					ELSE array_agg(DISTINCT format('%s [%s]', word, condition))
			   END AS lines
		  FROM said
		 GROUP BY order_before, order_after, word
	), order_move AS (
		SELECT order_before, order_after, array_agg(line ORDER BY place, word, line) AS lines
		  FROM spoken, unnest(lines) line
		 GROUP BY order_before, order_after
	), payment_move AS (
		SELECT was, becomes, false AS along, false AS refund
		  FROM rule WHERE becomes <> '' AND was <> 'new'
		UNION
		SELECT stays, stays, false, true
		  FROM rule WHERE payment_event LIKE '%:refund'
		UNION
		-- live payments that go along with their order or with another one
		SELECT s.label, substr(effect, 6), true, false
		  FROM rule, string_to_table(money_effect, ';') effect, status s
		 WHERE effect LIKE 'live>%' AND s.kind = 'payment' AND s.role IN ('open', 'held')
	)
	SELECT a.node, b.node, false, m.lines
	  FROM order_move m
	  JOIN status a ON a.kind = 'order' AND a.label = m.order_before
	  JOIN status b ON b.kind = 'order' AND b.label = m.order_after
	UNION ALL
	SELECT a.node, b.node, bool_and(m.along),
		   CASE WHEN bool_or(m.refund) THEN ARRAY['refund']
				WHEN bool_and(m.along) THEN ARRAY['along'] ELSE '{}' END
	  FROM payment_move m
	  JOIN status a ON a.kind = 'payment' AND a.label = m.was
	  JOIN status b ON b.kind = 'payment' AND b.label = m.becomes
	 GROUP BY a.node, b.node;
$picture_moves$;
COMMENT ON FUNCTION paystate.picture_moves(pg_catalog.text) IS
	'the arrows of a life cycle''s picture, those of orders labelled with payment events; "along": payments that only move with their order or another payment';

CREATE FUNCTION paystate.lifecycle_json(name pg_catalog.text)
	RETURNS pg_catalog.jsonb
	LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
	-- the same text whoever asks, and one that any interval's input reads
	SET intervalstyle = 'iso_8601'
AS $lifecycle_json$
#variable_conflict use_column
BEGIN
	-- no row below would be NULL, and not the refusal
	PERFORM FROM paystate.picture_statuses(lifecycle_json.name);
	RETURN (
		WITH status AS MATERIALIZED (
			SELECT s.kind, s.label, s.ordinality AS place
			  FROM paystate.picture_statuses(lifecycle_json.name) WITH ORDINALITY s
		)
		SELECT to_jsonb(l) - '{name,builtin}'::text[] || jsonb_build_object(
			'statuses', (
				SELECT coalesce(jsonb_agg(to_jsonb(t) - '{lifecycle,builtin}'::text[]
						ORDER BY s.place), '[]')
				  FROM paystate.lifecycle_status t
				  JOIN status s USING (kind, label)
				 WHERE t.lifecycle = l.name),
			'transitions', (
				SELECT coalesce(jsonb_agg(to_jsonb(t) - '{lifecycle,builtin}'::text[]
						ORDER BY t.payment_event, s.place, t.guard), '[]')
				  FROM paystate.lifecycle_transition t
				  LEFT JOIN status s ON s.kind = 'order' AND s.label = t.order_before
				 WHERE t.lifecycle = l.name))
		  FROM paystate.lifecycle l
		 WHERE l.name = lifecycle_json.name COLLATE "C");
END
$lifecycle_json$;
COMMENT ON FUNCTION paystate.lifecycle_json(pg_catalog.text) IS
	'the definition of a life cycle: its parameters, statuses and transitions, as define_lifecycle takes them';

-- Control characters have no place in a picture, and Graphviz would stumble
-- over them; everything that is markup there is taken literally.
CREATE FUNCTION paystate.picture_dot_text(given pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $picture_dot_text$
	SELECT replace(replace(replace(replace(
		regexp_replace(given COLLATE "C", '[[:cntrl:]]', ' ', 'g'),
		'&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;');
$picture_dot_text$;
COMMENT ON FUNCTION paystate.picture_dot_text(pg_catalog.text) IS
	'a text as it stands in one of Graphviz'' HTML-like labels';

CREATE FUNCTION paystate.lifecycle_dot(name pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $lifecycle_dot$
	WITH status AS MATERIALIZED (
		SELECT s.*, s.ordinality AS place
		  FROM paystate.picture_statuses(name) WITH ORDINALITY s
	), move AS MATERIALIZED (
		SELECT a.kind, a.place AS from_place, b.place AS to_place, b.line, m.*
		  FROM paystate.picture_moves(name) m
		  JOIN status a ON a.node = m.from_node
		  JOIN status b ON b.node = m.to_node
	), drawn_status AS (
		SELECT kind, place, format(
			E'\t\t%s [label=<<b>%s</b><br/><font point-size="9" color="%s">%s</font>>, fillcolor="%s", color="%s"%s]\n',
			node, paystate.picture_dot_text(label), line, role, fill, line,
			CASE WHEN terminal THEN ', peripheries=2' ELSE '' END)
			|| CASE WHEN initial THEN format(
					E'\t\t%s_start [shape=circle, style=filled, label="", width=0.14, fillcolor="#333333", color="#333333"]\n\t\t%1$s_start -> %s\n',
					kind, node)
			   ELSE '' END AS source
		  FROM status
	), drawn_move AS (
		SELECT kind, from_place, to_place, format(E'\t\t%s -> %s [color="%s", fontcolor="%3$s"%s%s]\n',
			from_node, to_node, line,
			CASE WHEN cardinality(lines) > 0
				THEN format(', label=<%s>', (
					SELECT string_agg(paystate.picture_dot_text(l) || '<br align="left"/>', '' ORDER BY o)
					  FROM unnest(lines) WITH ORDINALITY u (l, o)))
				ELSE '' END,
			CASE WHEN along THEN ', style=dashed' ELSE '' END) AS source
		  FROM move
	)
	SELECT format(E'digraph lifecycle {\n'
		'\trankdir=LR\n'
		'\tgraph [label=<<b>%s</b>>, labelloc=t, fontname="Helvetica,Arial,sans-serif", fontsize=16, bgcolor="white", nodesep=0.35, ranksep=0.6]\n'
		'\tnode [shape=box, style="rounded,filled", fontname="Helvetica,Arial,sans-serif", fontsize=13, margin="0.15,0.06"]\n'
		'\tedge [fontname="Helvetica,Arial,sans-serif", fontsize=10, arrowsize=0.7, color="#333333"]\n',
		paystate.picture_dot_text(name))
		|| string_agg(format(E'\tsubgraph cluster_%s {\n'
			'\t\tgraph [label="%s", labeljust=l, fontsize=12, fontcolor="#555555", style=rounded, color="#bbbbbb", margin=14]\n',
			k.kind, k.title)
			|| coalesce((SELECT string_agg(s.source, '' ORDER BY s.place)
						   FROM drawn_status s WHERE s.kind = k.kind), '')
			|| coalesce((SELECT string_agg(m.source, '' ORDER BY m.from_place, m.to_place)
						   FROM drawn_move m WHERE m.kind = k.kind), '')
			|| E'\t}\n', '' ORDER BY k.kind DESC)
		|| '}'
	  FROM (VALUES ('order', 'orders, and what happens to their payments'),
			   ('payment', 'payments')) k (kind, title);
$lifecycle_dot$;
COMMENT ON FUNCTION paystate.lifecycle_dot(pg_catalog.text) IS
	'a life cycle drawn for Graphviz: statuses of orders with the payment events that move them, statuses of payments beside them';

-- In quotes, words like "end" are plain text to Mermaid; quotes and whatever
-- else could be markup or an entity are written by their number.
CREATE FUNCTION paystate.picture_mermaid_text(given pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $picture_mermaid_text$
	SELECT coalesce(string_agg(
				CASE WHEN c ~ '[[:cntrl:]]' THEN ' '
					 WHEN c = '<' THEN '#lt;'
					 WHEN c = '>' THEN '#gt;'
					 WHEN c ~ '[a-zA-Z0-9 _,=()\[\]]' OR ascii(c) > 127 THEN c
					 ELSE format('#%s;', ascii(c)) END, '' ORDER BY place), '')
	  FROM string_to_table(given COLLATE "C", NULL) WITH ORDINALITY u (c, place);
$picture_mermaid_text$;
COMMENT ON FUNCTION paystate.picture_mermaid_text(pg_catalog.text) IS
	'a text as it stands between the quotes of a Mermaid label';

CREATE FUNCTION paystate.lifecycle_mermaid(name pg_catalog.text)
	RETURNS pg_catalog.text
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $lifecycle_mermaid$
	WITH status AS MATERIALIZED (
		SELECT s.*, s.ordinality AS place
		  FROM paystate.picture_statuses(name) WITH ORDINALITY s
	), drawn_status AS (
		SELECT kind, place, format(E'\t\t%s("%s"):::%s\n',
				node, paystate.picture_mermaid_text(label), role)
			|| CASE WHEN initial THEN format(
					E'\t\t%s_start((" ")):::start\n\t\t%1$s_start --> %s\n', kind, node)
			   ELSE '' END AS source
		  FROM status
	), drawn_move AS (
		SELECT a.kind, a.place AS from_place, b.place AS to_place,
			   format(E'\t\t%s %s%s %s\n', m.from_node,
				CASE WHEN m.along THEN '-.->' ELSE '-->' END,
				CASE WHEN cardinality(m.lines) > 0
					THEN format('|"%s"|', (
						SELECT string_agg(paystate.picture_mermaid_text(l), '<br/>' ORDER BY o)
						  FROM unnest(m.lines) WITH ORDINALITY u (l, o)))
					ELSE '' END,
				m.to_node) AS source
		  FROM paystate.picture_moves(name) m
		  JOIN status a ON a.node = m.from_node
		  JOIN status b ON b.node = m.to_node
	)
	SELECT E'flowchart LR\n'
		|| (SELECT string_agg(format(E'\tsubgraph %ss["%s: %s"]\n', k.kind,
						paystate.picture_mermaid_text(name), k.title)
				|| coalesce((SELECT string_agg(s.source, '' ORDER BY s.place)
							   FROM drawn_status s WHERE s.kind = k.kind), '')
				|| coalesce((SELECT string_agg(m.source, '' ORDER BY m.from_place, m.to_place)
							   FROM drawn_move m WHERE m.kind = k.kind), '')
				|| E'\tend\n', '' ORDER BY k.kind)
			  FROM (VALUES ('order', 'orders, and what happens to their payments'),
						   ('payment', 'payments')) k (kind, title))
		|| E'\tclassDef start fill:#333333,stroke:#333333'
		|| coalesce((SELECT string_agg(DISTINCT format(
						E'\n\tclassDef %s fill:%s,stroke:%s,color:#000000', role, fill, line), '')
					   FROM status), '')
		|| coalesce((SELECT format(E'\n\tclassDef terminal stroke-width:4px\n\tclass %s terminal',
							string_agg(node, ',' ORDER BY place))
					   FROM status WHERE terminal HAVING count(*) > 0), '');
$lifecycle_mermaid$;
COMMENT ON FUNCTION paystate.lifecycle_mermaid(pg_catalog.text) IS
	'a life cycle drawn for Mermaid: statuses of orders with the payment events that move them, statuses of payments beside them; a thick border is a status without a next one';
