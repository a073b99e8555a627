-- What a write means: what paystate fills in, what it leaves alone, what
-- goes along, and what the history then says.
\ir lib/shop.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

-- ---- setting the status a row already has is a no-op ----------------------
DO $$ BEGIN
	PERFORM given('noop', 'razorpay', 1000, 'a=1000 a>authorized a>captured a-100 a~100');
	PERFORM given('nooppl', 'plural', 1000, 'a=1000 !cancel');
END $$;
SELECT no_op('UPDATE ' || s, 'no-op: ' || s) FROM unnest(ARRAY[
	'payments SET status = ''captured'' WHERE id = ''noop.a''',
	'payments SET status = ''captured'', amount_captured = 1000 WHERE id = ''noop.a''',
	'payments SET status = status',
	'payments SET order_id = order_id, amount = amount, currency = currency',
	'orders SET status = ''paid'' WHERE id = ''noop''',
	'orders SET status = ''cancelled'' WHERE id = ''nooppl''',
	'orders SET status = status',
	'orders SET amount_paid = amount_paid, attempts = attempts, version = version',
	'refunds SET status = status',
	'refunds SET amount = amount, payment_id = payment_id',
	'payments SET status = ''captured'' WHERE false']) s;

-- ---- whole rows, as an ORM saves them -------------------------------------
CREATE FUNCTION helper.save(t text, an_id text, changes jsonb) RETURNS text
	LANGUAGE sql
AS $$
	SELECT format('UPDATE %1$s SET (%2$s) = (SELECT %2$s FROM jsonb_populate_record(NULL::%1$s, to_jsonb(old) || %3$L)) FROM %1$s old WHERE %1$s.id = old.id AND old.id = %4$L',
		t, string_agg(quote_ident(attname), ', ' ORDER BY attnum), changes, an_id)
	  FROM pg_attribute WHERE attrelid = t::regclass AND attnum > 0 AND NOT attisdropped;
$$;
SELECT no_op(save(t, i, '{}'), 'an unchanged row is saved whole: ' || t)
  FROM (VALUES ('orders', 'noop'), ('payments', 'noop.a'), ('refunds', 'noop.a.r1')) v (t, i);
DO $$ BEGIN PERFORM given('orm', 'razorpay', 1000, 'a=1000 a>authorized'); END $$;
SELECT accepted(save('payments', 'orm.a', '{"status": "captured"}'),
	'a row saved whole with its status moved on');
SELECT stands('orm', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 1000/1000-0-0',
	'and the capture was of the whole');
SELECT accepted(save('orders', 'orm', '{"notes": {"k": 1}, "receipt": "r-1", "offer_id": "of-1"}'),
	'an order saved whole with other notes');
SELECT results_eq('SELECT notes, receipt, offer_id, version FROM orders WHERE id = ''orm''',
	$$VALUES ('{"k": 1}'::jsonb, 'r-1', 'of-1', 4)$$, 'and they stand there, without history');
SELECT refused(save('orders', 'orm', '{"amount_due": 1000}'),
	'23PS6 column "amount_due" of table "orders" is derived', 'a stale derived value in a row saved whole');
SELECT matches(outcome(save('orders', 'orm', '{"status": "created", "amount_due": 1000, "amount_paid": 0, "attempts": 0, "version": 2}'), true),
	'^23PS6 column "\w+" of table "orders" is derived$', 'a stale row saved whole');
SELECT refused(save('payments', 'orm.a', '{"amount_captured": 0}'),
	'23PS6 column "amount_captured" of table "payments" is derived', 'a stale captured amount');

-- notes, receipt and offer_id change without history and without changed_at
SELECT ok((SELECT changed_at FROM orders WHERE id = 'orm') = (SELECT at FROM order_history WHERE order_id = 'orm' AND seq = 4),
	'notes leave changed_at alone');

-- ---- what paystate would give may be given --------------------------------
SELECT accepted('INSERT INTO orders (id, lifecycle, amount, amount_paid, amount_due, amount_authorized, amount_pending, amount_refunded, currency, partial_payment, status, attempts, payments_open, version)
	VALUES (''given'', ''razorpay'', 1000, 0, 1000, 0, 0, 0, ''INR'', false, ''created'', 0, 0, 1)',
	'an order with the derived values that paystate would give');
SELECT accepted('INSERT INTO orders (id, lifecycle, amount, amount_paid, amount_due, amount_authorized, amount_pending, amount_refunded, status, attempts, payments_open, version, status_since, changed_at)
	VALUES (''nulls'', ''razorpay'', 1000, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)',
	'an order with NULL in all that paystate gives');
SELECT results_eq('SELECT lifecycle, amount_due, currency, status::text, version FROM orders WHERE id = ''nulls''',
	$$VALUES ('razorpay', 1000::bigint, 'INR', 'created', 1)$$, 'and it is given');
SELECT refused(format('INSERT INTO orders (id, amount, %s) VALUES (''wrong'', 1000, %s)', c, v),
	format('23PS6 column "%s" of table "orders" is derived', c), format('an order inserted with %s = %s', c, v))
  FROM (VALUES ('amount_paid', 1), ('amount_due', 999), ('amount_authorized', 1), ('amount_pending', 1),
		('amount_refunded', 1), ('attempts', 1), ('payments_open', 1), ('version', 2)) w (c, v);
