-- check_guards: what the guards of this database cannot be relied on for

CREATE FUNCTION paystate.guarded_findings(relation pg_catalog.regclass)
	RETURNS TABLE (problem pg_catalog.text, detail pg_catalog.text)
	LANGUAGE C STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'paystate_guarded_findings';
COMMENT ON FUNCTION paystate.guarded_findings(pg_catalog.regclass) IS
	'what is wrong with the guards that stand on one table: missing, disabled, altered, doubled';

CREATE FUNCTION paystate.guarded_table(relation pg_catalog.regclass,
									   OUT kind pg_catalog.text,
									   OUT lifecycle pg_catalog.text,
									   OUT parent pg_catalog.regclass,
									   OUT payments pg_catalog.regclass,
									   OUT key pg_catalog.int2[],
									   OUT link pg_catalog.int2[],
									   OUT parent_key pg_catalog.int2[],
									   OUT written pg_catalog.int2[],
									   OUT columns pg_catalog.jsonb,
									   OUT labels pg_catalog.jsonb)
	LANGUAGE C STABLE STRICT PARALLEL UNSAFE
	AS 'MODULE_PATHNAME', 'paystate_guarded_table';
COMMENT ON FUNCTION paystate.guarded_table(pg_catalog.regclass) IS
	'what paystate takes a table for: orders, payments, refunds or history; its life cycle; what it references, and the payments that reference it; and by number the columns of its key, of its foreign key, those that this one references, and those that paystate writes; what its columns, and its statuses, are called; 23PS8 when its writes would be refused';

-- Each guarded table as it is bound, or why it is not.
CREATE FUNCTION paystate.guarded_tables()
	RETURNS TABLE (relation pg_catalog.regclass, root pg_catalog.regclass, owner pg_catalog.oid,
				   root_owner pg_catalog.oid, kind pg_catalog.text,
				   lifecycle pg_catalog.text, parent pg_catalog.regclass, payments pg_catalog.regclass,
				   key pg_catalog.int2[], link pg_catalog.int2[], parent_key pg_catalog.int2[],
				   written pg_catalog.int2[],
				   refusal pg_catalog.text)
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $guarded_tables$
BEGIN
	FOR relation, root, owner, root_owner, kind IN
		SELECT c.oid, r.oid, c.relowner, r.relowner,
			min(replace(p.proname, 'guard_', ''))
		FROM pg_trigger AS t
		JOIN pg_proc AS p ON p.oid = t.tgfoid
		JOIN pg_class AS c ON c.oid = t.tgrelid
		JOIN pg_class AS r ON r.oid = coalesce(pg_partition_root(c.oid), c.oid)
		WHERE p.pronamespace = 'paystate'::regnamespace
			AND p.proname IN ('guard_orders', 'guard_payments', 'guard_refunds', 'guard_history')
		GROUP BY c.oid, r.oid, c.relowner, r.relowner
		ORDER BY c.oid
	LOOP
		lifecycle := NULL; parent := NULL; payments := NULL; key := NULL; link := NULL;
		parent_key := NULL; written := NULL; refusal := NULL;
		BEGIN
			SELECT g.kind, g.lifecycle, g.parent, g.payments, g.key, g.link, g.parent_key, g.written
				INTO kind, lifecycle, parent, payments, key, link, parent_key, written
				FROM paystate.guarded_table(relation) AS g;
		EXCEPTION
			WHEN SQLSTATE '23PS8' THEN
				GET STACKED DIAGNOSTICS refusal = PG_EXCEPTION_DETAIL;
		END;
		RETURN NEXT;
	END LOOP;
END
$guarded_tables$;
COMMENT ON FUNCTION paystate.guarded_tables() IS
	'every table of the database that carries a guard, as guarded_table() has it, or why its writes are refused';

CREATE FUNCTION paystate.check_guards()
	RETURNS TABLE (relation pg_catalog.regclass, problem pg_catalog.text, detail pg_catalog.text)
	LANGUAGE plpgsql STABLE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $check_guards$
#variable_conflict use_column
DECLARE
	rule_tables CONSTANT regclass[] := '{paystate.lifecycle,paystate.lifecycle_status,paystate.lifecycle_transition}';
	t record;
	faults boolean;
