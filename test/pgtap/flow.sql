-- status_flow and its pictures: the life cycle as orders walked it, with exact
-- counts and medians on orders whose history is known to the minute.
\ir lib/shop.sql
\ir lib/tsv.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

-- The pictures read back: statuses and arrows stand one a line.
CREATE FUNCTION helper.drawn(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
		OUT language text, OUT from_node text, OUT to_node text, OUT count bigint, OUT median text)
	RETURNS SETOF record
	LANGUAGE sql STABLE
AS $$
	SELECT 'dot', m[1], m[2], m[3]::bigint, m[4]
	  FROM regexp_matches(paystate.status_flow_dot('shop.orders', since, until),
		'^\t\t(\w+) -> (\w+) \[color="#\w{6}", fontcolor="#\w{6}", penwidth=[1-4]\.\d, label=<(\d+)<br align="left"/>(?:median (.*)<br align="left"/>)?>\]$', 'gn') m
	UNION ALL
	SELECT 'mermaid', m[1], m[4], m[2]::bigint, m[3]
	  FROM regexp_matches(paystate.status_flow_mermaid('shop.orders', since, until),
		'^\t\t(\w+) -->\|"(\d+)(?:<br/>median (.*))?"\| (\w+)$', 'gn') m;
$$;
CREATE FUNCTION helper.shown(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
		OUT language text, OUT node text, OUT label text, OUT role text, OUT now bigint, OUT terminal boolean)
	RETURNS SETOF record
	LANGUAGE sql STABLE
AS $$
	SELECT 'dot', m[1], m[2], m[3], m[4]::bigint, m[5] IS NOT NULL
	  FROM regexp_matches(paystate.status_flow_dot('shop.orders', since, until),
		'^\t\t(\w+) \[label=<<b>(.*?)</b><br/><font [^>]*>(\w+)</font><br/>(\d+) now>, fillcolor="#\w{6}", color="#\w{6}"(, peripheries=2)?\]$', 'gn') m
	UNION ALL
	SELECT 'mermaid', m[1], m[2], m[4], m[3]::bigint,
		m[1] = ANY (string_to_array(substring(source FROM '\n\tclass (\S+) terminal'), ','))
	  FROM paystate.status_flow_mermaid('shop.orders', since, until) source,
		regexp_matches(source, '^\t\t(\w+)\("(.*)<br/>(\d+) now"\):::(\w+)$', 'gn') m;
$$;
-- The arrows between labels; one from the start has no label to come from.
CREATE FUNCTION helper.walked(since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL,
		OUT language text, OUT was text, OUT becomes text, OUT count bigint, OUT median text)
	RETURNS SETOF record
	LANGUAGE sql STABLE
AS $$
	WITH node AS MATERIALIZED (SELECT * FROM helper.shown(since, until))
	SELECT d.language, a.label, b.label, d.count, d.median
	  FROM helper.drawn(since, until) d
	  JOIN node b ON (b.language, b.node) = (d.language, d.to_node)
	  LEFT JOIN node a ON (a.language, a.node) = (d.language, d.from_node);
$$;

-- No orders: a picture of nothing, in both languages.
SELECT is_empty($$SELECT * FROM paystate.status_flow('orders')$$, 'without orders nothing was walked');
SELECT matches(paystate.status_flow_dot('orders'), E'^digraph status_flow \\{\n.*label=<<b>shop.orders</b>>.*\n\\}$', 'dot: an empty picture');
SELECT is(paystate.status_flow_mermaid('orders'), E'flowchart LR\n\tclassDef start fill:#333333,stroke:#333333', 'mermaid: an empty picture');

\ir lib/known.sql

