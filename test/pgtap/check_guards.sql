-- check_guards(): whatever the guards could be got round by is found, and
-- nothing else is.  Each finding is seeded, seen, undone, and gone.
\ir lib/shop.sql

SELECT * FROM no_plan();

CREATE ROLE keeper;
CREATE ROLE stranger;
GRANT ALL ON SCHEMA shop TO keeper, stranger;
GRANT USAGE ON SCHEMA helper TO keeper, stranger;

-- With :all_partitioned set, orders and payments are partitioned, too.
\if :{?all_partitioned}
DROP VIEW time_in_status, status_funnel, stuck_orders, daily_conversion, order_attempts;
\ir lib/partition.sql
DO $$ BEGIN PERFORM helper.partition('orders'), helper.partition('payments'); END $$;
\endif
DO $$
DECLARE
	relation regclass;
BEGIN
	FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = 'shop'::regnamespace AND relkind IN ('r', 'p', 'v') LOOP
		EXECUTE format('ALTER TABLE %s OWNER TO keeper', relation);
	END LOOP;
END
$$;

CREATE FUNCTION helper.findings() RETURNS text[]
	LANGUAGE sql
AS $$
	SELECT coalesce(array_agg(DISTINCT concat_ws(' | ', coalesce(relation::text, '-'), problem, detail) ORDER BY concat_ws(' | ', coalesce(relation::text, '-'), problem, detail)), '{}')
	  FROM paystate.check_guards();
$$;
CREATE FUNCTION helper.found(tampering text, a_role text) RETURNS text[]
	LANGUAGE plpgsql
AS $$
DECLARE
	got text[];
	statement text;
BEGIN
	PERFORM set_config('role', a_role, true);
	EXECUTE tampering;
	PERFORM set_config('role', 'none', true);
	PERFORM set_config('search_path', 'shop, helper, public', true);
	got := helper.findings();
	RAISE SQLSTATE 'TT000';
EXCEPTION
	WHEN SQLSTATE 'TT000' THEN
		RETURN got;
	WHEN OTHERS THEN
		RETURN ARRAY[SQLSTATE || ' ' || SQLERRM];
END
$$;
-- among the findings is each of these, by a LIKE pattern of relation and
-- problem and one of the detail, and of other problems there is none
CREATE FUNCTION helper.finds(tampering text, patterns text[], a_role text DEFAULT 'keeper') RETURNS SETOF text
	LANGUAGE plpgsql
AS $$
DECLARE
	got text[] := helper.found(tampering, a_role);
BEGIN
	RETURN NEXT ok(got <> '{}' AND NOT EXISTS (SELECT FROM unnest(patterns) AS p WHERE NOT EXISTS (SELECT FROM unnest(got) AS g WHERE g LIKE p))
		AND NOT EXISTS (SELECT FROM unnest(got) AS g WHERE NOT g LIKE ANY (patterns)), tampering)
		|| CASE WHEN NOT EXISTS (SELECT FROM unnest(got) AS g WHERE NOT g LIKE ANY (patterns)) THEN '' ELSE E'\n' || diag(array_to_string(got, E'\n')) END;
	RETURN NEXT is(helper.findings(), '{}', 'and undone, nothing is found');
END
$$;
CREATE FUNCTION helper.harmless(doing text, a_role text DEFAULT 'keeper') RETURNS text
	LANGUAGE sql
AS $$
	SELECT is(helper.found(doing, a_role), '{}', 'harmless: ' || doing);
$$;

SELECT is(helper.findings(), '{}', 'new tables of an ordinary owner are in order');

-- ---- guards that are off, gone, changed, or there twice ---------------------------------------------
SELECT helper.finds(format('ALTER TABLE %s DISABLE TRIGGER %I', t, g), ARRAY[t || '%| disabled guard | Trigger "' || g || '" is disabled.'])
  FROM unnest('{orders,payments,refunds,order_history}'::text[]) AS t, unnest('{_paystate_before,A_paystate_guard,_paystate_truncate}'::text[]) AS g
 WHERE (t, g) <> ('order_history', 'A_paystate_guard');
SELECT helper.finds('ALTER TABLE refunds DISABLE TRIGGER USER', ARRAY['refunds | disabled guard | Trigger "_paystate_before" is disabled.',
	'refunds | disabled guard | Trigger "A_paystate_guard" is disabled.', 'refunds | disabled guard | Trigger "_paystate_truncate" is disabled.']);
