-- attach_shape: what attach asks of each table by the catalog alone

CREATE FUNCTION paystate.attach_names(relation pg_catalog.regclass,
									  atts pg_catalog.int2[])
	RETURNS pg_catalog.text[]
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_names$
	SELECT array_agg(a.attname::text ORDER BY u.n)
	FROM unnest(atts) WITH ORDINALITY AS u (att, n)
	JOIN pg_attribute AS a ON a.attrelid = relation AND a.attnum = u.att
$attach_names$;
COMMENT ON FUNCTION paystate.attach_names(pg_catalog.regclass, pg_catalog.int2[]) IS
	'names of columns by number';

-- columns of the primary key, in its order; NULL: there is none
CREATE FUNCTION paystate.attach_key(relation pg_catalog.regclass)
	RETURNS pg_catalog.int2[]
	LANGUAGE sql STABLE STRICT PARALLEL SAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_key$
	SELECT (i.indkey::int2[])[0:i.indnkeyatts - 1]
	FROM pg_index AS i
	WHERE i.indrelid = relation AND i.indisprimary AND i.indimmediate
$attach_key$;
COMMENT ON FUNCTION paystate.attach_key(pg_catalog.regclass) IS
	'columns of a table''s primary key, which is not deferrable';

CREATE FUNCTION paystate.attach_check_table(relation pg_catalog.regclass)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_check_table$
DECLARE
	c	pg_class;
BEGIN
	SELECT * INTO c FROM pg_class AS k WHERE k.oid = relation;
	IF c.relkind NOT IN ('r', 'p') THEN
		PERFORM paystate.attach_refuse(relation, 'It is neither an ordinary nor a partitioned table.');
	ELSIF c.relpersistence = 't' THEN
		PERFORM paystate.attach_refuse(relation, 'It is a temporary table.');
	ELSIF c.relispartition THEN
		PERFORM paystate.attach_refuse(relation, 'It is a partition.',
			'Attach the table that it is a partition of.');
	ELSIF EXISTS (SELECT FROM pg_inherits AS i JOIN pg_class AS k ON k.oid = i.inhrelid
				  WHERE relation IN (i.inhrelid, i.inhparent) AND NOT k.relispartition) THEN
		PERFORM paystate.attach_refuse(relation, 'It inherits from a table, or is inherited from.',
			'Use partitions, or let it stand alone with ALTER TABLE ... NO INHERIT.');
	ELSIF EXISTS (SELECT FROM pg_partition_tree(relation) AS p JOIN pg_class AS k ON k.oid = p.relid
				  WHERE k.relkind NOT IN ('r', 'p')) THEN
		PERFORM paystate.attach_refuse(relation, 'A partition of it is a foreign table.');
	ELSIF EXISTS (SELECT FROM pg_rewrite AS r WHERE r.ev_class = relation) THEN
		PERFORM paystate.attach_refuse(relation, 'It has a rule.',
			'Drop the rule: it can make writes disappear.');
	ELSIF paystate.attach_key(relation) IS NULL THEN
		PERFORM paystate.attach_refuse(relation, 'It has no primary key that is checked at once.');
	END IF;
END
$attach_check_table$;
COMMENT ON FUNCTION paystate.attach_check_table(pg_catalog.regclass) IS
	'checks that a relation is of a kind that can be guarded';

-- missing: allowed, they will be added
CREATE FUNCTION paystate.attach_check_types(relation pg_catalog.regclass,
											kind pg_catalog.text,
											columns pg_catalog.jsonb,
											add_columns pg_catalog.bool,
											has_currency pg_catalog.bool)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_check_types$
DECLARE
	item	record;
	scale	integer;
	wanted	text;
