-- A life cycle as jsonb and as pictures: lifecycle_json, lifecycle_dot and
-- lifecycle_mermaid.  The pictures are read back into nodes and arrows, which
-- must be those of the data files.
\ir lib/shop.sql
\ir lib/tsv.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

-- What a picture says, whichever of the two languages it is in.  Statuses and
-- arrows stand one a line.
CREATE FUNCTION helper.nodes(OUT lifecycle text, OUT language text, OUT node text,
							 OUT kind text, OUT label text, OUT role text, OUT terminal boolean)
	RETURNS SETOF record
	LANGUAGE sql STABLE
AS $$
	SELECT l.name, 'dot', m[1], m[2], m[3], m[4], m[5] IS NOT NULL
	  FROM paystate.lifecycle l,
		regexp_matches(paystate.lifecycle_dot(l.name),
			'^\t\t((order|payment)_\d+) \[label=<<b>(.*?)</b><br/><font [^>]*>(\w+)</font>>.*?(, peripheries=2)?\]$', 'gn') m
	UNION ALL
	SELECT l.name, 'mermaid', m[1], m[2], m[3], m[4],
		m[1] = ANY (string_to_array(substring(source FROM '\n\tclass (\S+) terminal'), ','))
	  FROM paystate.lifecycle l, paystate.lifecycle_mermaid(l.name) source,
		regexp_matches(source, '^\t\t((order|payment)_\d+)\("(.*)"\):::(\w+)$', 'gn') m;
$$;
CREATE FUNCTION helper.arrows(OUT lifecycle text, OUT language text, OUT from_node text,
							  OUT to_node text, OUT lines text[], OUT dashed boolean)
	RETURNS SETOF record
	LANGUAGE sql STABLE
AS $$
	SELECT l.name, 'dot', m[1], m[2], array_remove(string_to_array(m[4], '<br align="left"/>'), ''),
		m[5] IS NOT NULL
	  FROM paystate.lifecycle l,
		regexp_matches(paystate.lifecycle_dot(l.name),
			'^\t\t(\w+) -> (\w+)( \[color="\S+", fontcolor="\S+"(?:, label=<(.*)>)?(, style=dashed)?\])?$', 'gn') m(x),
		LATERAL (SELECT ARRAY[x[1], x[2], x[3], x[4], x[5]]) r (m)
	UNION ALL
	SELECT l.name, 'mermaid', m[1], m[4], string_to_array(m[3], '<br/>'), m[2] = '-.->'
	  FROM paystate.lifecycle l,
		regexp_matches(paystate.lifecycle_mermaid(l.name),
			'^\t\t(\w+) (-->|-\.->)(?:\|"(.*)"\|)? (\w+)$', 'gn') m;
$$;
-- The same arrows between labels instead of nodes.
CREATE FUNCTION helper.moves(OUT lifecycle text, OUT language text, OUT kind text,
							 OUT was text, OUT becomes text, OUT lines text[], OUT dashed boolean)
	RETURNS SETOF record
	LANGUAGE sql STABLE
AS $$
	WITH node AS MATERIALIZED (SELECT * FROM helper.nodes())
	SELECT a.lifecycle, a.language, t.kind, f.label, t.label, a.lines, a.dashed
	  FROM helper.arrows() a
	  JOIN node t ON (t.lifecycle, t.language, t.node) = (a.lifecycle, a.language, a.to_node)
	  LEFT JOIN node f ON (f.lifecycle, f.language, f.node) = (a.lifecycle, a.language, a.from_node);
$$;