SELECT helper.finds('ALTER TABLE payments DISABLE TRIGGER ALL', ARRAY['payments% | disabled guard | %', 'payments% | disabled foreign key | Trigger "RI_%" of constraint "%" is not enabled as usual.'], 'none');
SELECT helper.finds(format('ALTER TABLE payments ENABLE %s TRIGGER "A_paystate_guard"', way),
	ARRAY[format('payments%% | guard not on origin | Trigger "A_paystate_guard" is enabled %s.', way)]) FROM unnest('{ALWAYS,REPLICA}'::text[]) AS way;
SELECT helper.finds($$UPDATE pg_trigger SET tgenabled = 'D' WHERE tgrelid = 'payments'::regclass AND tgname = '_paystate_before'$$,
	ARRAY['payments | disabled guard | Trigger "_paystate_before" is disabled.'], 'none');
SELECT helper.finds('DROP TRIGGER "A_paystate_guard" ON payments', ARRAY['payments% | missing guard | It has no AFTER ROW guard of payments.']);
SELECT helper.finds('DROP TRIGGER _paystate_before ON orders', ARRAY['orders% | missing guard | It has no BEFORE ROW guard of orders.']);
SELECT helper.finds('DROP TRIGGER _paystate_truncate ON refunds', ARRAY['refunds | missing guard | It has no TRUNCATE guard of refunds.']);
SELECT helper.finds('DROP TRIGGER _paystate_before ON order_history', ARRAY['order_history% | missing guard | It has no BEFORE ROW guard of history.']);
SELECT helper.finds('DROP TRIGGER "A_paystate_guard" ON payments; CREATE TRIGGER "A_paystate_guard" ' || shape, ARRAY['payments% | altered guard | ' || says]
	|| CASE WHEN :{?all_partitioned} AND shape LIKE '%STATEMENT%' THEN ARRAY['payments\__ | missing guard | It has no AFTER ROW guard of payments.'] ELSE '{}' END)
  FROM (VALUES
	('AFTER INSERT OR UPDATE OF status OR DELETE ON payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments(''lifecycle=razorpay'')', 'Trigger "A_paystate_guard" fires for some columns only.'),
	('AFTER INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments(''lifecycle=razorpay'')', 'Trigger "A_paystate_guard" fires at another time or for other events.'),
	('AFTER INSERT OR UPDATE OR DELETE ON payments FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_payments(''lifecycle=razorpay'')', 'Trigger "A_paystate_guard" fires at another time or for other events.'),
	('AFTER INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW WHEN (false) EXECUTE FUNCTION paystate.guard_payments(''lifecycle=razorpay'')', 'Trigger "A_paystate_guard" has a WHEN condition.'),
	('AFTER INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments()', '%'),
	('AFTER INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments(''lifecycle=plural'')', 'The arguments of triggers "_paystate_before" and "A_paystate_guard" differ.')
	) AS s (shape, says);
SELECT helper.finds('DROP TRIGGER "A_paystate_guard" ON payments; CREATE CONSTRAINT TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OR DELETE ON payments DEFERRABLE FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments(''lifecycle=razorpay'')',
	ARRAY['payments% | altered guard | Trigger "A_paystate_guard" is deferrable.']);
SELECT helper.finds(format('CREATE TRIGGER again %2$s INSERT OR UPDATE OR DELETE ON %1$s FOR EACH ROW EXECUTE FUNCTION paystate.guard_%1$s(''lifecycle=razorpay'')', t, e),
	ARRAY[t || '% | doubled guard | Triggers "%" and "%" do the same.'])
  FROM unnest('{orders,payments,refunds}'::text[]) AS t, unnest('{BEFORE,AFTER}'::text[]) AS e;
SELECT helper.finds('CREATE TRIGGER again AFTER INSERT ON order_history FOR EACH ROW EXECUTE FUNCTION paystate.guard_history(''lifecycle=razorpay'')',
	ARRAY['order_history% | altered guard | Trigger "again" fires at another time or for other events.']);
SELECT helper.finds('CREATE TRIGGER other AFTER INSERT OR UPDATE OR DELETE ON payments FOR EACH ROW EXECUTE FUNCTION paystate.guard_refunds(''lifecycle=razorpay'')',
	ARRAY['payments% | missing guard | It has no % guard of refunds.']);