BEGIN
	FOR item IN
		SELECT c.*, format_type(c.type, c.typmod) AS type_name,
			   (SELECT y.typtype FROM pg_type AS y WHERE y.oid = c.type) AS typtype
		FROM paystate.attach_columns(relation, kind, columns) AS c
		WHERE c.meaning NOT IN ('key', 'link')
	LOOP
		IF item.attnum IS NULL THEN
			IF item.need IN ('given', 'own') THEN
				PERFORM paystate.attach_refuse(relation,
					format('Column "%s" is missing.', item.theirs),
					format('Name the column that has its meaning: columns => {"%s.%s": "..."}.', kind, item.ours));
			ELSIF item.need = 'derived' AND NOT add_columns THEN
				PERFORM paystate.attach_refuse(relation,
					format('Column "%s" is missing.', item.theirs),
					format('Name the column that has its meaning (columns => {"%s.%s": "..."}), or have it added (add_columns => true).',
						   kind, item.ours));
			END IF;
			CONTINUE;
		END IF;
		IF item.generated AND item.need <> 'free' AND item.meaning <> 'any' THEN
			PERFORM paystate.attach_refuse(relation,
				format('Column "%s" is generated.', item.theirs),
				'Make it a plain column: ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION.');
		END IF;
		wanted := CASE item.meaning
			WHEN 'money' THEN 'bigint, integer or numeric(p,s)'
			WHEN 'count' THEN 'integer or bigint'
			WHEN 'time' THEN 'timestamp with time zone'
			WHEN 'flag' THEN 'boolean'
			WHEN 'word' THEN 'text or character varying'
			WHEN 'status' THEN 'an enum, text or character varying' END;
		IF (CASE item.meaning
			WHEN 'money' THEN item.type IN ('int8'::regtype, 'int4'::regtype)
				OR item.type = 'numeric'::regtype AND item.typmod >= 4
			WHEN 'count' THEN item.type IN ('int8'::regtype, 'int4'::regtype)
			WHEN 'time' THEN item.type = 'timestamptz'::regtype
			WHEN 'flag' THEN item.type = 'bool'::regtype
			WHEN 'word' THEN item.type IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)
			WHEN 'status' THEN item.type IN ('text'::regtype, 'varchar'::regtype) OR item.typtype = 'e'
			ELSE true END) THEN
			NULL;
		ELSIF item.need = 'optional' THEN
			PERFORM paystate.attach_refuse(relation,
				format('Column "%s" is of type %s, not %s.', item.theirs, item.type_name, wanted),
				format('If it means something else: columns => {"%s.%s": null}.', kind, item.ours));
		ELSE
			PERFORM paystate.attach_refuse(relation,
				format('Column "%s" is of type %s, not %s.', item.theirs, item.type_name, wanted));
		END IF;
		IF item.meaning = 'money' AND item.type = 'numeric'::regtype THEN
			-- the scale is packed into eleven bits, with its sign
			scale := (((item.typmod - 4) & 2047) # 1024) - 1024;
			IF scale NOT BETWEEN 0 AND (CASE WHEN has_currency THEN 3 ELSE 2 END) THEN
				PERFORM paystate.attach_refuse(relation,
					format('Column "%s" is of type %s, whose decimals are no subunits of the currency.',
						   item.theirs, item.type_name));
			END IF;
		END IF;
	END LOOP;
END
$attach_check_types$;
COMMENT ON FUNCTION paystate.attach_check_types(pg_catalog.regclass, pg_catalog.text, pg_catalog.jsonb, pg_catalog.bool, pg_catalog.bool) IS
	'checks that a table has the columns that it must have, of types that fit';

-- Can the status columns hold every label that the life cycle may write?  An
-- explicit cast cuts to a length, so the label must also come back whole.
CREATE FUNCTION paystate.attach_check_labels_fit(relation pg_catalog.regclass,
												 kind pg_catalog.text,
												 columns pg_catalog.jsonb,
												 labels pg_catalog.jsonb,
												 lifecycle pg_catalog.text)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_check_labels_fit$
DECLARE
	item	record;
	fits	boolean;
BEGIN
	FOR item IN
		SELECT w.theirs, c.theirs AS column_name, format_type(a.atttypid, a.atttypmod) AS type_name
		FROM paystate.attach_columns(relation, kind || 's', columns) AS c
		JOIN pg_attribute AS a ON a.attrelid = relation AND a.attnum = c.attnum
		JOIN paystate.attach_words(labels) AS w
			ON w.kind = attach_check_labels_fit.kind AND w.lifecycle = attach_check_labels_fit.lifecycle
		WHERE c.ours = 'status'
		ORDER BY w.theirs
	LOOP
		BEGIN
			EXECUTE format('SELECT %L::%s::text = %L', item.theirs, item.type_name, item.theirs) INTO fits;
		EXCEPTION
			WHEN invalid_text_representation OR check_violation OR string_data_right_truncation THEN
				fits := false;
		END;
		IF NOT fits THEN
			PERFORM paystate.attach_refuse(relation,
				format('Type %s of column "%s" does not take the status "%s" of life cycle "%s".',
					   item.type_name, item.column_name, item.theirs, lifecycle),
				'Add the label to the type, or say by the argument "labels" what the shop calls it.');
		END IF;
	END LOOP;
END
$attach_check_labels_fit$;
COMMENT ON FUNCTION paystate.attach_check_labels_fit(pg_catalog.regclass, pg_catalog.text, pg_catalog.jsonb, pg_catalog.jsonb, pg_catalog.text) IS
	'checks that a status column takes all statuses that it may have to hold';

-- A unique index over a column that changes makes every update of the row one
-- of its key, which waits for foreign key checks and deadlocks with them.
CREATE FUNCTION paystate.attach_check_written(relation pg_catalog.regclass,
											  kind pg_catalog.text,
											  columns pg_catalog.jsonb)
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_check_written$
DECLARE
	item	record;
BEGIN
	FOR item IN
		SELECT c.theirs, i.indexrelid::regclass AS relid, x.relname
		FROM paystate.attach_columns(relation, kind, columns) AS c
		JOIN pg_index AS i ON i.indrelid = relation AND i.indisunique
			AND i.indpred IS NULL AND i.indexprs IS NULL
			AND c.attnum = ANY ((i.indkey::int2[])[0:i.indnkeyatts - 1])
		JOIN pg_class AS x ON x.oid = i.indexrelid
		WHERE c.written AND kind <> 'history'
	LOOP
		PERFORM paystate.attach_refuse(relation,
			format('Unique index "%s" has column "%s", which paystate writes.', item.relname, item.theirs),
			'Drop the index, or make it a partial or not a unique one.');
	END LOOP;
	FOR item IN
		SELECT c.theirs
		FROM paystate.attach_columns(relation, kind, columns) AS c
		JOIN (SELECT p.relid FROM pg_partition_tree(relation) AS p) AS r ON true
		JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = r.relid AND d.objsubid = 0
			AND d.refclassid = 'pg_class'::regclass AND d.refobjid = r.relid
		JOIN pg_attribute AS a ON a.attrelid = r.relid AND a.attnum = d.refobjsubid
			AND a.attname = c.theirs
		WHERE c.written AND c.attnum IS NOT NULL AND kind <> 'history'
	LOOP
		PERFORM paystate.attach_refuse(relation,
			format('It is partitioned by column "%s", which paystate writes.', item.theirs),
			'Partition by columns that never change.');
	END LOOP;
END
$attach_check_written$;
COMMENT ON FUNCTION paystate.attach_check_written(pg_catalog.regclass, pg_catalog.text, pg_catalog.jsonb) IS
	'checks that no unique index and no partition key has a column that paystate writes';

-- The one foreign key to the parent: its columns, in the order of the
-- parent's primary key.
CREATE FUNCTION paystate.attach_link(relation pg_catalog.regclass,
									 parent pg_catalog.regclass)
	RETURNS pg_catalog.int2[]
	LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_link$
DECLARE
	parent_name	text := (SELECT c.relname FROM pg_class AS c WHERE c.oid = parent);
	n			integer;
	link		record;
	ordered		int2[];
BEGIN
	SELECT count(*) INTO n
	FROM pg_constraint AS c
	WHERE c.contype = 'f' AND c.conrelid = relation AND c.confrelid = parent AND c.conparentid = 0;
	IF n = 0 THEN
		PERFORM paystate.attach_refuse(relation, format('No foreign key leads to table "%s".', parent_name));
	ELSIF n > 1 THEN
		PERFORM paystate.attach_refuse(relation,
			format('More than one foreign key leads to table "%s".', parent_name), 'Keep one of them.');
	END IF;
	SELECT c.conname, c.conkey, c.confkey, c.condeferrable, c.convalidated,
		   coalesce(to_jsonb(c) ->> 'conenforced', 'true')::boolean AS enforced,
		   i.indisprimary
		INTO link
	FROM pg_constraint AS c JOIN pg_index AS i ON i.indexrelid = c.conindid
	WHERE c.contype = 'f' AND c.conrelid = relation AND c.confrelid = parent AND c.conparentid = 0;
	IF link.condeferrable OR NOT link.convalidated OR NOT link.enforced THEN
		PERFORM paystate.attach_refuse(relation,
			format('Foreign key "%s" is deferrable, not validated or not enforced.', link.conname));
	ELSIF NOT link.indisprimary THEN
		PERFORM paystate.attach_refuse(relation,
			format('Foreign key "%s" does not reference the primary key.', link.conname));
	END IF;
	SELECT array_agg(link.conkey[array_position(link.confkey, u.att)] ORDER BY u.n) INTO ordered
	FROM unnest(paystate.attach_key(parent)) WITH ORDINALITY AS u (att, n);
	RETURN ordered;
END
$attach_link$;
COMMENT ON FUNCTION paystate.attach_link(pg_catalog.regclass, pg_catalog.regclass) IS
	'columns of the one foreign key of a table to another, in the order of that one''s primary key';

-- Columns that the map names as keys must be those that the catalog has.
CREATE FUNCTION paystate.attach_check_key(relation pg_catalog.regclass,
										  kind pg_catalog.text,
										  columns pg_catalog.jsonb,
										  meaning pg_catalog.text,
										  atts pg_catalog.int2[])
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_check_key$
DECLARE
	item	record;
BEGIN
	FOR item IN
		SELECT c.ours, c.theirs
		FROM paystate.attach_columns(relation, kind, columns) AS c
		WHERE c.mapped AND c.meaning = attach_check_key.meaning AND NOT c.attnum = ANY (atts)
	LOOP
		PERFORM paystate.attach_refuse_argument('columns',
			format('Column "%s" is no part of the %s of table "%s".', item.theirs,
				   CASE meaning WHEN 'key' THEN 'primary key' ELSE 'foreign key' END,
				   (SELECT c.relname FROM pg_class AS c WHERE c.oid = relation)));
	END LOOP;
END
$attach_check_key$;
COMMENT ON FUNCTION paystate.attach_check_key(pg_catalog.regclass, pg_catalog.text, pg_catalog.jsonb, pg_catalog.text, pg_catalog.int2[]) IS
	'checks that columns named as a key are those that the catalog has';

-- Every event of an order may visit its payments; a partial index has not all.
CREATE FUNCTION paystate.attach_check_index(payments pg_catalog.regclass,
											link pg_catalog.int2[])
	RETURNS pg_catalog.void
	LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
	SET search_path = pg_catalog, pg_temp
AS $attach_check_index$
BEGIN
	IF NOT EXISTS (
		SELECT FROM pg_index AS i
		JOIN pg_class AS x ON x.oid = i.indexrelid
		JOIN pg_am AS m ON m.oid = x.relam AND m.amname = 'btree'
		WHERE i.indrelid = payments AND i.indisvalid AND i.indpred IS NULL
			AND i.indnkeyatts >= cardinality(link)
			AND (i.indkey::int2[])[0:cardinality(link) - 1] @> link) THEN
		PERFORM paystate.attach_refuse(payments, 'It has no index on the order''s key.',
			format('CREATE INDEX ON %s (%s);', payments,
				   (SELECT string_agg(format('%I', n), ', ') FROM unnest(paystate.attach_names(payments, link)) AS u (n))));
	END IF;
END
$attach_check_index$;
COMMENT ON FUNCTION paystate.attach_check_index(pg_catalog.regclass, pg_catalog.int2[]) IS
	'checks that payments can be found by their order';