SELECT bag_eq($$SELECT * FROM paystate.status_flow('orders')$$, $$VALUES
	('razorpay', NULL, 'created', 5::bigint, NULL::interval),
	('razorpay', 'created', 'attempted', 4, '25 min'),
	('razorpay', 'attempted', 'paid', 4, '30 min'),
	('razorpay', 'created', NULL, 1, NULL),
	('razorpay', 'paid', NULL, 4, NULL),
	('plural', NULL, 'created', 3, NULL),
	('plural', 'created', 'pending', 2, '1 min'),
	('plural', 'created', 'cancelled', 1, '61 min'),
	('plural', 'pending', 'processed', 1, '2 min'),
	('plural', 'pending', 'attempted', 2, '1 min'),
	('plural', 'attempted', 'pending', 1, '1 min'),
	('plural', 'processed', 'partially_refunded', 1, '2 days'),
	('plural', 'partially_refunded', 'fully_refunded', 1, '3 days'),
	('plural', 'cancelled', NULL, 1, NULL),
	('plural', 'attempted', NULL, 1, NULL),
	('plural', 'fully_refunded', NULL, 1, NULL)$$,
	'each move with its count and median time before it, each status with the orders in it');
SELECT is((SELECT sum(count) FROM paystate.status_flow('orders') WHERE to_status IS NOT NULL),
	(SELECT count(*)::numeric FROM order_history WHERE order_from IS DISTINCT FROM order_to), 'every change of status is in a move');

-- Both languages draw just that.
SELECT bag_eq(format('SELECT was, becomes, count, median FROM walked() WHERE language = %L', w), $$VALUES
	(NULL, 'created', 5::bigint, NULL),
	('created', 'attempted', 4, '25 min 0 s'),
	('attempted', 'paid', 4, '30 min 0 s'),
	(NULL, 'created', 3, NULL),
	('created', 'pending', 2, '1 min 0 s'),
	('created', 'cancelled', 1, '1 h 1 min'),
	('pending', 'processed', 1, '2 min 0 s'),
	('pending', 'attempted', 2, '1 min 0 s'),
	('attempted', 'pending', 1, '1 min 0 s'),
	('processed', 'partially_refunded', 1, '2 d 0 h'),
	('partially_refunded', 'fully_refunded', 1, '3 d 0 h')$$, w || ': an arrow a move')
  FROM unnest(ARRAY['dot', 'mermaid']) w;
SELECT bag_eq(format('SELECT label, role, now, terminal FROM shown() WHERE language = %L', w), $$VALUES
	('created', 'open', 1::bigint, false), ('attempted', 'open', 0, false), ('paid', 'settled', 4, true),
	('created', 'open', 0, false), ('pending', 'open', 0, false), ('attempted', 'open', 1, false),
	('processed', 'settled', 0, false), ('partially_refunded', 'returned', 0, false),
	('fully_refunded', 'returned', 1, true), ('cancelled', 'dead', 1, true)$$,
	w || ': statuses that were passed, with the orders now in them; none that was not')
  FROM unnest(ARRAY['dot', 'mermaid']) w;
SELECT is((SELECT count(*) FROM regexp_matches(p, pattern, 'g')), 2::bigint, format('one start for each life cycle: %s', pattern))
  FROM (VALUES (paystate.status_flow_dot('orders'), '_start \[shape=circle'), (paystate.status_flow_dot('orders'), 'subgraph cluster_\d'),
		(paystate.status_flow_mermaid('orders'), '_start\(\(" "\)\):::start'), (paystate.status_flow_mermaid('orders'), '\tsubgraph \w+\["shop#46;orders: (razorpay|plural)"\]')) v (p, pattern);
SELECT is((SELECT count(DISTINCT node) FROM shown()), 10::bigint, 'each status of each life cycle has a node of its own');
SELECT is((SELECT array_agg(DISTINCT node ORDER BY node) FROM shown() WHERE language = 'dot'),
	(SELECT array_agg(DISTINCT node ORDER BY node) FROM shown() WHERE language = 'mermaid'), 'of the same name in both languages');
SELECT is(substring(paystate.status_flow_dot('orders') FROM 'penwidth=(\S+), label=<5<'), '4.0', 'the arrow most walked is the broadest');
SELECT is(substring(paystate.status_flow_dot('orders') FROM 'penwidth=(\S+), label=<4<'), '3.4', 'others by their share of it');

