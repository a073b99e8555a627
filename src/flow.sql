-- flow: the life cycle as it is really walked, drawn for Graphviz and Mermaid.
-- A time range takes the moves made from its start to just before its end, so
-- that neighbouring ranges share none.

CREATE FUNCTION paystate.status_flow(
	orders pg_catalog.regclass,
	since pg_catalog.timestamptz DEFAULT NULL,
	until pg_catalog.timestamptz DEFAULT NULL)
	RETURNS TABLE (lifecycle pg_catalog.text, from_status pg_catalog.text,
		to_status pg_catalog.text, count pg_catalog.int8, median pg_catalog.interval)
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $status_flow$
DECLARE
	source	record;
BEGIN
	IF orders IS NULL THEN
		RETURN;
	END IF;
	SELECT * INTO STRICT source FROM paystate.order_source(orders);
	IF since > until THEN
		RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value',
			MESSAGE = '"since" is later than "until"';
	END IF;

	RETURN QUERY EXECUTE format($query$
		SELECT %5$s, %7$s, %8$s, count(*),
			justify_hours(make_interval(secs => percentile_cont(0.5) WITHIN GROUP (
				ORDER BY date_part('epoch', h.at - h.order_since))))
		FROM %2$s AS h JOIN %1$s AS o ON %3$s
		WHERE h.order_from IS DISTINCT FROM h.order_to
			AND h.at >= coalesce($1, '-infinity') AND h.at < coalesce($2, 'infinity')
		GROUP BY 1, h.order_from, h.order_to
		UNION ALL
		SELECT %5$s, %6$s, NULL, count(*), NULL
		FROM %1$s AS o
		WHERE %4$s
		GROUP BY 1, 2$query$,
		source.orders_name, source.history_name, source.history_match,
		-- without a range all orders count, also those whose history is gone
		CASE WHEN since IS NULL AND until IS NULL THEN 'true'
			ELSE format($exists$EXISTS (
				SELECT FROM %s AS h
				WHERE %s AND h.at >= coalesce($1, '-infinity')
					AND h.at < coalesce($2, 'infinity'))$exists$,
				source.history_name, source.history_match) END,
		source.cells ->> 'lifecycle', source.cells ->> 'status',
		source.cells ->> 'order_from', source.cells ->> 'order_to')
	USING since, until;