-- Statuses are those of the data files, once each.
SELECT bag_eq(format('SELECT lifecycle, kind, label, role, terminal FROM nodes()
		WHERE language = %L AND lifecycle IN (SELECT name FROM tsv_lifecycle)', w),
	'SELECT lifecycle, kind, label, role, terminal FROM tsv_state',
	w || ': the statuses of each life cycle with role and end')
  FROM unnest(ARRAY['dot', 'mermaid']) w;
SELECT bag_eq(format('SELECT lifecycle, kind, becomes FROM moves()
		WHERE language = %L AND was IS NULL AND lifecycle IN (SELECT name FROM tsv_lifecycle)', w),
	'SELECT lifecycle, kind, label FROM tsv_state WHERE initial',
	w || ': the start leads to each initial status')
  FROM unnest(ARRAY['dot', 'mermaid']) w;

-- Arrows: all rules of the same ends are one.
SELECT bag_eq(format('SELECT lifecycle, was, becomes FROM moves()
		WHERE language = %L AND kind = ''order'' AND was IS NOT NULL
			AND lifecycle IN (SELECT name FROM tsv_lifecycle)', w),
	'SELECT DISTINCT lifecycle, order_before, order_after FROM tsv_rule',
	w || ': one arrow between two statuses of orders where there are rules, no other')
  FROM unnest(ARRAY['dot', 'mermaid']) w;
SELECT bag_eq(format('SELECT lifecycle, was, becomes, lines FROM moves()
		WHERE language = %L AND kind = ''payment'' AND was IS NOT NULL
			AND lifecycle IN (SELECT name FROM tsv_lifecycle)', w), $$
	SELECT DISTINCT lifecycle, split_part(payment_event, '>', 1) AS was, split_part(payment_event, '>', 2) AS becomes, NULL::text[] AS lines
	  FROM tsv_rule WHERE payment_event LIKE '%>%' AND payment_event NOT LIKE 'new>%'
	UNION
	SELECT lifecycle, split_part(payment_event, ':', 1), split_part(payment_event, ':', 1), '{refund}'
	  FROM tsv_rule WHERE payment_event LIKE '%:refund'$$,
	w || ': one arrow a move of payments, and their refunds')
  FROM unnest(ARRAY['dot', 'mermaid']) w;
SELECT bag_eq(format($$SELECT DISTINCT lifecycle, was, becomes, regexp_replace(line, ' \[.*\]$', '') AS said FROM moves(), unnest(lines) line
		WHERE language = %L AND kind = 'order' AND lifecycle IN (SELECT name FROM tsv_lifecycle)$$, w), $$
	SELECT DISTINCT lifecycle, order_before, order_after,
		CASE WHEN payment_event ~ '^order:' THEN substr(payment_event, 7) || ' order'
			 WHEN payment_event ~ '^new>' THEN 'new payment'
			 ELSE substring(payment_event FROM '[>:](.*)') END AS said
	  FROM tsv_rule$$,
	w || ': an arrow names the events of its rules, and no others')
  FROM unnest(ARRAY['dot', 'mermaid']) w;
SELECT is_empty($$SELECT lifecycle, language, was, becomes, lines FROM moves()
		WHERE kind = 'order' AND was = becomes AND array_to_string(lines, '') ~ '[[]'$$,
	'arrows that lead back say no conditions');

-- What an arrow says: conditions in few words, what tells nothing left out.
SELECT is((SELECT lines FROM moves() m WHERE (m.lifecycle, m.language, m.kind, m.was, m.becomes) = (lc, 'dot', 'order', a, b)),
	said, format('%s: %s to %s', lc, a, b))
  FROM (VALUES
	('razorpay', 'created', 'attempted', ARRAY['authorized', 'failed']),
	('razorpay', 'attempted', 'paid', ARRAY['captured [due = 0]']),
	('razorpay', 'paid', 'paid', ARRAY['authorized', 'refunded', 'failed', 'refund']),
	('paykun', 'created', 'paid', ARRAY['captured [all due]']),
	('plural', 'pending', 'processed', ARRAY['processed [paid = amount]']),
	('plural', 'attempted', 'partially_refunded', ARRAY['refund [none live, part]']),
	('plural', 'pending', 'failed', ARRAY['failed [no other live, no attempts left, paid = 0]',
		'cancelled [no other live, paid = 0]', 'fail order [paid = 0]']),
	('plural_preauth', 'pending', 'attempted', ARRAY['failed [no other live, attempts left]']),
	('plural_preauth', 'authorized', 'partially_captured', ARRAY['processed [no other held, due &gt; 0]',
		'processed [part]', 'failed [paid &gt; 0, no other held]', 'cancelled [paid &gt; 0, no other held]']),
	('plural_preauth', 'partially_refunded', 'fully_refunded', ARRAY['refund [all]'])
  ) v (lc, a, b, said);
SELECT is((SELECT lines FROM moves() m WHERE (m.lifecycle, m.language, m.kind, m.was, m.becomes)
		= ('plural_preauth', 'mermaid', 'order', 'authorized', 'partially_captured')),
	ARRAY['processed [no other held, due #gt; 0]', 'processed [part]',
		'failed [paid #gt; 0, no other held]', 'cancelled [paid #gt; 0, no other held]'],
	'mermaid says the same');
SELECT is_empty($$SELECT atom FROM (SELECT DISTINCT unnest(string_to_array(guard, ';')) FROM tsv_rule) a (atom)
		WHERE paystate.picture_condition(atom) = atom$$,
	'every guard of the data files has words of its own');
SELECT is(paystate.picture_condition('insert_ok;0<refund;amount=held;captured=held'), NULL,
	'what is expected anyway is not said');
SELECT is(paystate.picture_condition('unheard_of;due_after=0'), 'unheard_of, due = 0',
	'a guard that has no words is shown as it is written');

-- Parameters: rules that can never fire are not drawn, the others are.
SELECT helper.variant('no_cancel', 'plural', '{"order_cancel": false}');
SELECT helper.variant('no_partial_capture', 'plural_preauth', '{"partial_capture": false}');
SELECT helper.variant('no_partial_payment', 'razorpay', '{"partial_payment": "no"}');
SELECT bag_eq(format($$SELECT becomes, lines FROM moves() WHERE lifecycle = 'plural' AND language = %L AND kind = 'order'
			AND was = 'pending' AND becomes <> 'cancelled'$$, w),
	format($$SELECT becomes, lines FROM moves() WHERE lifecycle = 'no_cancel' AND language = %L AND kind = 'order'
			AND was = 'pending'$$, w),
	w || ': an order that cannot be cancelled has no arrow for it, but all others')
  FROM unnest(ARRAY['dot', 'mermaid']) w;
SELECT ok(EXISTS (SELECT FROM moves() WHERE lifecycle = 'plural' AND becomes = 'cancelled' AND was = 'created'),
	'one that can be cancelled has it');
SELECT is((SELECT lines FROM moves() WHERE lifecycle = 'no_partial_capture' AND language = 'dot'
		AND was = 'authorized' AND becomes = 'partially_captured'),
	ARRAY['processed [no other held, due &gt; 0]',
		'failed [paid &gt; 0, no other held]', 'cancelled [paid &gt; 0, no other held]'],
	'no capture in part where there is none');
SELECT is((SELECT lines FROM moves() WHERE lifecycle = 'no_partial_payment' AND language = 'dot'
		AND was = 'attempted' AND becomes = 'attempted'),
	ARRAY['new payment', 'authorized', 'refunded', 'failed', 'refund'],
	'no partial payment where there is none');

-- Payments that only go along with their order.
SELECT helper.variant('only_along', 'plural', '{}');
DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'only_along' AND payment_event = 'pending>cancelled';
SELECT bag_eq($$SELECT language, becomes, lines, dashed FROM moves()
		WHERE lifecycle = 'only_along' AND kind = 'payment' AND was = 'pending'$$,
	$$VALUES ('dot', 'cancelled', ARRAY['along'], true), ('dot', 'failed', NULL, false), ('dot', 'processed', NULL, false),
		('mermaid', 'cancelled', '{along}', true), ('mermaid', 'failed', NULL, false), ('mermaid', 'processed', NULL, false)$$,
	'a payment that is only cancelled with its order has a dashed arrow');

-- The pictures know what can_transition knows, of every life cycle there is.
SELECT bag_eq(format($$SELECT lifecycle, kind, was, becomes FROM moves()
		WHERE language = %L AND was IS DISTINCT FROM becomes$$, w), $$
	SELECT l.name, b.kind, a.label AS was, b.label AS becomes FROM paystate.lifecycle l
	  JOIN paystate.lifecycle_status b ON b.lifecycle = l.name
	  JOIN (SELECT lifecycle, kind, label FROM paystate.lifecycle_status
			UNION ALL SELECT DISTINCT lifecycle, kind, NULL FROM paystate.lifecycle_status) a
		ON a.lifecycle = l.name AND a.kind = b.kind
	 WHERE a.label IS DISTINCT FROM b.label
		AND paystate.can_transition(l.name, b.kind, a.label, b.label)$$,
	w || ': an arrow wherever can_transition knows a way')
  FROM unnest(ARRAY['dot', 'mermaid']) w;

-- Labels are free text, and stay text in a picture.
INSERT INTO paystate.lifecycle SELECT (jsonb_populate_record(l, jsonb_build_object(
		'name', E'a "b" <c> & {d}', 'order_initial', 'end', 'payment_initial', '"new"', 'builtin', false))).*
	  FROM paystate.lifecycle l WHERE name = 'plural';
INSERT INTO paystate.lifecycle_status (lifecycle, kind, label, initial, terminal, role) VALUES
	('a "b" <c> & {d}', 'order', 'end', true, false, 'open'),
	('a "b" <c> & {d}', 'order', E'two\nlines\\', false, true, 'settled'),
	('a "b" <c> & {d}', 'payment', '"new"', true, false, 'open'),
	('a "b" <c> & {d}', 'payment', '#1 `<br` & |x|', false, true, 'settled');
INSERT INTO paystate.lifecycle_transition (lifecycle, payment_event, order_before, guard, order_after, money_effect) VALUES
	('a "b" <c> & {d}', 'new>"new"', 'end', 'insert_ok', 'end', 'attempt'),
	('a "b" <c> & {d}', '"new">#1 `<br` & |x|', 'end', 'captured=held;due_after>0', 'end', 'capture'),
	('a "b" <c> & {d}', '"new">#1 `<br` & |x|', 'end', 'captured=held;due_after=0', E'two\nlines\\', 'capture');
SELECT is(paystate.lifecycle_dot('a "b" <c> & {d}'), array_to_string(ARRAY[
'digraph lifecycle {',
'	rankdir=LR',
'	graph [label=<<b>a &quot;b&quot; &lt;c&gt; &amp; {d}</b>>, labelloc=t, fontname="Helvetica,Arial,sans-serif", fontsize=16, bgcolor="white", nodesep=0.35, ranksep=0.6]',
'	node [shape=box, style="rounded,filled", fontname="Helvetica,Arial,sans-serif", fontsize=13, margin="0.15,0.06"]',
'	edge [fontname="Helvetica,Arial,sans-serif", fontsize=10, arrowsize=0.7, color="#333333"]',
'	subgraph cluster_payment {',
'		graph [label="payments", labeljust=l, fontsize=12, fontcolor="#555555", style=rounded, color="#bbbbbb", margin=14]',
'		payment_1 [label=<<b>&quot;new&quot;</b><br/><font point-size="9" color="#3b6ea5">open</font>>, fillcolor="#e6f0fa", color="#3b6ea5"]',
'		payment_start [shape=circle, style=filled, label="", width=0.14, fillcolor="#333333", color="#333333"]',
'		payment_start -> payment_1',
'		payment_2 [label=<<b>#1 `&lt;br` &amp; |x|</b><br/><font point-size="9" color="#2e7d3d">settled</font>>, fillcolor="#e0f3e3", color="#2e7d3d", peripheries=2]',
'		payment_1 -> payment_2 [color="#2e7d3d", fontcolor="#2e7d3d"]',
'	}',
'	subgraph cluster_order {',
'		graph [label="orders, and what happens to their payments", labeljust=l, fontsize=12, fontcolor="#555555", style=rounded, color="#bbbbbb", margin=14]',
'		order_1 [label=<<b>end</b><br/><font point-size="9" color="#3b6ea5">open</font>>, fillcolor="#e6f0fa", color="#3b6ea5"]',
'		order_start [shape=circle, style=filled, label="", width=0.14, fillcolor="#333333", color="#333333"]',
'		order_start -> order_1',
'		order_2 [label=<<b>two lines\</b><br/><font point-size="9" color="#2e7d3d">settled</font>>, fillcolor="#e0f3e3", color="#2e7d3d", peripheries=2]',
'		order_1 -> order_1 [color="#3b6ea5", fontcolor="#3b6ea5", label=<new payment<br align="left"/>#1 `&lt;br` &amp; |x|<br align="left"/>>]',
'		order_1 -> order_2 [color="#2e7d3d", fontcolor="#2e7d3d", label=<#1 `&lt;br` &amp; |x| [due = 0]<br align="left"/>>]',
'	}',
'}'], E'\n'), 'quotes, markup and line feeds in labels: dot');
SELECT is(paystate.lifecycle_mermaid('a "b" <c> & {d}'), array_to_string(ARRAY[
'flowchart LR',
'	subgraph orders["a #34;b#34; #lt;c#gt; #38; #123;d#125;: orders, and what happens to their payments"]',
'		order_1("end"):::open',
'		order_start((" ")):::start',
'		order_start --> order_1',
'		order_2("two lines#92;"):::settled',
'		order_1 -->|"new payment<br/>#35;1 #96;#lt;br#96; #38; #124;x#124;"| order_1',
'		order_1 -->|"#35;1 #96;#lt;br#96; #38; #124;x#124; [due = 0]"| order_2',
'	end',
'	subgraph payments["a #34;b#34; #lt;c#gt; #38; #123;d#125;: payments"]',
'		payment_1("#34;new#34;"):::open',
'		payment_start((" ")):::start',
'		payment_start --> payment_1',
'		payment_2("#35;1 #96;#lt;br#96; #38; #124;x#124;"):::settled',
'		payment_1 --> payment_2',
'	end',
'	classDef start fill:#333333,stroke:#333333',
'	classDef open fill:#e6f0fa,stroke:#3b6ea5,color:#000000',
'	classDef settled fill:#e0f3e3,stroke:#2e7d3d,color:#000000',
'	classDef terminal stroke-width:4px',
'	class order_2,payment_2 terminal'], E'\n'), 'quotes, markup and line feeds in labels: mermaid');

-- lifecycle_json: the definition, in full and nothing else.
SELECT is((SELECT array_agg(k ORDER BY k COLLATE "C") FROM jsonb_object_keys(paystate.lifecycle_json(name)) k),
	'{amount_fixed,attempt_on,authorization_expires,auto_capture,currencies,late_window,max_attempts,order_cancel,order_expires,order_initial,parallel_payments,partial_capture,partial_payment,payment_initial,payment_max,payment_min,refund_moves,statuses,transitions}'::text[],
	name || ': the keys of a definition') FROM tsv_lifecycle;
SELECT is(paystate.lifecycle_json(name) - '{statuses,transitions}'::text[],
	to_jsonb(t) - 'name' || '{"late_window": null, "order_expires": null, "authorization_expires": null}',
	name || ': parameters') FROM tsv_lifecycle t;
SELECT bag_eq(format('SELECT s FROM jsonb_array_elements(paystate.lifecycle_json(%L)->''statuses'') s', name),
	format('SELECT to_jsonb(s) - ''lifecycle'' FROM tsv_state s WHERE lifecycle = %L', name),
	name || ': statuses') FROM tsv_lifecycle;
SELECT bag_eq(format('SELECT t FROM jsonb_array_elements(paystate.lifecycle_json(%L)->''transitions'') t', name),
	format('SELECT to_jsonb(r) - ''{lifecycle,line}''::text[] FROM tsv_rule r WHERE lifecycle = %L', name),
	name || ': transitions') FROM tsv_lifecycle;
SELECT helper.variant('limits', 'paykun', '{"late_window": "1 mon 3 days 02:00:00.5", "order_expires": "90 seconds", "max_attempts": 3}');
SELECT is(set_config('intervalstyle', style, true) || ' ' || jsonb_path_query_array(paystate.lifecycle_json('limits'),
		'$.keyvalue() ? (@.key == "late_window" || @.key == "order_expires" || @.key == "max_attempts").value'),
	style || ' ["P1M3DT2H0.5S", 3, "PT1M30S"]', 'intervals in the form of ISO 8601 under IntervalStyle ' || style)
  FROM unnest(ARRAY['postgres', 'postgres_verbose', 'sql_standard']) style;
SELECT is((SELECT row(r.late_window, r.order_expires)::text
		FROM jsonb_populate_record(NULL::paystate.lifecycle, paystate.lifecycle_json('limits')) r),
	(SELECT row(l.late_window, l.order_expires)::text FROM paystate.lifecycle l WHERE name = 'limits'),
	'which read back as they were');
SELECT is(current_setting('intervalstyle'), 'sql_standard', 'the setting stays the caller''s');
INSERT INTO paystate.lifecycle SELECT (jsonb_populate_record(l, '{"name": "bare", "builtin": false}')).*
	  FROM paystate.lifecycle l WHERE name = 'paykun';
SELECT is((SELECT jsonb_build_array(j->'statuses', j->'transitions') FROM paystate.lifecycle_json('bare') j), '[[], []]',
	'a life cycle whose rows are still to come has empty arrays');
SELECT is((SELECT count(*) FROM regexp_matches(paystate.lifecycle_dot('bare') || paystate.lifecycle_mermaid('bare'),
		'subgraph', 'g')), 4::bigint, 'and empty pictures');

-- A life cycle that does not exist is no empty picture.
SELECT refused(format('SELECT paystate.lifecycle_%s(%L)', f, name),
	format('23PS8 life cycle "%s" does not exist', name), format('lifecycle_%s of "%s"', f, name))
  FROM unnest(ARRAY['json', 'dot', 'mermaid']) f, unnest(ARRAY['nowhere', 'Razorpay', 'razorpay ', '']) name;
SELECT accepted(format('SELECT paystate.lifecycle_%s(''razorpay'')', f), format('lifecycle_%s of "razorpay"', f))
  FROM unnest(ARRAY['json', 'dot', 'mermaid']) f;
SELECT ok(paystate.lifecycle_json(NULL) IS NULL AND paystate.lifecycle_dot(NULL) IS NULL
	AND paystate.lifecycle_mermaid(NULL) IS NULL, 'NULL gives NULL');

-- Whoever asks, from wherever.
SELECT bag_eq('SELECT proname::text, provolatile::text, proisstrict, proparallel::text, prosecdef FROM pg_proc
		WHERE pronamespace = ''paystate''::regnamespace AND proname ~ ''^lifecycle_''',
	$$SELECT f, 's', true AS strict, 's' AS parallel, false AS definer FROM unnest(ARRAY['lifecycle_json', 'lifecycle_dot', 'lifecycle_mermaid']) f$$,
	'the three are stable, strict, parallel safe and run as their caller');
SELECT is(paystate.lifecycle_dot('razorpay' COLLATE "POSIX"), paystate.lifecycle_dot('razorpay'),
	'dot: a name of another collation');
SELECT is(paystate.lifecycle_mermaid('razorpay' COLLATE "POSIX"), paystate.lifecycle_mermaid('razorpay'),
	'mermaid: a name of another collation');
SELECT is(paystate.lifecycle_json('razorpay' COLLATE "POSIX"), paystate.lifecycle_json('razorpay'),
	'json: a name of another collation');
CREATE TEMP TABLE owners_view AS SELECT name, paystate.lifecycle_json(name) AS j, paystate.lifecycle_dot(name) AS d,
	paystate.lifecycle_mermaid(name) AS m FROM paystate.lifecycle;
GRANT SELECT ON owners_view TO PUBLIC;
CREATE ROLE pictures_anyone;
CREATE SCHEMA trap AUTHORIZATION pictures_anyone;
SELECT set_config('role', 'pictures_anyone', true);
CREATE FUNCTION trap.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT ''trapped''';
CREATE FUNCTION trap.eq(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR trap.= (LEFTARG = text, RIGHTARG = text, FUNCTION = trap.eq);
CREATE TABLE trap.lifecycle (name text);
SELECT set_config('search_path', 'trap, pg_catalog', true);
CREATE TEMP TABLE anyones_view AS SELECT name, paystate.lifecycle_json(name) AS j, paystate.lifecycle_dot(name) AS d,
	paystate.lifecycle_mermaid(name) AS m FROM paystate.lifecycle;
SELECT set_config('role', 'none', true);
SET LOCAL search_path = shop, helper, public;
SELECT bag_eq('SELECT name, j, d, m FROM anyones_view', 'SELECT name, j, d, m FROM owners_view',
	'anyone sees the same, whatever is in his search_path');
SELECT cmp_ok((SELECT count(*) FROM anyones_view), '>', 10::bigint, 'of all the life cycles above');

SELECT * FROM finish();
ROLLBACK;