-- A range takes its first moment and not its last; halves add up to the whole.
SELECT bag_eq($$SELECT * FROM paystate.status_flow('orders', '2024-03-05 08:00+00', '2024-03-05 09:00+00')$$, $$VALUES
	('razorpay', NULL, 'created', 3::bigint, NULL::interval),
	('razorpay', 'created', 'attempted', 1, '30 min'),
	('plural', NULL, 'created', 1, NULL),
	('plural', 'created', 'pending', 1, '1 min'),
	('plural', 'pending', 'attempted', 2, '1 min'),
	('plural', 'attempted', 'pending', 1, '1 min'),
	('razorpay', 'created', NULL, 1, NULL),
	('razorpay', 'paid', NULL, 2, NULL),
	('plural', 'attempted', NULL, 1, NULL)$$,
	'a range: its moves, and the orders that have history in it');
SELECT bag_eq($$SELECT from_status, to_status, count FROM paystate.status_flow('orders', since => '2024-03-05 09:00+00') WHERE lifecycle = 'razorpay'$$, $$VALUES
	('created', 'attempted', 1::bigint), ('attempted', 'paid', 2), ('paid', NULL, 2)$$,
	'what happens at its end belongs to the next; without an end it goes on');
SELECT bag_eq($$SELECT lifecycle, from_status, to_status, sum(count) FROM (
		SELECT * FROM paystate.status_flow('orders', until => '2024-03-05 09:00+00') UNION ALL
		SELECT * FROM paystate.status_flow('orders', since => '2024-03-05 09:00+00')) h
	 WHERE to_status IS NOT NULL GROUP BY 1, 2, 3$$,
	$$SELECT lifecycle, from_status, to_status, count::numeric FROM paystate.status_flow('orders') WHERE to_status IS NOT NULL$$,
	'neighbouring ranges add up');
SELECT is_empty($$SELECT * FROM paystate.status_flow('orders', '2024-03-05 09:00+00', '2024-03-05 09:00+00')$$, 'a range of no length');
SELECT bag_eq($$SELECT was, becomes, count FROM walked('2024-03-06', '2024-03-07') WHERE language = 'dot'$$,
	$$VALUES ('processed', 'partially_refunded', 1::bigint)$$, 'the pictures take the range');
SELECT bag_eq($$SELECT label, now FROM shown('2024-03-06', '2024-03-07') WHERE language = 'mermaid'$$,
	$$VALUES ('processed', 0::bigint), ('partially_refunded', 0), ('fully_refunded', 1)$$, 'and show where its orders stand now');
SELECT matches(paystate.status_flow_dot('orders', '2024-03-06', '2024-03-07'),
	'label=<<b>shop\.orders, from 2024-03-06 00:00:00\+00, until 2024-03-07 00:00:00\+00</b>>', 'the title names it');

-- Moves that a payment does not make: a refund that leaves the status is none.
SELECT is((SELECT count(*) FROM order_history WHERE order_from = order_to), 7::bigint, 'there are rows without a move');
SELECT is_empty($$SELECT * FROM paystate.status_flow('orders') WHERE from_status = to_status$$, 'which are not drawn');

-- Times in few words.
SELECT is(paystate.picture_duration(given::interval), said, format('%s is told as %s', given, said))
  FROM (VALUES ('0', '< 1 ms'), ('999 us', '< 1 ms'), ('1 ms', '1 ms'), ('999.9 ms', '999 ms'), ('1 s', '1 s'),
	('1.25 s', '1.2 s'), ('59.99 s', '59.9 s'), ('1 min', '1 min 0 s'), ('59 min 59.9 s', '59 min 59 s'), ('1 h', '1 h 0 min'),
	('23:59:59', '23 h 59 min'), ('24:00', '1 d 0 h'), ('40 days 5 h 59 min', '40 d 5 h')) v (given, said);