SELECT helper.finds(replace(replace($$DROP TRIGGER _paystate_before ON refunds; DROP TRIGGER "A_paystate_guard" ON refunds; DROP TRIGGER _paystate_truncate ON refunds;
	CREATE TRIGGER _paystate_before BEFORE INSERT OR UPDATE OR DELETE ON refunds FOR EACH ROW EXECUTE FUNCTION paystate.guard_refunds('x');
	CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OR DELETE ON refunds FOR EACH ROW EXECUTE FUNCTION paystate.guard_refunds('x');
	CREATE TRIGGER _paystate_truncate BEFORE TRUNCATE ON refunds FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_refunds('x')$$, '''x''', quote_literal(argument)), E'\n', ' '), ARRAY[says])
  FROM (VALUES ('lifecycle=nothing', 'refunds | unknown life cycle | Its guards name life cycle "nothing", which does not exist.'),
	('razorpay', 'refunds | writes are refused | The guard''s argument names no life cycle.')) AS t (argument, says);
SELECT helper.harmless('ALTER TRIGGER "A_paystate_guard" ON payments RENAME TO zzz');
SELECT helper.harmless('CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; END''; CREATE TRIGGER own BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION own()');
SELECT helper.harmless('ALTER TABLE orders ENABLE ROW LEVEL SECURITY; ALTER TABLE orders FORCE ROW LEVEL SECURITY');
SELECT helper.harmless('ALTER TABLE orders ADD shop_note text; CREATE INDEX ON orders (shop_note); ALTER TABLE refunds RENAME TO money_back');

-- ---- all guards of a table gone ---------------------------------------------------------------------------
SELECT helper.finds('DROP TRIGGER _paystate_before ON payments; DROP TRIGGER "A_paystate_guard" ON payments; DROP TRIGGER _paystate_truncate ON payments',
	ARRAY['payments | missing guard | It has the columns of a table of payments, and no guard.', 'refunds | writes are refused | No foreign key leads to a guarded table.',
		'orders | no payments | No guarded payments table of its owner references it.'])
 WHERE NOT :{?all_partitioned};
SELECT helper.finds('DROP TRIGGER _paystate_before ON orders; DROP TRIGGER "A_paystate_guard" ON orders; DROP TRIGGER _paystate_truncate ON orders',
	ARRAY['orders | missing guard | It has the columns of a table of orders, and no guard.', 'payments | writes are refused | No foreign key leads to a guarded table.',
		'order_history% | writes are refused | No foreign key leads to a guarded table.'])
 WHERE NOT :{?all_partitioned};
SELECT helper.finds('DROP TRIGGER _paystate_before ON refunds; DROP TRIGGER "A_paystate_guard" ON refunds; DROP TRIGGER _paystate_truncate ON refunds',
	ARRAY['refunds | missing guard | It references "shop.payments" and has refund statuses, and no guard.']);
SELECT helper.finds('DROP TRIGGER _paystate_before ON order_history; DROP TRIGGER _paystate_truncate ON order_history',
	ARRAY['order_history | missing guard | It has the columns of a table of history, and no guard.', 'orders | writes are refused | No guarded history table references it.'])
 WHERE NOT :{?all_partitioned};

-- ---- tables that do not fit any more -----------------------------------------------------------------------
SELECT helper.finds('ALTER TABLE payments DROP CONSTRAINT payments_order_id_fkey',
	ARRAY['payments% | writes are refused | No foreign key leads to a guarded table.', 'orders | no payments | No guarded payments table of its owner references it.']);
SELECT helper.finds('ALTER TABLE refunds DROP CONSTRAINT refunds_payment_id_fkey, ADD FOREIGN KEY (payment_id) REFERENCES payments DEFERRABLE',
	ARRAY['refunds | writes are refused | Foreign key "%" is deferrable, not validated or not enforced.']);
SELECT helper.finds('ALTER TABLE refunds DROP CONSTRAINT refunds_payment_id_fkey; ALTER TABLE refunds ADD FOREIGN KEY (payment_id) REFERENCES payments NOT VALID',
	ARRAY['refunds | writes are refused | Foreign key "%" is deferrable, not validated or not enforced.']) WHERE NOT :{?all_partitioned};