SELECT accepted('INSERT INTO payments (id, order_id, amount, amount_captured, amount_refunded, refund_pending, currency, status)
	VALUES (''given.a'', ''given'', 1000, 0, NULL, 0, ''INR'', ''created'')', 'a payment with what paystate would give');
SELECT refused(format('INSERT INTO payments (order_id, %s) VALUES (''given'', 1)', c),
	format('23PS6 column "%s" of table "payments" is derived', c), 'a payment inserted with ' || c)
  FROM unnest(ARRAY['amount_captured', 'amount_refunded', 'refund_pending']) c;

SELECT refused(format('INSERT INTO %s (%s) VALUES (%s, %L)', t, c || ', ' || d, v, at),
	format('23PS6 column "%s" of table "%s" is derived', d, t), format('%s inserted with a %s of %s', t, d, at))
  FROM (VALUES ('payments', 'order_id', '''given''', 'status_since'), ('orders', 'amount', '1000', 'changed_at'),
		('orders', 'amount, changed_at', '1000, now()', 'status_since')) w (t, c, v, d),
	unnest(ARRAY['2000-01-01', '2100-01-01']) at;
SELECT refused(format('INSERT INTO orders (amount, changed_at, status_since) VALUES (1000, %s)', v),
	'23PS6 column "status_since" of table "orders" is derived', 'an order inserted with two times of the clock: ' || v)
  FROM unnest(ARRAY['now(), clock_timestamp()', 'clock_timestamp(), now()']) v;
SELECT accepted('INSERT INTO orders (amount, changed_at, status_since) VALUES (1000, now(), now())', 'and with one');

-- ---- what BEFORE fills in --------------------------------------------------
DO $$ BEGIN
	PERFORM given('fill', 'razorpay', 1000, 'a=600 a>authorized a>captured', true);
	PERFORM given('fillpl', 'plural_preauth', 1000, 'a=300 b=200 b>authorized');
	PERFORM given('fillpp', 'plural', 1000, 'a=300 a>processed b=200');
	INSERT INTO orders (id, amount, currency) VALUES ('dollars', 1000, 'USD');
END $$;
SELECT is(helper.then('fill', 'b='), 'attempted 600 of 1000, due 400, held 0, pending 400, back 0, attempts 1, open 1, v5; a captured 600/600-0-0, b created 0/400-0-0',
	'the amount left out is what is due');
SELECT is(helper.then('fillpl', 'c='), 'pending 0 of 1000, due 1000, held 200, pending 800, back 0, attempts 3, open 3, v5; a pending 0/300-0-0, b authorized 0/200-0-0, c pending 0/500-0-0',
	'where payments are legs, less the live ones');
SELECT is(helper.then('fillpp', 'c='), 'pending 300 of 1000, due 700, held 0, pending 700, back 0, attempts 3, open 2, v5; a processed 300/300-0-0, b pending 0/200-0-0, c pending 0/500-0-0',
	'and less what was captured');
SELECT lives_ok('INSERT INTO payments (id, order_id) VALUES (''dollars.a'', ''dollars'')', 'a payment of just its order');
SELECT results_eq('SELECT amount, currency, status::text, amount_captured, amount_refunded, refund_pending FROM payments WHERE id = ''dollars.a''',
	$$VALUES (1000::bigint, 'USD', 'created', 0::bigint, 0::bigint, 0::bigint)$$, 'is of its amount, its currency, its initial status');
SELECT is(outcome('INSERT INTO payments (id, order_id) VALUES (''noop.b'', ''noop'')', true), says('23PS3', 'insert payments', 'razorpay'),
	'with nothing due the amount is the order''s, and the order takes it no more');
SELECT results_eq(format('INSERT INTO payments (order_id) VALUES (%L) ON CONFLICT DO NOTHING RETURNING amount', 'given'),
	'VALUES (1000::bigint)', 'RETURNING shows what was filled in');
DO $$ BEGIN PERFORM given('since', 'razorpay', 1000, 'a='); END $$;
CREATE TEMP TABLE clock AS SELECT status_since, clock_timestamp() AS now FROM payments WHERE id = 'since.a';
SELECT lives_ok('UPDATE payments SET status = ''authorized'' WHERE id = ''since.a''', 'a status changes');
SELECT ok((SELECT status_since > now FROM payments WHERE id = 'since.a'), 'and status_since is the clock')
  FROM clock;
SELECT is(payment_since, status_since, 'history keeps since when the payment had been as it was')
  FROM order_history, clock WHERE order_id = 'since' AND seq = 3;
SELECT refused('UPDATE payments SET status = ''captured'', status_since = ''2000-01-01'' WHERE id = ''since.a''',
	'23PS6 column "status_since" of table "payments" is derived', 'no other time can be given');
SELECT is(helper.then('since', 'a>captured:0'), 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 1000/1000-0-0',
	'amount_captured is filled in when it is 0');
DO $$ BEGIN PERFORM given('nullcap', 'razorpay', 1000, 'a= a>authorized'); END $$;
SELECT accepted('UPDATE payments SET status = ''captured'', amount_captured = NULL WHERE id = ''nullcap.a''', 'and when it is NULL');
SELECT is((SELECT amount_captured FROM payments WHERE id = 'nullcap.a'), 1000::bigint, 'with the amount held');

-- ---- immutable columns -----------------------------------------------------
DO $$ BEGIN
	PERFORM given('other', 'razorpay', 1000);
	PERFORM given('fix', 'razorpay', 1000);
	PERFORM given('fixpart', 'razorpay', 1000, '', true, 300);
	PERFORM given('fixpaid', 'razorpay', 1000, 'a= a>authorized a>captured a-100');
END $$;
SELECT refused(format('UPDATE %s SET %s = %s WHERE id = %L', t, c, v, i),
	format('23PS6 column "%s" of table "%s" cannot be changed', c, t), format('%s.%s never changes (%s)', t, c, i))
  FROM (VALUES ('orders', 'fix', 'id', '''moved'''), ('orders', 'fix', 'lifecycle', '''paykun'''),
		('orders', 'fix', 'currency', '''USD'''), ('orders', 'fix', 'created_at', '''2000-01-01'''),
		('orders', 'fix', 'partial_payment', 'true'), ('orders', 'fixpart', 'first_payment_min_amount', '400'),
		('orders', 'fix', 'amount', '2000'), ('orders', 'fixpaid', 'amount', '2000'),
		('orders', 'fixpaid', 'id', '''moved'''),
		('payments', 'fixpaid.a', 'id', '''moved'''), ('payments', 'fixpaid.a', 'order_id', '''other'''),
		('payments', 'fixpaid.a', 'order_id', 'NULL'), ('payments', 'fixpaid.a', 'amount', '1'),
		('payments', 'fixpaid.a', 'currency', '''USD'''), ('payments', 'fixpaid.a', 'created_at', '''2000-01-01'''),
		('refunds', 'fixpaid.a.r1', 'id', '''moved'''), ('refunds', 'fixpaid.a.r1', 'payment_id', '''since.a'''),
		('refunds', 'fixpaid.a.r1', 'amount', '1'), ('refunds', 'fixpaid.a.r1', 'created_at', '''2000-01-01''')) v (t, i, c, v);
SELECT refused(format('UPDATE %s SET %s = %2$s + 1 WHERE id = %L', t, c, i),
	format('23PS6 column "%s" of table "%s" is derived', c, t), format('%s.%s is derived', t, c))
  FROM (VALUES ('orders', 'fixpaid', ARRAY['amount_paid', 'amount_due', 'amount_authorized', 'amount_pending',
				'amount_refunded', 'attempts', 'payments_open', 'version']),
		('payments', 'fixpaid.a', ARRAY['amount_captured', 'amount_refunded', 'refund_pending'])) v (t, i, cs), unnest(cs) c;
SELECT refused(format('UPDATE %s SET %s = %2$s + interval ''1 h'' WHERE id = %L', t, c, i),
	format('23PS6 column "%s" of table "%s" is derived', c, t), format('%s.%s is derived', t, c))
  FROM (VALUES ('orders', 'fix', 'status_since'), ('orders', 'fix', 'changed_at'), ('payments', 'fixpaid.a', 'status_since')) v (t, i, c);
SELECT accepted('INSERT INTO orders (id, amount, created_at) VALUES (''old'', 1000, ''2001-02-03'')', 'any created_at of an order may be given');
SELECT accepted('INSERT INTO payments (id, order_id, created_at) VALUES (''old.a'', ''old'', ''2001-02-04'')', 'any created_at of a payment');

-- ---- amount_fixed = first_payment ------------------------------------------
DO $$ BEGIN
	PERFORM given('flex', 'razorpay_first_payment', 1000);
	PERFORM given('flexopen', 'razorpay_first_payment', 1000, 'a=1000');
	PERFORM given('flextried', 'razorpay_first_payment', 1000, 'a=1000 a>failed');
END $$;
SELECT accepted('UPDATE orders SET amount = 1200 WHERE id = ''flex''', 'the amount may change before the first payment');
SELECT stands('flex', 'created 0 of 1200, due 1200, held 0, pending 0, back 0, attempts 0, open 0, v2', 'what is due goes along');
SELECT is(history('flex', 2), '{"- - ->- created>created 1200/0/0"}', 'and history says so');
SELECT accepted('UPDATE orders SET currency = ''USD'' WHERE id = ''flex''', 'so may the currency');
SELECT accepted('UPDATE orders SET partial_payment = true, first_payment_min_amount = 300 WHERE id = ''flex''', 'and the partial terms');
SELECT refused('UPDATE orders SET amount = 99, first_payment_min_amount = NULL WHERE id = ''flex''', says('23PS4', 'update orders', 'razorpay_first_payment'),
	'not below the minimum');
SELECT refused('UPDATE orders SET currency = ''XYZ'' WHERE id = ''flex''', says('23PS5', 'update orders', 'razorpay_first_payment'),
	'not to an unknown currency');
SELECT refused(format('UPDATE orders SET amount = 1200 WHERE id = %L', o), '23PS6 column "amount" of table "orders" cannot be changed',
	'not once a payment is open or was tried: ' || o) FROM unnest(ARRAY['flexopen', 'flextried']) o;
SELECT refused(format('UPDATE orders SET %s WHERE id = ''flexopen''', s), format('23PS6 column "%s" of table "orders" cannot be changed', c), 'nor then ' || c)
  FROM (VALUES ('currency', 'currency = ''USD'''), ('partial_payment', 'partial_payment = true')) v (c, s);

-- ---- capture in part --------------------------------------------------------
DO $$ BEGIN
	PERFORM given('pc', 'plural_preauth', 2000, 'a=1500 b=500 a>authorized b>authorized');
	PERFORM given('pcrz', 'razorpay', 2000, 'a= a>authorized');
END $$;
SELECT refused('UPDATE payments SET status = ''processed'', amount_captured = 1501 WHERE id = ''pc.a''',
	says('23PS4', 'update payments', 'plural_preauth'), 'no more can be captured than is held');
SELECT refused('UPDATE payments SET status = ''captured'', amount_captured = 1200 WHERE id = ''pcrz.a''',
	says('23PS4', 'update payments', 'razorpay'), 'nor less, without partial capture');
SELECT accepted('UPDATE payments SET status = ''processed'', amount_captured = 1200 WHERE id = ''pc.a''', 'a hold is captured in part');
SELECT stands('pc', 'partially_captured 1200 of 2000, due 800, held 0, pending 0, back 0, attempts 2, open 0, v7; a processed 1200/1500-0-0, b cancelled 0/500-0-0',
	'the rest and the other hold are released, what is due stays the arithmetic rest');
SELECT is(history('pc', 6), ARRAY['a - authorized>processed authorized>partially_captured 1200/1200/2',
	'b - authorized>cancelled partially_captured>partially_captured 500/1200/2'], 'history of a partial capture');
SELECT cannot('pc', 'c=100', '23PS3', 'no new payment after it');

-- ---- refunds ------------------------------------------------------------------
DO $$ BEGIN
	PERFORM given('ref', 'razorpay', 1000, 'a= a>authorized a>captured');
	PERFORM given('refpl', 'plural', 1000, 'a=600 a>processed b=400 b>processed');
END $$;
SELECT is(helper.then('ref', 'a~600'), 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v5; a captured 1000/1000-0-600',
	'a pending refund reserves and moves nothing');
SELECT cannot('ref', w, '23PS4', 'no more than the rest can then be refunded') FROM unnest(ARRAY['a-401', 'a~401']) w;
SELECT is(helper.then('ref', 'a-300'), 'paid 1000 of 1000, due 0, held 0, pending 0, back 300, attempts 1, open 0, v6; a captured 1000/1000-300-600',
	'the rest can');
SELECT accepted('UPDATE refunds SET status = ''processed'' WHERE id = ''ref.a.r1''', 'the pending one is processed');
SELECT stands('ref', 'paid 1000 of 1000, due 0, held 0, pending 0, back 900, attempts 1, open 0, v7; a captured 1000/1000-900-0',
	'what was reserved is refunded');
SELECT is(helper.then('ref', 'a~100'), 'paid 1000 of 1000, due 0, held 0, pending 0, back 900, attempts 1, open 0, v8; a captured 1000/1000-900-100',
	'a pending refund of all the rest leaves the payment captured');
SELECT accepted('UPDATE refunds SET status = ''failed'' WHERE id = ''ref.a.r3''', 'it fails');
SELECT stands('ref', 'paid 1000 of 1000, due 0, held 0, pending 0, back 900, attempts 1, open 0, v9; a captured 1000/1000-900-0',
	'and gives back what it reserved');
SELECT is(helper.then('ref', 'a~100'), 'paid 1000 of 1000, due 0, held 0, pending 0, back 900, attempts 1, open 0, v10; a captured 1000/1000-900-100',
	'another one');
SELECT accepted('UPDATE refunds SET status = ''processed'' WHERE id = ''ref.a.r4''', 'is processed');
SELECT stands('ref', 'paid 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 1, open 0, v11; a refunded 1000/1000-1000-0',
	'now the payment is refunded');
SELECT is(history('ref', 5), ARRAY[
	'a r1:pending captured>captured paid>paid 600/1000/1',
	'a r2:processed captured>captured paid>paid 300/1000/1',
	'a r1:processed captured>captured paid>paid 600/1000/1',
	'a r3:pending captured>captured paid>paid 100/1000/1',
	'a r3:failed captured>captured paid>paid 100/1000/1',
	'a r4:pending captured>captured paid>paid 100/1000/1',
	'a r4:processed captured>refunded paid>paid 100/1000/1'], 'history of refunds');
SELECT refused(format('UPDATE refunds SET status = %L WHERE id = %L', t, i), says('23PS1', 'update refunds', 'razorpay'),
	format('a refund does not move: %s to %s', i, t))
  FROM (VALUES ('ref.a.r1', 'pending'), ('ref.a.r1', 'failed'), ('ref.a.r3', 'pending'), ('ref.a.r3', 'processed')) v (i, t);
DO $$ BEGIN
	PERFORM given('reff', 'razorpay', 1000, 'a= a>authorized a>captured a~100');
	UPDATE refunds SET status = 'failed' WHERE id = 'reff.a.r1';
END $$;
SELECT refused(format('UPDATE refunds SET status = %L WHERE id = ''reff.a.r1''', t), says('23PS1', 'update refunds', 'razorpay'),
	'a failed refund stays so, though the payment could be refunded: ' || t)
  FROM unnest(ARRAY['pending', 'processed']) t;
SELECT is(p.status_since, h.at, 'a payment that became refunded by a refund has been so since then')
  FROM payments p JOIN order_history h ON h.payment_id = p.id AND h.payment_to = 'refunded' WHERE p.id = 'ref.a';
SELECT refused('INSERT INTO refunds (payment_id, amount, status) VALUES (''fixpaid.a'', 100, ''failed'')',
	says('23PS2', 'insert refunds', 'razorpay'), 'a refund is not born failed');
SELECT cannot('ref', w, '23PS1', 'a refunded payment gives no more') FROM unnest(ARRAY['a-1', 'a~1']) w;
SELECT is(helper.then('refpl', 'a~600'), 'processed 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v6; a processed 600/600-0-600, b processed 400/400-0-0',
	'a pending refund moves no order either');
SELECT is(helper.then('refpl', 'b-400'), 'partially_refunded 1000 of 1000, due 0, held 0, pending 0, back 400, attempts 2, open 0, v7; a processed 600/600-0-600, b processed 400/400-400-0',
	'a processed one does');
SELECT accepted('UPDATE refunds SET status = ''processed'' WHERE id = ''refpl.a.r1''', 'the pending one is processed');
SELECT stands('refpl', 'fully_refunded 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 2, open 0, v8; a processed 600/600-600-0, b processed 400/400-400-0',
	'and the rule is judged again: all is back');
SELECT is(history('refpl', 6), ARRAY[
	'a r1:pending processed>processed processed>processed 600/1000/2',
	'b r1:processed processed>processed processed>partially_refunded 400/1000/2',
	'a r1:processed processed>processed partially_refunded>fully_refunded 600/1000/2'], 'history of refunds that move the order');
DO $$ BEGIN
	PERFORM given('refcl', 'plural', 1000, 'a=600 a>processed a~600 b=400');
	PERFORM given('refmany', 'razorpay', 1000, 'a= a>authorized a>captured a~100 a~200 a~300');
END $$;
SELECT refused('UPDATE refunds SET status = ''processed'' WHERE id = ''refcl.a.r1''', says('23PS3', 'update refunds', 'plural'),
	'judged again: a leg is live meanwhile');
SELECT accepted('UPDATE refunds SET status = ''failed'' WHERE id = ''refcl.a.r1''', 'it may fail then');
SELECT accepted('UPDATE refunds SET status = ''processed'' WHERE payment_id = ''refmany.a''', 'several are processed by one statement');
SELECT stands('refmany', 'paid 1000 of 1000, due 0, held 0, pending 0, back 600, attempts 1, open 0, v10; a captured 1000/1000-600-0',
	'one after the other');

-- ---- UPDATE payments SET status = 'refunded' ---------------------------------
DO $$ BEGIN
	PERFORM given('sr', 'razorpay', 1000, 'a= a>authorized a>captured a-400');
	PERFORM given('sk', 'paykun', 1000, 'a= a>captured');
	PERFORM given('sa', 'razorpay', 1000, 'a= a>authorized');
	PERFORM given('sap', 'razorpay', 1000, 'a= b= a>authorized a>captured b>authorized');
	PERFORM given('sp', 'razorpay', 1000, 'a= a>authorized a>captured a~1');
	PERFORM given('sc', 'razorpay', 1000, 'a=');
	PERFORM given('sf', 'paykun', 1000, 'a= a>failed b= b>authorized');
	PERFORM given('spl', 'plural', 1000, 'a= a>processed');
	PERFORM given('spa', 'plural_preauth', 1000, 'a= a>authorized');
END $$;
SELECT is(helper.then('sr', 'a>refunded'), 'paid 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 1, open 0, v6; a refunded 1000/1000-1000-0',
	'refunded, captured in Razorpay: the rest goes back');
SELECT results_eq('SELECT amount, status::text FROM refunds WHERE payment_id = ''sr.a'' ORDER BY created_at, amount',
	$$VALUES (400::bigint, 'processed'), (600::bigint, 'processed')$$, 'and leaves a refunds row');
SELECT is(helper.then('sk', 'a>refunded'), 'paid 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 1, open 0, v4; a refunded 1000/1000-1000-0',
	'refunded, captured in PayKun');
SELECT is(helper.then('sa', 'a>refunded'), 'attempted 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v4; a refunded 0/1000-1000-0',
	'refunded, authorized in Razorpay: the auto-refund of the whole, the order''s money unchanged');
SELECT results_eq('SELECT amount, status::text FROM refunds WHERE payment_id = ''sa.a''', $$VALUES (1000::bigint, 'processed')$$,
	'leaves a refunds row');
SELECT is(helper.then('sap', 'b>refunded'), 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v7; a captured 1000/1000-0-0, b refunded 0/1000-1000-0',
	'an auto-refund on a paid order');
SELECT is(regexp_replace(history(o, n)::text, ':(processed)?', ''), format('{"%s new %s>refunded %s 1000/%s"}', p, f, s, r),
	'history of status refunded: ' || o)
  FROM (VALUES ('sk', 4, 'a', 'captured', 'paid>paid', '1000/1'), ('sa', 4, 'a', 'authorized', 'attempted>attempted', '0/1'),
		('sap', 7, 'b', 'authorized', 'paid>paid', '1000/2')) v (o, n, p, f, s, r);
SELECT is((SELECT refund_id FROM order_history WHERE order_id = 'sr' AND seq = 6),
	(SELECT id FROM refunds WHERE payment_id = 'sr.a' AND amount = 600), 'its history row names the refund');
SELECT is((SELECT amount FROM order_history WHERE order_id = 'sr' AND seq = 6), 600::bigint, 'and the rest as the amount');
SELECT refused('UPDATE payments SET status = ''refunded'' WHERE id = ''sp.a''', says('23PS4', 'update payments', 'razorpay'),
	'refunded while a refund is pending');
SELECT refused(format('UPDATE payments SET status = ''refunded'' WHERE id = %L', i), says('23PS1', 'update payments', lc),
	'refunded is no move: ' || i)
  FROM (VALUES ('sc.a', 'razorpay'), ('sf.a', 'paykun'), ('sf.b', 'paykun'), ('spl.a', 'plural'), ('spa.a', 'plural_preauth')) v (i, lc);

-- ---- order events --------------------------------------------------------------
DO $$ BEGIN
	PERFORM given('ev', 'plural_preauth', 1000, 'a=600 b=300 a>authorized c=50 c>failed');
	PERFORM given('evf', 'plural', 1000, 'a=600 b=400');
	PERFORM given('evn', 'plural', 1000);
	PERFORM given('evp', 'plural', 1000, 'a=600 a>processed b=400');
	PERFORM given('evr', 'razorpay', 1000, 'a=');
	PERFORM given('evk', 'paykun', 1000, 'a=');
	PERFORM given('evd', 'plural', 1000, 'a= a>processed');
END $$;
SELECT is(helper.then('ev', '!cancel'), 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 3, open 0, v9; a cancelled 0/600-0-0, b cancelled 0/300-0-0, c failed 0/50-0-0',
	'an order is cancelled, its live payments go along');
SELECT is(history('ev', 7), ARRAY['- - ->- pending>cancelled 0/0/3', 'a - authorized>cancelled cancelled>cancelled 600/0/3',
	'b - pending>cancelled cancelled>cancelled 300/0/3'], 'history of a cancelled order');
SELECT is(helper.then('evf', '!fail'), 'failed 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 2, open 0, v6; a failed 0/600-0-0, b failed 0/400-0-0',
	'an order fails, its live payments too');
SELECT is(history('evf', 4), ARRAY['- - ->- pending>failed 0/0/2', 'a - pending>failed failed>failed 600/0/2',
	'b - pending>failed failed>failed 400/0/2'], 'history of a failed order');
SELECT is(helper.then('evn', '!cancel'), 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 0, open 0, v2', 'an order without payments is cancelled');
SELECT refused(format('UPDATE orders SET status = %L WHERE id = %L', s, o), says('23PS1', 'update orders', lc), format('no rule to make %s %s', o, s))
  FROM (VALUES ('evp', 'plural'), ('evr', 'razorpay'), ('evk', 'paykun'), ('evd', 'plural')) v (o, lc), unnest(ARRAY['cancelled', 'failed']) s;
SELECT cannot('evn', '!fail', '23PS1', 'nor to fail a cancelled order');
SELECT cannot('ev', 'd=100', '23PS3', 'a cancelled order takes no payment');
SELECT cannot('ev', 'a>processed', '23PS1', 'its cancelled payments go nowhere');
SELECT is_empty($$SELECT p.id FROM payments p JOIN order_history h ON h.payment_id = p.id AND h.payment_to = 'cancelled'
	WHERE p.order_id = 'ev' AND (p.status_since IS NULL OR p.status_since <= h.payment_since)$$, 'payments that went along have a new status_since');

-- ---- history, the rest -----------------------------------------------------------
DO $$ BEGIN
	PERFORM given('hi', 'razorpay', 1000, 'a= a>authorized a>captured');
	PERFORM given('hif', 'paykun', 1000, 'a= a>failed b= b>authorized b>failed b>captured');
	PERFORM given('hic', 'plural', 1000, 'a=600 a>cancelled');
END $$;
SELECT is(history('hi'), ARRAY['- - ->- ->created 1000/0/0', 'a - ->created created>created 1000/0/0',
	'a - created>authorized created>attempted 1000/0/1', 'a - authorized>captured attempted>paid 1000/1000/1'],
	'history: inserted, paid, authorized, captured');
SELECT is(history('hif', 3), ARRAY['a - created>failed created>attempted 1000/0/1', 'b - ->created attempted>attempted 1000/0/1',
	'b - created>authorized attempted>attempted 1000/0/2', 'b - authorized>failed attempted>attempted 1000/0/2',
	'b - failed>captured attempted>paid 1000/1000/2'], 'history: failed, retried, captured late');
SELECT is(history('hic', 2), ARRAY['a - ->pending created>pending 600/0/1', 'a - pending>cancelled pending>failed 600/0/1'],
	'history: cancelled by the customer');
SELECT is_empty($$SELECT order_id, seq FROM (
		SELECT h.*, max(at) FILTER (WHERE order_from IS DISTINCT FROM order_to)
			OVER (PARTITION BY order_id ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS since
		  FROM order_history h) s WHERE order_since IS DISTINCT FROM since$$,
	'order_since is when the order entered the status it had before');
SELECT is_empty($$SELECT order_id, seq FROM order_history
	WHERE (payment_since IS NULL) <> (payment_from IS NULL) OR payment_since > at$$,
	'payment_since is given where the payment had a status before');
SELECT is_empty('SELECT 1 FROM order_history WHERE forced OR amount < 0', 'nothing was forced, no amount is negative');
SELECT is((SELECT array_agg(DISTINCT actor) FROM order_history), ARRAY[session_user::text], 'actor is the session''s user');
SELECT is((SELECT count(*) FROM order_history WHERE reason IS NOT NULL OR event_id IS NOT NULL), 0::bigint, 'no reason, no event');
DO $$ BEGIN
	PERFORM set_config('paystate.actor', 'clerk', true), set_config('paystate.reason', 'asked for', true),
		set_config('paystate.event_id', 'evt_1', true);
	PERFORM given('acted', 'razorpay', 1000);
	PERFORM set_config('paystate.actor', '', true), set_config('paystate.reason', '', true), set_config('paystate.event_id', '', true);
	PERFORM given('unacted', 'razorpay', 1000);
END $$;
SELECT results_eq('SELECT actor, reason, event_id FROM order_history WHERE order_id = ''acted''',
	$$VALUES ('clerk', 'asked for', 'evt_1')$$, 'actor, reason and event_id come from the settings');
SELECT results_eq('SELECT actor, reason, event_id FROM order_history WHERE order_id = ''unacted''',
	$$SELECT session_user::text COLLATE "default", NULL, NULL$$, 'an empty setting is none');
-- a clock that was ahead when the order last changed
ALTER TABLE orders DISABLE TRIGGER USER;
UPDATE orders SET changed_at = changed_at + interval '1 day' WHERE id = 'acted';
ALTER TABLE orders ENABLE TRIGGER USER;
SELECT is((SELECT changed_at > clock_timestamp() FROM orders WHERE id = 'acted'), true, 'an order changed in the future');
SELECT lives_ok('INSERT INTO payments (id, order_id) VALUES (''acted.a'', ''acted'')', 'is paid now');
SELECT ok((SELECT h.at = o.changed_at AND h.at > clock_timestamp() FROM orders o JOIN order_history h ON h.order_id = o.id AND h.seq = 2 WHERE o.id = 'acted'),
	'and time within the order does not fall');

-- ---- a payment without an order ----------------------------------------------------
\if :{?sharded}
SELECT refused('INSERT INTO payments (id, amount) VALUES (''lone'', 500)', '23502 null value in column "order_id" of relation "payments" violates not-null constraint', 'every payment has an order');
\else
SELECT accepted('INSERT INTO payments (id, amount) VALUES (''lone'', 500), (''lone2'', 500), (''lone3'', 1)', 'payments without an order');
SELECT results_eq('SELECT DISTINCT status::text, currency, amount_captured FROM payments WHERE id LIKE ''lone%''',
	$$VALUES ('created', 'INR', 0::bigint)$$, 'are created, in INR');
SELECT accepted('INSERT INTO payments (id, amount, currency) VALUES (''lone4'', 500, ''USD'')', 'or in a currency given');
SELECT refused('INSERT INTO payments (amount, currency) VALUES (500, ''XYZ'')', says('23PS5', 'insert payments', 'razorpay'), 'that is known');
SELECT refused(format('INSERT INTO payments (amount) VALUES (%s)', a), says('23PS4', 'insert payments', 'razorpay'), 'of an amount above 0, not ' || a)
  FROM unnest(ARRAY[0, -1]) a;
SELECT refused('INSERT INTO payments (id) VALUES (''lone9'')', says('23PS4', 'insert payments', 'razorpay'), 'which must be given');
SELECT refused('INSERT INTO payments (amount, status) VALUES (500, ''authorized'')', says('23PS2', 'insert payments', 'razorpay'), 'in the initial status');
SELECT accepted('UPDATE payments SET status = ''failed'' WHERE id = ''lone''', 'it fails');
SELECT accepted('UPDATE payments SET status = ''authorized'' WHERE id IN (''lone'', ''lone2'')', 'or is authorized, also late');
SELECT refused('UPDATE payments SET status = ''captured'' WHERE id = ''lone''', says('23PS3', 'update payments', 'razorpay'), 'it is never captured');
SELECT refused('UPDATE payments SET status = ''failed'' WHERE id = ''lone''', says('23PS1', 'update payments', 'razorpay'), 'nor does it move where no rule leads');
SELECT refused('INSERT INTO refunds (payment_id, amount) VALUES (''lone'', 500)', says('23PS1', 'insert refunds', 'razorpay'), 'no refund of an authorized one');
SELECT accepted('UPDATE payments SET status = ''refunded'' WHERE id = ''lone''', 'but the auto-refund');
SELECT results_eq('SELECT p.amount_captured, p.amount_refunded, r.amount FROM payments p JOIN refunds r ON r.payment_id = p.id WHERE p.id = ''lone''',
	'VALUES (0::bigint, 500::bigint, 500::bigint)', 'of the whole, which leaves a refunds row');
SELECT refused('UPDATE payments SET order_id = ''fix'' WHERE id = ''lone2''', '23PS6 column "order_id" of table "payments" cannot be changed', 'it never gets an order');
SELECT refused('UPDATE payments SET amount = 2 WHERE id = ''lone2''', '23PS6 column "amount" of table "payments" cannot be changed', 'nor another amount');
SELECT refused('DELETE FROM payments WHERE id = ''lone2''', '23PS7 delete on table "payments" is not allowed', 'nor is it deleted');
SELECT no_op('UPDATE payments SET status = ''authorized'' WHERE id = ''lone2''', 'the status it has is a no-op');
SELECT is((SELECT count(*) FROM order_history WHERE payment_id LIKE 'lone%'), 0::bigint, 'it has no history');
CREATE SCHEMA lone;
DO $$ BEGIN PERFORM paystate.create_tables('lone', 'plural'); END $$;
SELECT accepted('INSERT INTO lone.payments (id, amount) VALUES (''l1'', 500), (''l2'', 500)', 'the life cycle named at create_tables is followed');
SELECT is((SELECT array_agg(DISTINCT status::text) FROM lone.payments), '{pending}', 'with its initial status');
SELECT is(outcome('UPDATE lone.payments SET status = ''processed'' WHERE id = ''l1''', true), says('23PS3', 'update payments', 'plural'), 'and never settled');
SELECT lives_ok('UPDATE lone.payments SET status = ''failed'' WHERE id = ''l1''', 'guards on the order are skipped: failed');
SELECT lives_ok('UPDATE lone.payments SET status = ''cancelled'' WHERE id = ''l2''', 'guards on the order are skipped: cancelled');
\endif

-- ---- the rows of one statement --------------------------------------------------------
DO $$ BEGIN
	PERFORM given('st', 'razorpay', 1000, 'a=600 b=400 a>authorized b>authorized', true);
	PERFORM given('st2', 'razorpay', 1000, 'a=1000 b=1000 a>authorized b>authorized');
	PERFORM given('st3', 'razorpay', 1000, 'a= a>authorized a>captured');
	PERFORM given('st4', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized');
	PERFORM given('st5', 'plural_preauth', 1000, 'a=600 b=300 c=100 a>authorized b>authorized');
END $$;
SELECT refused('UPDATE payments SET status = ''captured'' WHERE order_id = ''st2''', says('23PS3', 'update payments', 'razorpay'),
	'one statement captures twice: the second comes too late');
SELECT accepted('UPDATE payments SET status = ''captured'' WHERE order_id = ''st''', 'one statement captures two parts');
SELECT stands('st', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v7; a captured 600/600-0-0, b captured 400/400-0-0',
	'one after the other');
SELECT refused('INSERT INTO refunds (payment_id, amount) VALUES (''st3.a'', 600), (''st3.a'', 600)', says('23PS4', 'insert refunds', 'razorpay'),
	'one statement refunds 600 twice of 1000');
SELECT accepted('INSERT INTO refunds (payment_id, amount) VALUES (''st3.a'', 600), (''st3.a'', 400)', 'and 600 and 400');
SELECT stands('st3', 'paid 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 1, open 0, v6; a refunded 1000/1000-1000-0', 'all is back');
SELECT refused('INSERT INTO payments (order_id, amount) VALUES (''given'', 1000), (''noop'', 1000)', says('23PS3', 'insert payments', 'razorpay'),
	'a legal row does not save an illegal one');
SELECT accepted('UPDATE payments SET status = ''cancelled'' WHERE order_id = ''st4''', 'a row moved by the statement and by the cascade of another');
SELECT stands('st4', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 2, open 0, v7; a cancelled 0/600-0-0, b cancelled 0/400-0-0',
	'is counted once');
SELECT is(history('st4', 6), ARRAY['a - authorized>cancelled authorized>cancelled 600/0/2',
	'b - authorized>cancelled cancelled>cancelled 400/0/2'], 'and has one row of history');
WITH payment AS (UPDATE payments SET status = 'cancelled' WHERE order_id = 'st5' AND status = 'authorized' RETURNING 1)
UPDATE orders SET status = 'cancelled' WHERE id = 'st5';
SELECT stands('st5', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 3, open 0, v10; a cancelled 0/600-0-0, b cancelled 0/300-0-0, c cancelled 0/100-0-0',
	'the order and its payments cancelled by one statement: counted once');
SELECT is((SELECT count(*) FROM order_history WHERE order_id = 'st5' AND payment_to = 'cancelled'), 3::bigint, 'each payment has one row of it');

-- an order and its payment in one statement
SELECT lives_ok($$WITH o AS (INSERT INTO orders (id, amount) VALUES ('both', 1000) RETURNING id)
	INSERT INTO payments (id, order_id, amount) SELECT id || '.a', id, 1000 FROM o$$, 'an order and its payment in one statement');
SELECT stands('both', 'created 0 of 1000, due 1000, held 0, pending 1000, back 0, attempts 0, open 1, v2; a created 0/1000-0-0', 'both are there');

-- ---- DELETE, TRUNCATE -----------------------------------------------------------------
CREATE TABLE shop.customers (id integer PRIMARY KEY);
INSERT INTO customers VALUES (1);
ALTER TABLE orders ADD COLUMN customer_id integer REFERENCES customers ON DELETE CASCADE;
INSERT INTO orders (id, amount, customer_id) VALUES ('bought', 1000, 1);
SELECT refused(s, m, s) FROM (VALUES
	('DELETE FROM orders WHERE id = ''bought''', '23PS7 delete on table "orders" is not allowed'),
	('DELETE FROM payments WHERE id = ''hi.a''', '23PS7 delete on table "payments" is not allowed'),
	('DELETE FROM refunds WHERE id = ''ref.a.r1''', '23PS7 delete on table "refunds" is not allowed'),
	('DELETE FROM customers', '23PS7 delete on table "orders" is not allowed'),
	('TRUNCATE order_history', '23PS7 truncate on table "order_history" is not allowed'),
	('TRUNCATE refunds', '23PS7 truncate on table "refunds" is not allowed'),
	('TRUNCATE refunds, payments', '23PS7 truncate on table "refunds" is not allowed')) v (s, m);
SELECT matches(outcome(s, true), '^23PS7 truncate on table "\w+" is not allowed$', s)
  FROM unnest(ARRAY['TRUNCATE orders CASCADE', 'TRUNCATE payments CASCADE', 'TRUNCATE customers CASCADE']) s;
SELECT accepted('DELETE FROM orders WHERE false', 'a DELETE of no row is none');
SELECT refused(s, m, s) FROM (VALUES
	('DELETE FROM order_history WHERE order_id = ''hi''', '23PS7 delete on table "order_history" is not allowed'),
	('UPDATE order_history SET amount = 1 WHERE order_id = ''hi''', '23PS6 update on table "order_history" is not allowed'),
	('INSERT INTO order_history (order_id, seq, at, order_to, amount, amount_paid, attempts, actor, forced) VALUES (''hi'', 5, now(), ''paid'', 0, 1000, 1, ''me'', false)',
		'23PS6 insert on table "order_history" is not allowed')) v (s, m);

-- ---- ON CONFLICT DO NOTHING -------------------------------------------------------------
SELECT no_op('INSERT INTO payments (id, order_id, amount) VALUES (''hi.a'', ''hi'', 1000) ON CONFLICT DO NOTHING',
	'a known payment delivered again, on a paid order');
SELECT no_op('INSERT INTO payments (id, order_id, amount, status) VALUES (''hi.a'', ''hi'', 1000, ''captured'') ON CONFLICT (id) DO NOTHING',
	'also with the status it has');
SELECT no_op('INSERT INTO orders (id, amount) VALUES (''hi'', 1000) ON CONFLICT DO NOTHING', 'a known order');
SELECT no_op('INSERT INTO refunds (id, payment_id, amount) VALUES (''ref.a.r1'', ''ref.a'', 600) ON CONFLICT DO NOTHING', 'a known refund');
SELECT refused('INSERT INTO payments (id, order_id, amount) VALUES (''hi.z'', ''hi'', 1000) ON CONFLICT DO NOTHING',
	says('23PS3', 'insert payments', 'razorpay'), 'a new payment on a paid order is refused all the same');

\ir lib/end.sql