BEGIN
	FOR t IN SELECT * FROM paystate.guarded_tables() LOOP
		-- ---- its guards; the reason why writes are refused, unless it is these
		faults := false;
		FOR problem, detail IN SELECT g.problem, g.detail FROM paystate.guarded_findings(t.relation) AS g LOOP
			relation := t.relation;
			faults := faults OR problem LIKE '%guard%';
			RETURN NEXT;
		END LOOP;
		IF t.refusal IS NOT NULL AND NOT faults THEN
			RETURN QUERY SELECT t.relation, 'writes are refused', t.refusal;
		END IF;
		RETURN QUERY
			SELECT t.relation, 'unknown life cycle',
				format('Its guards name life cycle "%s", which does not exist.', t.lifecycle)
			WHERE NOT EXISTS (SELECT FROM paystate.lifecycle AS l WHERE l.name = t.lifecycle)
				AND t.lifecycle IS NOT NULL;
		RETURN QUERY
			SELECT t.relation, 'no payments', 'No guarded payments table of its owner references it.'
			WHERE t.kind = 'orders' AND t.refusal IS NULL AND t.payments IS NULL AND t.relation = t.root;

		-- ---- rows that come or go past the guards
		RETURN QUERY
			SELECT c.oid::regclass, 'inheritance child',
				format('Its rows are seen through "%s", but no guard judges them.', t.relation)
			FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
			WHERE i.inhparent = t.relation AND NOT c.relispartition;
		RETURN QUERY
			SELECT t.relation, 'rule', format('Rule "%s" rewrites what is written to the table.', r.rulename)
			FROM pg_rewrite AS r
			WHERE r.ev_class = t.relation AND r.rulename <> '_RETURN';
		-- a key column depends on its table, whatever expression it stands in
		RETURN QUERY
			SELECT t.relation, 'partition key changes',
				format('Column "%s" is part of the partition key, and changes.', a.attname)
			FROM pg_partitioned_table AS p
			JOIN pg_attribute AS a ON a.attrelid = p.partrelid AND a.attnum = ANY (t.written)
			WHERE p.partrelid = t.relation AND t.kind <> 'history'
				AND (a.attnum = ANY (p.partattrs::int2[])
					OR EXISTS (SELECT FROM pg_depend AS d
						WHERE d.classid = 'pg_class'::regclass AND d.objid = t.relation
							AND d.objsubid = a.attnum AND d.refclassid = 'pg_class'::regclass
							AND d.refobjid = t.relation AND d.refobjsubid = 0 AND d.deptype = 'i'));
		RETURN QUERY
			SELECT t.relation, 'unique index',
				format('Index "%s" is over column "%s", which paystate writes.', x.indexrelid::regclass, a.attname)
			FROM pg_index AS x
			JOIN pg_attribute AS a ON a.attrelid = x.indrelid AND a.attnum = ANY (t.written)
			WHERE x.indrelid = t.relation AND t.kind <> 'history' AND (x.indisunique OR x.indisexclusion)
				AND (a.attnum = ANY (x.indkey::int2[])
					OR EXISTS (SELECT FROM pg_depend AS d
						WHERE d.classid = 'pg_class'::regclass AND d.objid = x.indexrelid
							AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t.relation
							AND d.refobjsubid = a.attnum));

		-- ---- who may do more than write
		RETURN QUERY
			SELECT t.relation, 'foreign trigger',
				format('Trigger "%s" calls a function of role "%s", with the rights of whoever writes, the owner included.',
					   g.tgname, pg_get_userbyid(p.proowner))
			FROM pg_trigger AS g
			JOIN pg_proc AS p ON p.oid = g.tgfoid
			JOIN pg_roles AS r ON r.oid = p.proowner
			WHERE g.tgrelid = t.relation AND NOT g.tgisinternal AND g.tgparentid = 0
				AND p.proowner <> t.root_owner AND NOT r.rolsuper;
		RETURN QUERY
			SELECT t.relation, 'grant of ' || g.privilege_type,
				format('%s may %s.', CASE g.grantee WHEN 0 THEN 'Everybody'
						ELSE format('Role "%s"', pg_get_userbyid(g.grantee)) END,
					CASE g.privilege_type
						WHEN 'TRIGGER' THEN 'put triggers on it, which run with the rights of whoever writes, the owner included'
						WHEN 'TRUNCATE' THEN 'truncate it wherever the guard against that is missing'
						ELSE 'make foreign keys to it, and so hold its rows' END)
			FROM (SELECT (aclexplode(c.relacl)).* FROM pg_class AS c WHERE c.oid = t.relation
				UNION
				SELECT (aclexplode(a.attacl)).* FROM pg_attribute AS a WHERE a.attrelid = t.relation) AS g
			WHERE g.privilege_type IN ('TRIGGER', 'TRUNCATE', 'REFERENCES')
				AND g.grantee <> t.owner AND g.grantee <> t.root_owner
			GROUP BY g.grantee, g.privilege_type;
		RETURN QUERY
			SELECT t.relation, 'other owner',
				format('It belongs to role "%s", the table of which it is a partition to "%s".',
					   pg_get_userbyid(t.owner), pg_get_userbyid(t.root_owner))
			WHERE t.owner <> t.root_owner;
		RETURN QUERY
			SELECT t.relation, 'superuser owns it',
				format('Role "%s" is a superuser: triggers on the table, and policies and checks, run with all rights.', r.rolname)
			FROM pg_roles AS r
			WHERE r.oid = t.owner AND r.rolsuper AND t.relation = t.root;
	END LOOP;

	-- ---- tables that have lost all guards: by their columns, and their key
	RETURN QUERY
		SELECT c.oid::regclass, 'missing guard',
			format('It has the columns of a table of %s, and no guard.', k.kind)
		FROM pg_class AS c
		JOIN (VALUES
			('orders', '{amount_paid,amount_due,amount_authorized,amount_pending,attempts,payments_open,version,status_since,changed_at}'::name[]),
			('payments', '{amount,status,amount_captured,amount_refunded,refund_pending,status_since}'),
			('history', '{seq,at,payment_from,payment_to,order_from,order_to,forced}')) AS k (kind, columns)
			ON (SELECT count(*) FROM pg_attribute AS a
				WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.attname = ANY (k.columns)) = cardinality(k.columns)
		WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
			AND EXISTS (SELECT FROM pg_constraint AS p WHERE p.conrelid = c.oid AND p.contype = 'p')
			AND NOT EXISTS (SELECT FROM paystate.guarded_tables() AS g WHERE g.relation = c.oid)
			-- what was detached from a history still references its orders
			AND NOT EXISTS (SELECT FROM pg_constraint AS f
				JOIN paystate.guarded_tables() AS g ON g.kind = k.kind AND g.parent = f.confrelid AND g.refusal IS NULL
				WHERE k.kind = 'history' AND f.conrelid = c.oid AND f.contype = 'f');
	RETURN QUERY
		SELECT c.oid::regclass, 'missing guard', format('It references "%s" and has refund statuses, and no guard.', f.confrelid::regclass)
		FROM pg_class AS c
		JOIN pg_constraint AS f ON f.conrelid = c.oid AND f.contype = 'f' AND f.conparentid = 0
		WHERE NOT c.relispartition
			AND f.confrelid IN (SELECT g.relation FROM paystate.guarded_tables() AS g WHERE g.kind = 'payments')
			AND EXISTS (SELECT FROM pg_attribute AS a
				WHERE a.attrelid = c.oid AND NOT a.attisdropped AND a.atttypid = 'paystate.refund_status'::regtype)
			AND NOT EXISTS (SELECT FROM paystate.guarded_tables() AS g WHERE g.relation = c.oid);

	-- ---- keys that lead with the order's: then all of them must
	RETURN QUERY
		WITH bound AS MATERIALIZED (
			SELECT * FROM paystate.guarded_tables() AS g
			WHERE g.refusal IS NULL AND g.relation = g.root
		), named AS (
			SELECT b.relation, b.kind, b.key,
				CASE b.kind WHEN 'orders' THEN b.relation WHEN 'refunds' THEN p.parent ELSE b.parent END AS orders,
				CASE b.kind WHEN 'orders' THEN b.key
					WHEN 'refunds' THEN ARRAY(SELECT b.link[i] FROM generate_subscripts(b.link, 1) AS i
						WHERE b.parent_key[i] = ANY (p.link) ORDER BY i)
					ELSE b.link END AS order_key
			FROM bound AS b
			LEFT JOIN bound AS p ON b.kind = 'refunds' AND p.relation = b.parent
		), tables AS (
			SELECT * FROM named AS n
			WHERE n.orders IN (SELECT s.orders FROM named AS s
				WHERE s.kind IN ('payments', 'refunds') AND s.order_key <> '{}' AND s.order_key <@ s.key)
		)
		SELECT s.relation, 'key without the order', format('Index "%s" does not hold the whole key of the order.', x.indexrelid::regclass)
		FROM tables AS s
		JOIN pg_index AS x ON x.indrelid = s.relation AND x.indisunique
		WHERE NOT s.order_key <@ x.indkey::int2[] OR s.order_key = '{}'
		UNION ALL
		SELECT s.relation, 'key without the order', 'Its primary key does not lead with that of the order.'
		FROM tables AS s
		WHERE s.order_key <@ s.key AND s.key[1:cardinality(s.order_key)] <> s.order_key
		UNION ALL
		SELECT s.relation, 'sequence', format('Column "%s" takes its default from a sequence, which shards do not have.', a.attname)
		FROM tables AS s
		JOIN pg_attribute AS a ON a.attrelid = s.relation AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		WHERE a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) ~ '\mnextval\(';

	-- ---- the guards of the rules, and what stands above all guards
	RETURN QUERY
		SELECT g.tgrelid::regclass, 'disabled guard', format('Trigger "%s" of the rule table is not enabled as usual.', g.tgname)
		FROM pg_trigger AS g
		WHERE g.tgrelid = ANY (rule_tables) AND NOT g.tgisinternal AND g.tgenabled <> 'O';
	RETURN QUERY
		SELECT r, 'missing guard', format('The rule table has no trigger "%s".', n)
		FROM unnest(rule_tables) AS r, unnest('{lifecycle_before,lifecycle_changed,lifecycle_truncate}'::name[]) AS n
		WHERE NOT EXISTS (SELECT FROM pg_trigger AS g JOIN pg_proc AS p ON p.oid = g.tgfoid
			WHERE g.tgrelid = r AND g.tgname = n AND p.proname = 'guard_rules');
	RETURN QUERY
		SELECT NULL::regclass, 'grant of ' || g.privilege_type,
			format('%s may set session_replication_role, which silences all guards.', CASE g.grantee WHEN 0 THEN 'Everybody'
				ELSE format('Role "%s"', pg_get_userbyid(g.grantee)) END)
		FROM pg_parameter_acl AS p, aclexplode(p.paracl) AS g
		WHERE p.parname = 'session_replication_role' AND g.grantee <> 10;
	RETURN QUERY
		SELECT NULL::regclass, 'session_replication_role',
			format('It is set to %s%s%s.', split_part(s.setting, '=', 2),
				CASE WHEN d.setrole <> 0 THEN format(' for role "%s"', pg_get_userbyid(d.setrole)) END,
				CASE WHEN d.setdatabase <> 0 THEN ' in this database' END)
		FROM pg_db_role_setting AS d, unnest(d.setconfig) AS s (setting)
		WHERE s.setting LIKE 'session\_replication\_role=%' AND s.setting <> 'session_replication_role=origin'
			AND d.setdatabase IN (0, (SELECT b.oid FROM pg_database AS b WHERE b.datname = current_database()))
		UNION ALL
		SELECT NULL, 'session_replication_role', format('It is %s in this session.', current_setting('session_replication_role'))
		WHERE current_setting('session_replication_role') = 'replica';
	RETURN QUERY
		SELECT NULL::regclass, 'grant of CREATE', format('%s may create functions in schema paystate.', CASE g.grantee WHEN 0 THEN 'Everybody'
				ELSE format('Role "%s"', pg_get_userbyid(g.grantee)) END)
		FROM pg_namespace AS n, aclexplode(n.nspacl) AS g
		WHERE n.nspname = 'paystate' AND g.privilege_type = 'CREATE' AND g.grantee <> n.nspowner;
	RETURN QUERY
		SELECT NULL::regclass, 'grant of EXECUTE', format('Everybody may call %s.', p.oid::regprocedure)
		FROM pg_proc AS p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS g
		WHERE p.pronamespace = 'paystate'::regnamespace AND g.grantee = 0
			AND p.proname IN ('define_lifecycle', 'force_status', 'repair', 'expire');
END
$check_guards$;
COMMENT ON FUNCTION paystate.check_guards() IS
	'everything in this database that the guards could be got round by, or that keeps them from working, one row a finding; none when all is well';