SELECT helper.finds('ALTER TABLE payments RENAME refund_pending TO reserved', ARRAY['payments% | writes are refused | Column "refund_pending" is missing.']);
SELECT helper.finds('ALTER TABLE order_history DROP reason', ARRAY['order_history% | writes are refused | Column "reason" is missing.']);
SELECT helper.finds('ALTER TABLE order_history DROP CONSTRAINT order_history_pkey', ARRAY['order_history% | writes are refused | It has no primary key.']);
SELECT helper.finds('CREATE FUNCTION own() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; END''; CREATE TRIGGER own BEFORE INSERT ON order_history FOR EACH ROW EXECUTE FUNCTION own()',
	ARRAY['order_history% | writes are refused | A trigger of the user stands on the history.']);
SELECT helper.finds('ALTER TABLE refunds OWNER TO stranger', ARRAY['refunds | writes are refused | Table "payments" has another owner.'], 'none');
SELECT helper.finds('ALTER TABLE refunds OWNER TO postgres; ALTER TABLE payments OWNER TO postgres; ALTER TABLE orders OWNER TO postgres; ALTER TABLE order_history OWNER TO postgres',
	ARRAY['% | superuser owns it | Role "postgres" is a superuser: %', 'order_history\_% | other owner | %', 'payments\__ | other owner | %', 'orders\__ | other owner | %'], 'none')
 WHERE :{?all_partitioned};
SELECT helper.finds('ALTER TABLE refunds OWNER TO postgres; ALTER TABLE payments OWNER TO postgres; ALTER TABLE orders OWNER TO postgres; ALTER TABLE order_history OWNER TO postgres',
	ARRAY['% | superuser owns it | Role "postgres" is a superuser: %'], 'none')
 WHERE NOT :{?all_partitioned};
SELECT helper.finds('CREATE UNIQUE INDEX ON ' || over, ARRAY[says])
  FROM (VALUES
	('refunds (payment_id, status)', 'refunds | unique index | Index "shop.refunds_payment_id_status_idx" is over column "status", which paystate writes.'),
	('refunds (payment_id) WHERE status = ''pending''', 'refunds | unique index | Index "shop.refunds_payment_id_idx1" is over column "status", which paystate writes.'),
	('orders (id, (amount_paid + 1))', 'orders% | unique index | Index "%" is over column "amount_paid", which paystate writes.')
	) AS t (over, says) WHERE NOT (:{?all_partitioned} AND over LIKE 'orders%');
SELECT helper.finds('ALTER TABLE refunds ADD EXCLUDE USING btree (status WITH =)', ARRAY['refunds | unique index | Index "shop.refunds_status_excl" is over column "status", which paystate writes.']);
SELECT helper.harmless('CREATE UNIQUE INDEX ON refunds (id, payment_id); CREATE INDEX ON refunds (status)');

-- ---- rows that come or go past the guards ---------------------------------------------------------------------
SELECT helper.finds('CREATE TABLE more () INHERITS (refunds)', ARRAY['more | inheritance child | Its rows are seen through "shop.refunds", but no guard judges them.']);
SELECT helper.finds('CREATE RULE quiet AS ON UPDATE TO payments DO INSTEAD NOTHING', ARRAY['payments | rule | Rule "quiet" rewrites what is written to the table.']);
SELECT helper.finds('CREATE RULE also AS ON INSERT TO orders DO ALSO NOTIFY x', ARRAY['orders | rule | Rule "also" rewrites what is written to the table.']);
SELECT helper.finds($$CREATE TABLE parted (LIKE refunds, PRIMARY KEY (id, status)) PARTITION BY LIST (status); ALTER TABLE parted ADD FOREIGN KEY (payment_id) REFERENCES payments;
	CREATE TABLE parted_1 PARTITION OF parted DEFAULT; DROP TABLE refunds;
	CREATE TRIGGER _paystate_before BEFORE INSERT OR UPDATE OR DELETE ON parted FOR EACH ROW EXECUTE FUNCTION paystate.guard_refunds('lifecycle=razorpay');
	CREATE TRIGGER "A_paystate_guard" AFTER INSERT OR UPDATE OR DELETE ON parted FOR EACH ROW EXECUTE FUNCTION paystate.guard_refunds('lifecycle=razorpay');
	CREATE TRIGGER _paystate_truncate BEFORE TRUNCATE ON parted FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_refunds('lifecycle=razorpay')$$,
	ARRAY['parted | partition key changes | Column "status" is part of the partition key, and changes.', 'parted% | unique index | Index "shop.parted%_pkey%" is over column "status", which paystate writes.',
		'parted_1 | missing guard | It has no TRUNCATE guard of refunds.']);