-- Every arrow that can be walked is one that the life cycle has.
DO $$
BEGIN
	PERFORM given('k1', 'paykun', 1000, 'a=1000 a>failed a>authorized a>captured a-1000');
	PERFORM given('q1', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized a>processed:500 a-500');
	PERFORM given('q2', 'plural_preauth', 1000, 'a=1000 a>authorized !cancel');
	PERFORM given('v1', 'plural', 1000, 'a=600 b=400 a>processed b>failed c=400 c>processed a-600 c-400');
END
$$;
SELECT is_empty($$SELECT lifecycle, from_status, to_status FROM paystate.status_flow('orders') WHERE from_status IS NOT NULL AND to_status IS NOT NULL
	EXCEPT SELECT lifecycle, order_before, order_after FROM tsv_rule$$, 'each move is a rule of its life cycle');
SELECT is((SELECT count(DISTINCT lifecycle) FROM paystate.status_flow('orders')), 4::bigint, 'of all four');

-- A life cycle and a table whose names are markup.
SELECT helper.variant(E'a"b<c>&\\ end', 'razorpay', '{}');
CREATE SCHEMA "<b>&""";
SELECT paystate.create_tables('<b>&"') \g /dev/null
INSERT INTO "<b>&""".orders (id, amount, lifecycle) VALUES ('x', 1000, E'a"b<c>&\\ end');
SELECT matches(paystate.status_flow_dot('"<b>&""".orders'), 'graph \[label=<a&quot;b&lt;c&gt;&amp;\\ end>, ', 'dot: the life cycle''s name is text');
SELECT matches(paystate.status_flow_dot('"<b>&""".orders'), '<<b>&quot;&lt;b&gt;&amp;&quot;&quot;&quot;\.orders</b>>', 'dot: so is the table''s');
SELECT matches(paystate.status_flow_mermaid('"<b>&""".orders'), 'subgraph flow_1\["#34;#lt;b#gt;#38;#34;#34;#34;#46;orders: a#34;b#lt;c#gt;#38;#92; end"\]\n',
	'mermaid: names are text');

-- Refusals, each for all three.
CREATE TABLE plain (id text);
SELECT helper.refused(format('SELECT paystate.%s(%L)', f, t), format('23PS8 table "%s" is not bound to a life cycle', t), format('%s of %s', f, t))
  FROM unnest(ARRAY['status_flow', 'status_flow_dot', 'status_flow_mermaid']) f, unnest(ARRAY['payments', 'order_history', 'plain']) t;
SELECT helper.refused(format('SELECT paystate.%s(''orders'', ''2024-03-06'', ''2024-03-05'')', f), '22023 "since" is later than "until"', f || ' of a range that ends before it starts')
  FROM unnest(ARRAY['status_flow', 'status_flow_dot', 'status_flow_mermaid']) f;
SELECT helper.accepted(format('SELECT paystate.%s(''orders'', ''2024-03-05'', ''2024-03-06'')', f), f || ' of the range turned round')
  FROM unnest(ARRAY['status_flow', 'status_flow_dot', 'status_flow_mermaid']) f;
SELECT is(paystate.status_flow_dot(NULL), NULL, 'dot of no table is none');
SELECT is(paystate.status_flow_mermaid(NULL), NULL, 'mermaid of no table is none');

-- With the caller's rights.
CREATE ROLE tap_reader;
GRANT USAGE ON SCHEMA shop TO tap_reader;
GRANT SELECT ON orders TO tap_reader;
SELECT set_config('helper.role', 'tap_reader', true) \g /dev/null
SELECT helper.refused($$SELECT paystate.status_flow_dot('shop.orders')$$,
	'42501 permission denied for table order_history', 'not without SELECT on the history');
GRANT SELECT ON order_history TO tap_reader;
SELECT helper.accepted($$SELECT paystate.status_flow_dot('shop.orders'), paystate.status_flow_mermaid('shop.orders')$$, 'with SELECT on both tables');
SELECT set_config('helper.role', '', true) \g /dev/null

-- Other keys and layouts.
CREATE SCHEMA numbers;
SELECT paystate.create_tables('numbers', key_type => 'bigint', history_partition => 'month') \g /dev/null
INSERT INTO numbers.orders (amount) VALUES (1000), (1000);
INSERT INTO numbers.payments (order_id) VALUES (1);
UPDATE numbers.payments SET status = 'failed';
SELECT bag_eq($$SELECT from_status, to_status, count FROM paystate.status_flow('numbers.orders')$$, $$VALUES
	(NULL, 'created', 2::bigint), ('created', 'attempted', 1), ('created', NULL, 1), ('attempted', NULL, 1)$$,
	'bigint keys and a history by months');

-- lib/end.sql would find the times that were written past the guards
SELECT * FROM finish();
ROLLBACK;