END
$status_flow$;
COMMENT ON FUNCTION paystate.status_flow(pg_catalog.regclass, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'the moves that orders made in a time range: how many, and the median time they had been in the status before; from NULL: inserted; to NULL: the orders with history in the range that are in the status now';

CREATE FUNCTION paystate.picture_duration(given pg_catalog.interval)
	RETURNS pg_catalog.text
	LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $picture_duration$
	SELECT CASE
			WHEN s < 0.001 THEN '< 1 ms'
			WHEN s < 1 THEN format('%s ms', trunc(s * 1000))
			WHEN s < 60 THEN format('%s s', trim_scale(trunc(s, 1)))
			WHEN s < 3600 THEN format('%s min %s s', div(s, 60), trunc(s % 60))
			WHEN s < 86400 THEN format('%s h %s min', div(s, 3600), div(s % 3600, 60))
			ELSE format('%s d %s h', div(s, 86400), div(s % 86400, 3600)) END
	  FROM (SELECT extract(epoch FROM given)) e (s);
$picture_duration$;
COMMENT ON FUNCTION paystate.picture_duration(pg_catalog.interval) IS
	'a length of time in its two greatest units, as it stands in a picture';

-- Only statuses that were passed or are held now are drawn; each life cycle
-- gets names of its own for its nodes.
CREATE FUNCTION paystate.picture_flow(
	orders pg_catalog.regclass,
	since pg_catalog.timestamptz,
	until pg_catalog.timestamptz,
	OUT title pg_catalog.text,
	OUT nodes pg_catalog.jsonb,
	OUT edges pg_catalog.jsonb)
	RETURNS record
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $picture_flow$
	WITH flow AS MATERIALIZED (
		SELECT f.* FROM paystate.status_flow(orders, since, until) f
	), cycle AS (
		SELECT f.lifecycle, row_number() OVER (ORDER BY f.lifecycle COLLATE "C") AS nr
		  FROM flow f GROUP BY f.lifecycle
	), node AS MATERIALIZED (
		SELECT c.nr, c.lifecycle, s.ordinality AS place, format('flow_%s_%s', c.nr, s.node) AS node,
			   s.label, s.initial, s.terminal, s.role, s.fill, s.line,
			   coalesce((SELECT f.count FROM flow f
						  WHERE f.lifecycle = c.lifecycle AND f.from_status = s.label
							AND f.to_status IS NULL), 0) AS present
		  FROM cycle c, paystate.picture_statuses(c.lifecycle) WITH ORDINALITY s
		 WHERE s.kind = 'order'
		   AND EXISTS (SELECT FROM flow f WHERE f.lifecycle = c.lifecycle
						AND s.label IN (f.from_status, f.to_status))
	), edge AS (
		SELECT b.nr, coalesce(a.node, format('flow_%s_start', b.nr)) AS from_node, b.node AS to_node,
			   coalesce(a.place, 0) AS from_place, b.place AS to_place, b.line, f.count,
			   array_remove(ARRAY[f.count::text,
				'median ' || paystate.picture_duration(f.median)], NULL) AS lines
		  FROM flow f
		  JOIN node b ON b.lifecycle = f.lifecycle AND b.label = f.to_status
		  LEFT JOIN node a ON a.lifecycle = f.lifecycle AND a.label = f.from_status
	)
	SELECT concat(orders::text, ', from ' || since::text, ', until ' || until::text),
		(SELECT coalesce(jsonb_agg(to_jsonb(n) ORDER BY n.nr, n.place), '[]') FROM node n),
		(SELECT coalesce(jsonb_agg(to_jsonb(e) ORDER BY e.nr, e.from_place, e.to_place), '[]') FROM edge e);
$picture_flow$;
COMMENT ON FUNCTION paystate.picture_flow(pg_catalog.regclass, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'what the pictures of a status flow show, in the order in which it is drawn';

CREATE FUNCTION paystate.status_flow_dot(
	orders pg_catalog.regclass,
	since pg_catalog.timestamptz DEFAULT NULL,
	until pg_catalog.timestamptz DEFAULT NULL)
	RETURNS pg_catalog.text
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $status_flow_dot$
	WITH picture AS MATERIALIZED (
		SELECT p.* FROM paystate.picture_flow(orders, since, until) p
		 WHERE orders IS NOT NULL
	), node AS (
		SELECT n.* FROM picture p, jsonb_to_recordset(p.nodes) n (nr int, lifecycle text,
			place int, node text, label text, terminal bool, role text, fill text, line text,
			present int8)
	), edge AS (
		SELECT e.*, max(e.count) OVER (PARTITION BY e.nr) AS most
		  FROM picture p, jsonb_to_recordset(p.edges) e (nr int, from_node text, to_node text,
			from_place int, to_place int, line text, count int8, lines text[])
	), drawn AS (
		SELECT nr, 0 AS kind, place, 0 AS place_2, format(
			E'\t\t%s [label=<<b>%s</b><br/><font point-size="9" color="%s">%s</font><br/>%s now>, fillcolor="%s", color="%s"%s]\n',
			node, paystate.picture_dot_text(label), line, role, present, fill, line,
			CASE WHEN terminal THEN ', peripheries=2' ELSE '' END) AS source
		  FROM node
		UNION ALL
		SELECT DISTINCT nr, 1, 0, 0, format(
			E'\t\t%s [shape=circle, style=filled, label="", width=0.14, fillcolor="#333333", color="#333333"]\n',
			from_node)
		  FROM edge WHERE from_place = 0
		UNION ALL
		-- the more often it is walked, the broader is the arrow
		SELECT nr, 2, from_place, to_place, format(
			E'\t\t%s -> %s [color="%s", fontcolor="%3$s", penwidth=%s, label=<%s>]\n',
			from_node, to_node, line, round(1 + 3.0 * count / most, 1), (
				SELECT string_agg(paystate.picture_dot_text(l) || '<br align="left"/>', '' ORDER BY o)
				  FROM unnest(lines) WITH ORDINALITY u (l, o)))
		  FROM edge
	)
	SELECT format(E'digraph status_flow {\n'
		'\trankdir=LR\n'
		'\tgraph [label=<<b>%s</b>>, labelloc=t, fontname="Helvetica,Arial,sans-serif", fontsize=16, bgcolor="white", nodesep=0.35, ranksep=0.6]\n'
		'\tnode [shape=box, style="rounded,filled", fontname="Helvetica,Arial,sans-serif", fontsize=13, margin="0.15,0.06"]\n'
		'\tedge [fontname="Helvetica,Arial,sans-serif", fontsize=10, arrowsize=0.7, color="#333333"]\n',
		paystate.picture_dot_text(p.title))
		|| coalesce((SELECT string_agg(format(E'\tsubgraph cluster_%s {\n'
				'\t\tgraph [label=<%s>, labeljust=l, fontsize=12, fontcolor="#555555", style=rounded, color="#bbbbbb", margin=14]\n',
				c.nr, paystate.picture_dot_text(c.lifecycle))
				|| (SELECT string_agg(d.source, '' ORDER BY d.kind, d.place, d.place_2)
					  FROM drawn d WHERE d.nr = c.nr)
				|| E'\t}\n', '' ORDER BY c.nr)
			 FROM (SELECT DISTINCT nr, lifecycle FROM node) c), '')
		|| '}'
	  FROM picture p;
$status_flow_dot$;
COMMENT ON FUNCTION paystate.status_flow_dot(pg_catalog.regclass, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'the life cycle as orders walked it, drawn for Graphviz: each move with its count and the median time before it, each status with the orders that are in it now';

CREATE FUNCTION paystate.status_flow_mermaid(
	orders pg_catalog.regclass,
	since pg_catalog.timestamptz DEFAULT NULL,
	until pg_catalog.timestamptz DEFAULT NULL)
	RETURNS pg_catalog.text
	LANGUAGE sql STABLE PARALLEL RESTRICTED
	SET search_path = pg_catalog, pg_temp
AS $status_flow_mermaid$
	WITH picture AS MATERIALIZED (
		SELECT p.* FROM paystate.picture_flow(orders, since, until) p
		 WHERE orders IS NOT NULL
	), node AS (
		SELECT n.* FROM picture p, jsonb_to_recordset(p.nodes) n (nr int, lifecycle text,
			place int, node text, label text, terminal bool, role text, fill text, line text,
			present int8)
	), edge AS (
		SELECT e.* FROM picture p, jsonb_to_recordset(p.edges) e (nr int, from_node text,
			to_node text, from_place int, to_place int, lines text[])
	), drawn AS (
		SELECT nr, 0 AS kind, place, 0 AS place_2, format(E'\t\t%s("%s<br/>%s now"):::%s\n',
			node, paystate.picture_mermaid_text(label), present, role) AS source
		  FROM node
		UNION ALL
		SELECT DISTINCT nr, 1, 0, 0, format(E'\t\t%s((" ")):::start\n', from_node)
		  FROM edge WHERE from_place = 0
		UNION ALL
		SELECT nr, 2, from_place, to_place, format(E'\t\t%s -->|"%s"| %s\n', from_node, (
				SELECT string_agg(paystate.picture_mermaid_text(l), '<br/>' ORDER BY o)
				  FROM unnest(lines) WITH ORDINALITY u (l, o)),
			to_node)
		  FROM edge
	)
	SELECT E'flowchart LR\n'
		|| coalesce((SELECT string_agg(format(E'\tsubgraph flow_%s["%s: %s"]\n', c.nr,
				paystate.picture_mermaid_text(p.title), paystate.picture_mermaid_text(c.lifecycle))
				|| (SELECT string_agg(d.source, '' ORDER BY d.kind, d.place, d.place_2)
					  FROM drawn d WHERE d.nr = c.nr)
				|| E'\tend\n', '' ORDER BY c.nr)
			 FROM (SELECT DISTINCT nr, lifecycle FROM node) c), '')
		|| E'\tclassDef start fill:#333333,stroke:#333333'
		|| coalesce((SELECT string_agg(DISTINCT format(
						E'\n\tclassDef %s fill:%s,stroke:%s,color:#000000', role, fill, line), '')
					   FROM node), '')
		|| coalesce((SELECT format(E'\n\tclassDef terminal stroke-width:4px\n\tclass %s terminal',
							string_agg(node, ',' ORDER BY nr, place))
					   FROM node WHERE terminal HAVING count(*) > 0), '')
	  FROM picture p;
$status_flow_mermaid$;
COMMENT ON FUNCTION paystate.status_flow_mermaid(pg_catalog.regclass, pg_catalog.timestamptz, pg_catalog.timestamptz) IS
	'the life cycle as orders walked it, drawn for Mermaid: each move with its count and the median time before it, each status with the orders that are in it now';