\if :{?all_partitioned}
SELECT helper.finds('DROP TRIGGER _paystate_truncate ON ' || t, ARRAY[t || ' | missing guard | It has no TRUNCATE guard of %.'])
  FROM unnest('{orders_0,payments_1,order_history_default}'::text[]) AS t;
SELECT helper.finds(format('ALTER TABLE %s DISABLE TRIGGER "A_paystate_guard"', t), ARRAY[t || ' | disabled guard | Trigger "A_paystate_guard" is disabled.'])
  FROM unnest('{orders_0,payments_1}'::text[]) AS t;
SELECT helper.finds('ALTER TABLE payments_0 OWNER TO stranger', ARRAY['payments_0 | other owner | It belongs to role "stranger", the table of which it is a partition to "keeper".'], 'none');
SELECT helper.finds('ALTER TABLE payments DETACH PARTITION payments_0', ARRAY['payments_0 | missing guard | It has no BEFORE ROW guard of payments.', 'payments_0 | missing guard | It has no AFTER ROW guard of payments.']);
SELECT helper.finds('CREATE TABLE order_history_2030 PARTITION OF order_history FOR VALUES FROM (''2030-01-01 00:00Z'') TO (''2030-02-01 00:00Z'')',
	ARRAY['order_history_2030 | missing guard | It has no TRUNCATE guard of history.']);
\endif

-- ---- who may do more than write ----------------------------------------------------------------------------------
SELECT helper.finds(format('GRANT %s ON %s TO %s', right_, t, grantee), ARRAY[format('%s | grant of %s | %s may %%', t, right_, who)])
  FROM unnest('{orders,payments,refunds,order_history}'::text[]) AS t, unnest('{TRIGGER,TRUNCATE,REFERENCES}'::text[]) AS right_,
	(VALUES ('stranger', 'Role "stranger"'), ('PUBLIC', 'Everybody')) AS g (grantee, who);
SELECT helper.finds('GRANT REFERENCES (id) ON orders TO stranger', ARRAY['orders | grant of REFERENCES | Role "stranger" may %']);
SELECT helper.finds('GRANT ALL ON payments TO stranger', ARRAY['payments | grant of TRIGGER | %', 'payments | grant of TRUNCATE | %', 'payments | grant of REFERENCES | %']);
SELECT helper.harmless('GRANT SELECT, INSERT, UPDATE, DELETE ON orders, payments, refunds TO stranger; GRANT SELECT ON order_history TO PUBLIC');
SELECT helper.finds('GRANT SET ON PARAMETER session_replication_role TO stranger', ARRAY['- | grant of SET | Role "stranger" may set session_replication_role, which silences all guards.'], 'none');
SELECT helper.finds('ALTER ROLE stranger SET session_replication_role = replica', ARRAY['- | session_replication_role | It is set to replica for role "stranger".'], 'none');
SELECT helper.finds('SET LOCAL session_replication_role = replica', ARRAY['- | session_replication_role | It is replica in this session.'], 'none');
SELECT helper.finds('GRANT CREATE ON SCHEMA paystate TO stranger', ARRAY['- | grant of CREATE | Role "stranger" may create functions in schema paystate.'], 'none');
SELECT helper.finds('GRANT EXECUTE ON FUNCTION paystate.force_status TO PUBLIC', ARRAY['- | grant of EXECUTE | Everybody may call paystate.force_status(%).'], 'none');
SELECT helper.finds('ALTER TABLE paystate.lifecycle_transition DISABLE TRIGGER lifecycle_before', ARRAY['paystate.lifecycle_transition | disabled guard | Trigger "lifecycle_before" of the rule table is not enabled as usual.'], 'none');

-- ---- what those can do gains them nothing unseen --------------------------------------------------------------------
GRANT SELECT, TRIGGER, REFERENCES, TRUNCATE ON ALL TABLES IN SCHEMA shop TO stranger;
CREATE FUNCTION helper.more(tampering text) RETURNS text[]
	LANGUAGE sql
AS $$
	SELECT ARRAY(SELECT f FROM unnest(helper.found(tampering, 'stranger')) AS f WHERE f NOT LIKE '%| grant of %' ORDER BY 1);
$$;
SELECT is(helper.more('SELECT'), '{}', 'beside the grants nothing is found');
SELECT is(helper.more('CREATE TRIGGER again AFTER INSERT OR UPDATE OR DELETE ON refunds FOR EACH ROW EXECUTE FUNCTION paystate.guard_refunds(''lifecycle=razorpay'')'),
	ARRAY['refunds | doubled guard | Triggers "A_paystate_guard" and "again" do the same.'], 'a second guard is found');
SELECT is(helper.more('CREATE FUNCTION evil() RETURNS trigger LANGUAGE plpgsql AS ''BEGIN RETURN NEW; END''; CREATE TRIGGER zz BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION evil()'),
	ARRAY['orders | foreign trigger | Trigger "zz" calls a function of role "stranger", with the rights of whoever writes, the owner included.'], 'a foreign trigger is found');
SELECT is(helper.more($$CREATE TABLE mint (LIKE payments INCLUDING ALL, FOREIGN KEY (order_id) REFERENCES orders);
	CREATE TRIGGER b BEFORE INSERT OR UPDATE OR DELETE ON mint FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
	CREATE TRIGGER g AFTER INSERT OR UPDATE OR DELETE ON mint FOR EACH ROW EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay');
	CREATE TRIGGER t BEFORE TRUNCATE ON mint FOR EACH STATEMENT EXECUTE FUNCTION paystate.guard_payments('lifecycle=razorpay')$$),
	ARRAY['mint | writes are refused | Table "orders" has another owner.'], 'so are payments of his own');
RESET ROLE;
REVOKE ALL ON ALL TABLES IN SCHEMA shop FROM stranger;

-- ---- keys that lead with the order's -----------------------------------------------------------------------------------
\if :{?all_partitioned}
\else
CREATE SCHEMA shards AUTHORIZATION keeper;
SET ROLE keeper;
SELECT paystate.create_tables('shards') AS made \gset
ALTER TABLE shards.refunds DROP CONSTRAINT refunds_payment_id_fkey, DROP CONSTRAINT refunds_pkey, ADD order_id text COLLATE "C" NOT NULL;
ALTER TABLE shards.payments DROP CONSTRAINT payments_pkey, ADD PRIMARY KEY (order_id, id);
ALTER TABLE shards.refunds ADD PRIMARY KEY (order_id, payment_id, id), ADD FOREIGN KEY (order_id, payment_id) REFERENCES shards.payments (order_id, id);
RESET ROLE;
SELECT is(helper.findings(), '{}', 'keys that all lead with the order''s');
SELECT helper.finds('CREATE SEQUENCE numbers; ALTER TABLE shards.order_history ADD n bigint DEFAULT nextval(''numbers'')', ARRAY['shards.order_history | sequence | Column "n" takes its default from a sequence, which shards do not have.']);
SELECT helper.finds('ALTER TABLE shards.orders ADD n bigint GENERATED ALWAYS AS IDENTITY', ARRAY['shards.orders | sequence | Column "n" takes its default from a sequence, which shards do not have.']);
SELECT helper.finds('CREATE UNIQUE INDEX one_id ON shards.payments (id)', ARRAY['shards.payments | key without the order | Index "shards.one_id" does not hold the whole key of the order.']);
SELECT helper.finds('ALTER TABLE shards.refunds DROP CONSTRAINT refunds_pkey, ADD PRIMARY KEY (id)', ARRAY['shards.refunds | key without the order | Index "shards.refunds_pkey" does not hold the whole key of the order.']);
SELECT helper.finds('ALTER TABLE shards.refunds DROP CONSTRAINT refunds_pkey, ADD PRIMARY KEY (id, order_id)', ARRAY['shards.refunds | key without the order | Its primary key does not lead with that of the order.']);
SELECT helper.harmless('ALTER TABLE refunds ADD n bigint GENERATED ALWAYS AS IDENTITY; CREATE UNIQUE INDEX ON refunds (n)');
\endif

SELECT given('o', 'razorpay', 1000, 'a= a>authorized a>captured a-100') AS made \gset
\ir lib/end.sql
