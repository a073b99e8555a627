-- Every atom of the rules' guards at its boundary: one below, exact, one
-- above.  Orders are of 1000 unless said; "v" counts history rows.
\ir lib/shop.sql
\ir lib/variants.sql

SELECT * FROM no_plan();

-- The order's own amount: payment_min, payment_max
SELECT refused(format('INSERT INTO orders (id, lifecycle, amount) VALUES (''x'', %L, %s)', lc, a),
	says('23PS4', 'insert orders', lc), format('payment_min or payment_max of %s: an order of %s', lc, a))
  FROM (VALUES ('razorpay', 99), ('razorpay', 0), ('razorpay', -1), ('paykun', 999),
		('plural', 99), ('plural', 100000001), ('plural_preauth', 99),
		('plural_preauth', 100000001), ('razorpay_zero', -1)) v (lc, a);
SELECT is(given('min' || row_number() OVER (), lc, a), format(
	'created 0 of %s, due %s, held 0, pending 0, back 0, attempts 0, open 0, v1', a, a),
	format('payment_min and payment_max of %s: an order of %s is taken', lc, a))
  FROM (VALUES ('razorpay', 100), ('razorpay', 101), ('razorpay', 100000001), ('paykun', 1000),
		('plural', 100), ('plural', 100000000), ('plural_preauth', 100),
		('plural_preauth', 100000000), ('razorpay_zero', 0), ('razorpay_zero', 1)) v (lc, a);

-- insert_ok: a > 0
DO $$ BEGIN
	PERFORM given('part', 'razorpay', 1000, '', true);
	PERFORM given('legs', 'plural', 1000);
END $$;
SELECT cannot('part', 'a=0', '23PS4', 'insert_ok, a > 0');
SELECT refused($$INSERT INTO payments (id, order_id, amount) VALUES ('part.a', 'part', -1)$$,
	says('23PS4', 'insert payments', 'razorpay'), 'insert_ok, a > 0: -1');
SELECT would('part', 'a=1', 'created 0 of 1000, due 1000, held 0, pending 1, back 0, attempts 0, open 1, v2; a created 0/1-0-0',
	'insert_ok, a > 0');
SELECT cannot('legs', 'a=0', '23PS4', 'insert_ok, a > 0');
SELECT would('legs', 'a=1', 'pending 0 of 1000, due 1000, held 0, pending 1, back 0, attempts 1, open 1, v2; a pending 0/1-0-0',
	'insert_ok, a > 0');

-- insert_ok: a = 0 on an order of 0; there, one live payment at a time
DO $$ BEGIN
	PERFORM given('zero', 'razorpay_zero', 0);
	PERFORM given('zero2', 'razorpay_zero', 0, 'a=0');
	PERFORM given('zero3', 'razorpay_zero', 0, 'a=0 a>authorized');
	PERFORM given('zero4', 'razorpay_zero', 0, 'a=0 a>failed');
END $$;
SELECT would('zero', 'a=0', 'created 0 of 0, due 0, held 0, pending 0, back 0, attempts 0, open 1, v2; a created 0/0-0-0',
	'insert_ok, a = 0 on an order of 0');
SELECT cannot('zero', 'a=1', '23PS4', 'insert_ok, a = 0 on an order of 0');
SELECT cannot('zero2', 'b=0', '23PS3', 'insert_ok, O = 0 on an order of 0, while one is created');
SELECT cannot('zero3', 'b=0', '23PS3', 'insert_ok, O = 0 on an order of 0, while one is authorized');
SELECT would('zero4', 'b=0', 'attempted 0 of 0, due 0, held 0, pending 0, back 0, attempts 1, open 1, v4; a failed 0/0-0-0, b created 0/0-0-0',
	'insert_ok, O = 0 on an order of 0');
SELECT would('zero3', 'a>captured', 'paid 0 of 0, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 0/0-0-0',
	'a zero order is paid by a capture');

-- insert_ok: one_authorized
DO $$ BEGIN
	PERFORM given('one', 'razorpay', 1000, 'a=1000');
	PERFORM given('held', 'razorpay', 1000, 'a=1000 a>authorized');
	PERFORM given('pheld', 'razorpay', 1000, 'a=1 a>authorized', true);
	PERFORM given('kheld', 'paykun', 1000, 'a=1000 a>authorized');
END $$;
SELECT would('one', 'b=1000', 'created 0 of 1000, due 1000, held 0, pending 2000, back 0, attempts 0, open 2, v3; a created 0/1000-0-0, b created 0/1000-0-0',
	'insert_ok, one_authorized, A = 0');
SELECT cannot('held', 'b=1000', '23PS3', 'insert_ok, one_authorized, A = 1000');
SELECT cannot('pheld', 'b=999', '23PS3', 'insert_ok, one_authorized, A = 1');
SELECT cannot('kheld', 'b=1000', '23PS3', 'insert_ok, one_authorized, A = 1000');

-- insert_ok: legs, N + A + P + a <= amount
DO $$ BEGIN
	PERFORM given('n', 'plural_preauth', 1000, 'a=300 b=200 b>authorized');
	PERFORM given('np', 'plural', 1000, 'a=300 a>processed b=200');
END $$;
SELECT would('n', 'c=499', 'pending 0 of 1000, due 1000, held 200, pending 799, back 0, attempts 3, open 3, v5; a pending 0/300-0-0, b authorized 0/200-0-0, c pending 0/499-0-0',
	'insert_ok, legs, N + A + a below the amount');
SELECT would('n', 'c=500', 'pending 0 of 1000, due 1000, held 200, pending 800, back 0, attempts 3, open 3, v5; a pending 0/300-0-0, b authorized 0/200-0-0, c pending 0/500-0-0',
	'insert_ok, legs, N + A + a is the amount');
SELECT cannot('n', 'c=501', '23PS4', 'insert_ok, legs, N + A + a above the amount');
SELECT would('np', 'c=499', 'pending 300 of 1000, due 700, held 0, pending 699, back 0, attempts 3, open 2, v5; a processed 300/300-0-0, b pending 0/200-0-0, c pending 0/499-0-0',
	'insert_ok, legs, N + P + a below the amount');
SELECT would('np', 'c=500', 'pending 300 of 1000, due 700, held 0, pending 700, back 0, attempts 3, open 2, v5; a processed 300/300-0-0, b pending 0/200-0-0, c pending 0/500-0-0',
	'insert_ok, legs, N + P + a is the amount');
SELECT cannot('np', 'c=501', '23PS4', 'insert_ok, legs, N + P + a above the amount');

-- insert_ok: partial payment, a <= amount - P, a >= the first minimum while P = 0
DO $$ BEGIN
	PERFORM given('min', 'razorpay', 1000, '', true, 300);
	PERFORM given('paid600', 'razorpay', 1000, 'a=600 a>authorized a>captured', true, 300);
	PERFORM given('failed600', 'razorpay', 1000, 'a=600 a>failed', true, 300);
END $$;
SELECT cannot('min', 'a=299', '23PS4', 'insert_ok, first_payment_min_amount');
SELECT would('min', 'a=300', 'created 0 of 1000, due 1000, held 0, pending 300, back 0, attempts 0, open 1, v2; a created 0/300-0-0',
	'insert_ok, first_payment_min_amount');
SELECT would('min', 'a=301', 'created 0 of 1000, due 1000, held 0, pending 301, back 0, attempts 0, open 1, v2; a created 0/301-0-0',
	'insert_ok, first_payment_min_amount');
SELECT would('min', 'a=1000', 'created 0 of 1000, due 1000, held 0, pending 1000, back 0, attempts 0, open 1, v2; a created 0/1000-0-0',
	'insert_ok, partial payment, a is the amount');
SELECT cannot('min', 'a=1001', '23PS4', 'insert_ok, partial payment, a above the amount');
SELECT cannot('failed600', 'b=299', '23PS4', 'insert_ok, first_payment_min_amount, still nothing paid');
SELECT would('paid600', 'b=1', 'attempted 600 of 1000, due 400, held 0, pending 1, back 0, attempts 1, open 1, v5; a captured 600/600-0-0, b created 0/1-0-0',
	'insert_ok, first_payment_min_amount is of the first only');
SELECT would('paid600', 'b=399', 'attempted 600 of 1000, due 400, held 0, pending 399, back 0, attempts 1, open 1, v5; a captured 600/600-0-0, b created 0/399-0-0',
	'insert_ok, partial payment, a below what is due');
SELECT would('paid600', 'b=400', 'attempted 600 of 1000, due 400, held 0, pending 400, back 0, attempts 1, open 1, v5; a captured 600/600-0-0, b created 0/400-0-0',
	'insert_ok, partial payment, a is what is due');
SELECT cannot('paid600', 'b=401', '23PS4', 'insert_ok, partial payment, a above what is due');

-- insert_ok: no partial payment, a = amount
DO $$ BEGIN
	PERFORM given('whole', 'razorpay', 1000);
	PERFORM given('kwhole', 'paykun', 1000);
END $$;
SELECT cannot(o, w, '23PS4', 'insert_ok, no partial payment')
  FROM unnest(ARRAY['whole', 'kwhole']) o, unnest(ARRAY['a=999', 'a=1001']) w;
SELECT would(o, 'a=1000', 'created 0 of 1000, due 1000, held 0, pending 1000, back 0, attempts 0, open 1, v2; a created 0/1000-0-0',
	'insert_ok, no partial payment')
  FROM unnest(ARRAY['whole', 'kwhole']) o;

-- insert_ok: T < max_attempts (10)
DO $$
DECLARE
	eight text := 'a=1 a>failed b=1 b>failed c=1 c>failed d=1 d>failed e=1 e>failed f=1 f>failed g=1 g>failed h=1 h>failed ';
BEGIN
	PERFORM given('nine', 'plural', 1000, eight || 'i=500');
	PERFORM given('ten', 'plural', 1000, eight || 'i=500 j=300');
	PERFORM given('pnine', 'plural_preauth', 1000, eight || 'i=500');
	PERFORM given('pten', 'plural_preauth', 1000, eight || 'i=500 j=300');
	PERFORM given('nine2', 'plural', 1000, eight || 'i=500');
	PERFORM given('pnine2', 'plural_preauth', 1000, eight || 'i=500');
	PERFORM given('held9', 'plural_preauth', 1000, eight || 'i=500 i>authorized');
	PERFORM given('held10', 'plural_preauth', 1000, eight || 'i=1 i>failed j=500 j>authorized');
END $$;
SELECT matches(helper.then(o, 'j=300'), '^pending 0 of 1000, due 1000, held 0, pending 800, back 0, attempts 10, open 2, v19;',
	'insert_ok, attempts 9 of 10: the tenth is taken, ' || o)
  FROM unnest(ARRAY['nine', 'pnine']) o;
SELECT cannot(o, 'k=200', '23PS3', 'insert_ok, attempts 10 of 10')
  FROM unnest(ARRAY['ten', 'pten', 'nine', 'pnine']) o;

-- attempts<max, attempts>=max: where a failure leads
DO $$ BEGIN
	PERFORM helper.then(o, 'i>failed') FROM unnest(ARRAY['ten', 'pten']) o;
END $$;
SELECT matches(helper.then(o, 'i>failed'), '^attempted 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 9, open 0, v(19|20);',
	'attempts<max: the ninth failure leaves an order attempted, ' || o)
  FROM unnest(ARRAY['nine2', 'pnine2', 'held9']) o;
SELECT matches(helper.then(o, 'j>failed'), '^failed 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 10, open 0, v',
	'attempts>=max: the tenth failure fails the order, ' || o)
  FROM unnest(ARRAY['ten', 'pten', 'held10']) o;
SELECT cannot('ten', 'k=1', '23PS3', 'attempts>=max: no more on a failed order');

-- amount=held: what is captured, where there is no partial capture
SELECT cannot('held', w, '23PS4', 'amount=held') FROM unnest(ARRAY['a>captured:999', 'a>captured:1001']) w;
SELECT would('held', w, 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 1000/1000-0-0',
	'amount=held') FROM unnest(ARRAY['a>captured:1000', 'a>captured', 'a>captured:0']) w;
SELECT refused($$UPDATE payments SET status = 'captured', amount_captured = -1 WHERE id = 'held.a'$$,
	says('23PS4', 'update payments', 'razorpay'), 'amount=held: -1');

-- amount=order_due
SELECT cannot(o, w, '23PS4', 'amount=order_due')
  FROM unnest(ARRAY['kheld']) o, unnest(ARRAY['a>captured:999', 'a>captured:1001']) w;
SELECT would('kheld', 'a>captured:1000', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 1000/1000-0-0',
	'amount=order_due');
DO $$ BEGIN
	PERFORM given('kopen', 'paykun', 1000, 'a=1000 b=1000 b>failed');
END $$;
SELECT cannot('kopen', w, '23PS4', 'amount=order_due')
  FROM unnest(ARRAY['a>captured:999', 'a>captured:1001', 'b>captured:999', 'b>captured:1001']) w;
SELECT would('kopen', 'a>captured', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v5; a captured 1000/1000-0-0, b failed 0/1000-0-0',
	'amount=order_due');
SELECT would('kopen', 'b>captured', 'paid 1000 of 1000, due 0, held 0, pending 1000, back 0, attempts 1, open 1, v5; a created 0/1000-0-0, b captured 1000/1000-0-0',
	'amount=order_due, a failed one captured late');

-- due_after=0, due_after>0, and below: two payments opened side by side
DO $$ BEGIN
	PERFORM given('due' || b, 'razorpay', 1000,
		format('a=600 b=%s a>authorized a>captured b>authorized', b), true)
		FROM unnest(ARRAY[399, 400, 401]) b;
END $$;
SELECT would('due399', 'b>captured', 'attempted 999 of 1000, due 1, held 0, pending 0, back 0, attempts 2, open 0, v7; a captured 600/600-0-0, b captured 399/399-0-0',
	'due_after>0, 1 left');
SELECT would('due400', 'b>captured', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v7; a captured 600/600-0-0, b captured 400/400-0-0',
	'due_after=0');
SELECT cannot('due401', 'b>captured', '23PS4', 'due_after -1');
SELECT would('due401', 'b>refunded', 'attempted 600 of 1000, due 400, held 0, pending 0, back 0, attempts 2, open 0, v7; a captured 600/600-0-0, b refunded 0/401-401-0',
	'due_after -1: it can only be refunded');

-- partial_payment: the order's flag
SELECT cannot('whole', 'a=600', '23PS4', 'partial_payment is off');
SELECT would('part', 'a=600 a>authorized a>captured',
	'attempted 600 of 1000, due 400, held 0, pending 0, back 0, attempts 1, open 0, v4; a captured 600/600-0-0',
	'partial_payment is on');
SELECT refused(format('INSERT INTO orders (id, lifecycle, amount, partial_payment) VALUES (''x'', %L, 1000, true)', lc),
	says('23PS4', 'insert orders', lc), 'partial_payment on an order of ' || lc || ', which has none')
  FROM unnest(ARRAY['paykun', 'plural', 'plural_preauth']) lc;

-- captured<held, captured=held, above
DO $$ BEGIN
	PERFORM given('pa', 'plural_preauth', 1000, 'a=1000 a>authorized');
	PERFORM given('pl', 'plural', 1000, 'a=1000');
END $$;
SELECT refused($$UPDATE payments SET status = 'processed', amount_captured = -1 WHERE id = 'pa.a'$$,
	says('23PS4', 'update payments', 'plural_preauth'), 'captured<held: -1');
SELECT would('pa', 'a>processed:1', 'partially_captured 1 of 1000, due 999, held 0, pending 0, back 0, attempts 1, open 0, v4; a processed 1/1000-0-0',
	'captured<held');
SELECT would('pa', 'a>processed:999', 'partially_captured 999 of 1000, due 1, held 0, pending 0, back 0, attempts 1, open 0, v4; a processed 999/1000-0-0',
	'captured<held');
SELECT would('pa', w, 'processed 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v4; a processed 1000/1000-0-0',
	'captured=held') FROM unnest(ARRAY['a>processed:1000', 'a>processed', 'a>processed:0']) w;
SELECT cannot('pa', 'a>processed:1001', '23PS4', 'captured above held');
SELECT cannot('pl', w, '23PS4', 'captured=held')
  FROM unnest(ARRAY['a>processed:1', 'a>processed:999', 'a>processed:1001']) w;
SELECT would('pl', 'a>processed:1000', 'processed 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v3; a processed 1000/1000-0-0',
	'captured=held');

-- refund=amount: an auto-refund is of the whole
SELECT would('held', 'a>refunded', 'attempted 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v4; a refunded 0/1000-1000-0',
	'refund=amount');
SELECT refused(format('UPDATE payments SET status = ''refunded'', amount_refunded = %s WHERE id = ''held.a''', a),
	'23PS6 column "amount_refunded" of table "payments" is derived', format('refund=amount: not %s', a))
  FROM unnest(ARRAY[999, 1001]) a;

-- 0<refund, refunded_after<captured, refunded_after=captured
DO $$ BEGIN
	PERFORM given('r', 'razorpay', 1000, 'a=1000 a>authorized a>captured');
	PERFORM given('r400', 'razorpay', 1000, 'a=1000 a>authorized a>captured a-400');
	PERFORM given('r1', 'razorpay', 1000, 'a=1000 a>authorized a>captured a~1');
	PERFORM given('k', 'paykun', 1000, 'a=1000 a>captured');
END $$;
SELECT cannot(o, 'a-0', '23PS4', '0<refund') FROM unnest(ARRAY['r', 'k']) o;
SELECT refused(format('INSERT INTO refunds (payment_id, amount) VALUES (%L, -1)', o || '.a'),
	says('23PS4', 'insert refunds', lc), '0<refund: -1 on ' || o)
  FROM (VALUES ('r', 'razorpay'), ('k', 'paykun')) v (o, lc);
SELECT would('r', 'a-1', 'paid 1000 of 1000, due 0, held 0, pending 0, back 1, attempts 1, open 0, v5; a captured 1000/1000-1-0',
	'0<refund');
SELECT would('r', 'a-999', 'paid 1000 of 1000, due 0, held 0, pending 0, back 999, attempts 1, open 0, v5; a captured 1000/1000-999-0',
	'refunded_after<captured');
SELECT would('r', 'a-1000', 'paid 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 1, open 0, v5; a refunded 1000/1000-1000-0',
	'refunded_after=captured');
SELECT cannot('r', 'a-1001', '23PS4', 'refunded_after above captured');
SELECT would('k', 'a-999', 'paid 1000 of 1000, due 0, held 0, pending 0, back 999, attempts 1, open 0, v4; a captured 1000/1000-999-0',
	'refunded_after<captured');
SELECT would('k', 'a-1000', 'paid 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 1, open 0, v4; a refunded 1000/1000-1000-0',
	'refunded_after=captured');
SELECT cannot('k', 'a-1001', '23PS4', 'refunded_after above captured');
SELECT would('r400', 'a-599', 'paid 1000 of 1000, due 0, held 0, pending 0, back 999, attempts 1, open 0, v6; a captured 1000/1000-999-0',
	'refunded_after<captured, the second refund');
SELECT would('r400', 'a-600', 'paid 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 1, open 0, v6; a refunded 1000/1000-1000-0',
	'refunded_after=captured, the second refund');
SELECT cannot('r400', 'a-601', '23PS4', 'refunded_after above captured, the second refund');

-- the same with 1 of it pending
SELECT would('r1', 'a-998', 'paid 1000 of 1000, due 0, held 0, pending 0, back 998, attempts 1, open 0, v6; a captured 1000/1000-998-1',
	'refunded + pending + r below captured');
SELECT would('r1', 'a-999', 'paid 1000 of 1000, due 0, held 0, pending 0, back 999, attempts 1, open 0, v6; a captured 1000/1000-999-1',
	'refunded + pending + r is captured');
SELECT cannot('r1', w, '23PS4', 'refunded + pending + r above captured') FROM unnest(ARRAY['a-1000', 'a~1000']) w;
SELECT would('r1', 'a~999', 'paid 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 1, open 0, v6; a captured 1000/1000-0-1000',
	'refunded + pending + r is captured, pending');
SELECT cannot('r1', 'a>refunded', '23PS4', 'status refunded while a refund is pending');

-- refunded_after<amount_paid, refunded_after=amount_paid: two legs of 600 and 400
DO $$ BEGIN
	PERFORM given('w', 'plural', 1000, 'a=600 a>processed b=400 b>processed');
	PERFORM given('w600', 'plural', 1000, 'a=600 a>processed b=400 b>processed a-600');
	PERFORM given('v', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized a>processed b>processed');
	PERFORM given('v600', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized a>processed b>processed a-600');
	PERFORM given('vpart', 'plural_preauth', 1000, 'a=1000 a>authorized a>processed:300');
END $$;
SELECT cannot(o, w, '23PS4', 'refund of a leg') FROM unnest(ARRAY['w', 'v']) o, unnest(ARRAY['a-0', 'a-601']) w;
SELECT would('w', 'a-600', 'partially_refunded 1000 of 1000, due 0, held 0, pending 0, back 600, attempts 2, open 0, v6; a processed 600/600-600-0, b processed 400/400-0-0',
	'refunded_after<amount_paid, a whole leg');
SELECT would('w', 'a-1', 'partially_refunded 1000 of 1000, due 0, held 0, pending 0, back 1, attempts 2, open 0, v6; a processed 600/600-1-0, b processed 400/400-0-0',
	'refunded_after<amount_paid, 1');
SELECT would('w600', 'b-399', 'partially_refunded 1000 of 1000, due 0, held 0, pending 0, back 999, attempts 2, open 0, v7; a processed 600/600-600-0, b processed 400/400-399-0',
	'refunded_after<amount_paid, 1 left');
SELECT would('w600', 'b-400', 'fully_refunded 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 2, open 0, v7; a processed 600/600-600-0, b processed 400/400-400-0',
	'refunded_after=amount_paid');
SELECT would('v600', 'b-399', 'partially_refunded 1000 of 1000, due 0, held 0, pending 0, back 999, attempts 2, open 0, v9; a processed 600/600-600-0, b processed 400/400-399-0',
	'refunded_after<amount_paid, 1 left');
SELECT would('v600', 'b-400', 'fully_refunded 1000 of 1000, due 0, held 0, pending 0, back 1000, attempts 2, open 0, v9; a processed 600/600-600-0, b processed 400/400-400-0',
	'refunded_after=amount_paid');
SELECT cannot(o, w, '23PS4', 'refunded_after above what the leg has')
  FROM unnest(ARRAY['w600', 'v600']) o, unnest(ARRAY['b-401', 'a-1']) w;
SELECT would('vpart', 'a-299', 'partially_refunded 300 of 1000, due 700, held 0, pending 0, back 299, attempts 1, open 0, v5; a processed 300/1000-299-0',
	'refunded_after<amount_paid, captured in part');
SELECT would('vpart', 'a-300', 'fully_refunded 300 of 1000, due 700, held 0, pending 0, back 300, attempts 1, open 0, v5; a processed 300/1000-300-0',
	'refunded_after=amount_paid, captured in part');
SELECT cannot('vpart', 'a-301', '23PS4', 'refunded_after above amount_paid, captured in part');

-- other_live, no_other_live: 1 other, 0 others
DO $$ BEGIN
	PERFORM given('live2', 'plural', 1000, 'a=600 b=400');
	PERFORM given('live1', 'plural', 1000, 'a=600');
	PERFORM given('live1p', 'plural', 1000, 'a=600 a>processed b=400');
	PERFORM given('hlive2', 'plural_preauth', 1000, 'a=600 a>authorized b=400');
	PERFORM given('hlive1', 'plural_preauth', 1000, 'a=600 a>authorized');
END $$;
SELECT would('live2', 'a>failed', 'pending 0 of 1000, due 1000, held 0, pending 400, back 0, attempts 2, open 1, v4; a failed 0/600-0-0, b pending 0/400-0-0',
	'other_live');
SELECT would('live2', 'a>cancelled', 'pending 0 of 1000, due 1000, held 0, pending 400, back 0, attempts 2, open 1, v4; a cancelled 0/600-0-0, b pending 0/400-0-0',
	'other_live');
SELECT would('live1', 'a>failed', 'attempted 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v3; a failed 0/600-0-0',
	'no_other_live');
SELECT would('live1', 'a>cancelled', 'failed 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v3; a cancelled 0/600-0-0',
	'no_other_live');
SELECT would('hlive2', 'a>failed', 'pending 0 of 1000, due 1000, held 0, pending 400, back 0, attempts 2, open 1, v5; a failed 0/600-0-0, b pending 0/400-0-0',
	'other_live, the held leg');
SELECT would('hlive2', 'b>cancelled', 'pending 0 of 1000, due 1000, held 600, pending 0, back 0, attempts 2, open 1, v5; a authorized 0/600-0-0, b cancelled 0/400-0-0',
	'other_live, the open leg');
SELECT would('hlive1', 'a>cancelled', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v4; a cancelled 0/600-0-0',
	'no_other_live, the held leg');
SELECT would('hlive1', 'a>failed', 'attempted 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v4; a failed 0/600-0-0',
	'no_other_live, the held leg');

-- amount_paid=0, amount_paid>0 of a failing or cancelled last leg
SELECT would('live1p', 'b>failed', 'attempted 600 of 1000, due 400, held 0, pending 0, back 0, attempts 2, open 0, v5; a processed 600/600-0-0, b failed 0/400-0-0',
	'amount_paid>0: the last leg fails');
SELECT would('live1p', 'b>cancelled', 'attempted 600 of 1000, due 400, held 0, pending 0, back 0, attempts 2, open 0, v5; a processed 600/600-0-0, b cancelled 0/400-0-0',
	'amount_paid>0: the last leg is cancelled');

-- others_held, others_done
DO $$ BEGIN
	PERFORM given('two', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized');
	PERFORM given('last', 'plural_preauth', 1000, 'a=600 b=400 a>authorized b>authorized a>processed');
	PERFORM given('three', 'plural_preauth', 1000, 'a=500 b=300 c=200 a>authorized b>authorized c>authorized a>processed');
	PERFORM given('gap', 'plural_preauth', 1000, 'a=500 b=300 c=200 a>authorized b>authorized c>authorized a>processed c>failed');
END $$;
SELECT would('two', 'a>processed', 'authorized 600 of 1000, due 400, held 400, pending 0, back 0, attempts 2, open 1, v6; a processed 600/600-0-0, b authorized 0/400-0-0',
	'others_held, 1');
SELECT would('last', 'b>processed', 'processed 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v7; a processed 600/600-0-0, b processed 400/400-0-0',
	'others_done, due_after=0');
SELECT would('gap', 'b>processed', 'partially_captured 800 of 1000, due 200, held 0, pending 0, back 0, attempts 3, open 0, v10; a processed 500/500-0-0, b processed 300/300-0-0, c failed 0/200-0-0',
	'others_done, due_after>0');
SELECT would('two', 'a>processed:599', 'partially_captured 599 of 1000, due 401, held 0, pending 0, back 0, attempts 2, open 0, v7; a processed 599/600-0-0, b cancelled 0/400-0-0',
	'captured<held releases the other hold');

-- amount_paid=0, amount_paid>0 of an authorized order
SELECT would('two', 'a>' || s, format('%s 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 2, open 0, v7; a %1$s 0/600-0-0, b %1$s 0/400-0-0', s),
	'amount_paid=0: a leg takes all with it') FROM unnest(ARRAY['cancelled', 'failed']) s;
SELECT would('last', 'b>' || s, format('partially_captured 600 of 1000, due 400, held 0, pending 0, back 0, attempts 2, open 0, v7; a processed 600/600-0-0, b %s 0/400-0-0', s),
	'amount_paid>0, others_done') FROM unnest(ARRAY['cancelled', 'failed']) s;
SELECT would('three', 'b>' || s, format('authorized 500 of 1000, due 500, held 200, pending 0, back 0, attempts 3, open 1, v9; a processed 500/500-0-0, b %s 0/300-0-0, c authorized 0/200-0-0', s),
	'amount_paid>0, others_held') FROM unnest(ARRAY['cancelled', 'failed']) s;
SELECT would('two', '!cancel', 'cancelled 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 2, open 0, v8; a cancelled 0/600-0-0, b cancelled 0/400-0-0',
	'amount_paid=0: the order may be cancelled');
SELECT cannot('last', w, '23PS1', 'amount_paid>0: the order may not') FROM unnest(ARRAY['!cancel', '!fail']) w;
DO $$ BEGIN PERFORM given('one1', 'plural', 1000, 'a=1 a>processed'); END $$;
SELECT cannot('one1', w, '23PS1', 'amount_paid 1: the order may not') FROM unnest(ARRAY['!cancel', '!fail']) w;
SELECT would('live2', '!fail', 'failed 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 2, open 0, v6; a failed 0/600-0-0, b failed 0/400-0-0',
	'amount_paid=0: the order may fail');

-- held_after<amount, held_after=amount
DO $$ BEGIN
	PERFORM given('h' || b, 'plural_preauth', 1000, format('a=600 b=%s a>authorized', b))
		FROM unnest(ARRAY[399, 400]) b;
END $$;
SELECT would('h399', 'b>authorized', 'pending 0 of 1000, due 1000, held 999, pending 0, back 0, attempts 2, open 2, v5; a authorized 0/600-0-0, b authorized 0/399-0-0',
	'held_after<amount');
SELECT would('h400', 'b>authorized', 'authorized 0 of 1000, due 1000, held 1000, pending 0, back 0, attempts 2, open 2, v5; a authorized 0/600-0-0, b authorized 0/400-0-0',
	'held_after=amount');
SELECT cannot('h400', 'c=1', '23PS4', 'held_after above the amount cannot come about');

-- paid_after<amount, paid_after=amount
DO $$ BEGIN
	PERFORM given('p' || b, 'plural', 1000, format('a=600 b=%s a>processed', b))
		FROM unnest(ARRAY[399, 400]) b;
END $$;
SELECT would('p399', 'b>processed', 'pending 999 of 1000, due 1, held 0, pending 0, back 0, attempts 2, open 0, v5; a processed 600/600-0-0, b processed 399/399-0-0',
	'paid_after<amount');
SELECT would('p400', 'b>processed', 'processed 1000 of 1000, due 0, held 0, pending 0, back 0, attempts 2, open 0, v5; a processed 600/600-0-0, b processed 400/400-0-0',
	'paid_after=amount');
SELECT cannot('p400', 'c=1', '23PS4', 'paid_after above the amount cannot come about');

-- none_live: a refund waits until the last leg is decided
DO $$ BEGIN
	PERFORM given('legless', 'plural', 1000, 'a=600 a>processed');
	PERFORM given('leg1', 'plural', 1000, 'a=600 a>processed b=400');
	PERFORM given('legdone', 'plural', 1000, 'a=600 a>processed b=400 b>failed');
	PERFORM given('legnew', 'plural', 1000, 'a=600 a>processed b=400 b>failed c=400');
END $$;
SELECT would('legless', 'a-599', 'partially_refunded 600 of 1000, due 400, held 0, pending 0, back 599, attempts 1, open 0, v4; a processed 600/600-599-0',
	'none_live, order pending');
SELECT would('legless', 'a-600', 'fully_refunded 600 of 1000, due 400, held 0, pending 0, back 600, attempts 1, open 0, v4; a processed 600/600-600-0',
	'none_live, order pending');
SELECT cannot('legless', 'a-601', '23PS4', 'none_live, but too much');
SELECT cannot(o, w, '23PS3', 'none_live: one is') FROM unnest(ARRAY['leg1', 'legnew']) o,
	unnest(ARRAY['a-1', 'a-600', 'a-601', 'a-0', 'a~1']) w;
SELECT would('legdone', 'a-599', 'partially_refunded 600 of 1000, due 400, held 0, pending 0, back 599, attempts 2, open 0, v6; a processed 600/600-599-0, b failed 0/400-0-0',
	'none_live, order attempted');
SELECT would('legdone', 'a-600', 'fully_refunded 600 of 1000, due 400, held 0, pending 0, back 600, attempts 2, open 0, v6; a processed 600/600-600-0, b failed 0/400-0-0',
	'none_live, order attempted');

-- Parameters that are checked beside the rules.
DO $$ BEGIN
	-- rules that forget to say how much may be captured and refunded
	PERFORM variant('loose', 'razorpay', '{}');
	DELETE FROM paystate.lifecycle_transition WHERE lifecycle = 'loose'
		AND (guard LIKE '%due_after=0' OR payment_event = 'captured>refunded');
	UPDATE paystate.lifecycle_transition SET guard = '-' WHERE lifecycle = 'loose'
		AND payment_event IN ('authorized>captured', 'captured:refund');
	PERFORM given('lo', 'loose', 1000, 'a=600 b=401 c=400 a>authorized a>captured b>authorized c>authorized', true);
	PERFORM variant('no_cancel', 'plural', '{"order_cancel": false}');
	PERFORM variant('whole_capture', 'plural_preauth', '{"partial_capture": false}');
	PERFORM variant('two_tries', 'razorpay', '{"max_attempts": 2, "payment_min": null, "payment_max": 5000, "currencies": ["INR", "JPY"]}');
	PERFORM given('nc', 'no_cancel', 1000, 'a=1000');
	PERFORM given('wc', 'whole_capture', 1000, 'a=600 b=400 a>authorized b>authorized');
	PERFORM given('t1', 'two_tries', 1000, 'a=1000 a>failed b=1000');
	PERFORM given('t2', 'two_tries', 1000, 'a=1000 a>failed b=1000 b>failed');
END $$;
SELECT cannot('lo', w, '23PS4', 'not above what is due or held, whatever the rules leave unsaid')
  FROM unnest(ARRAY['b>captured', 'c>captured:401', 'c>captured:399', 'a-601', 'a-0', 'a~601']) w;
SELECT would('lo', 'c>captured a-600', 'attempted 1000 of 1000, due 0, held 401, pending 0, back 600, attempts 3, open 1, v10; a captured 600/600-600-0, b authorized 0/401-0-0, c captured 400/400-0-0',
	'what is due and what was captured');
SELECT cannot('nc', '!cancel', '23PS1', 'order_cancel false');
SELECT would('nc', '!fail', 'failed 0 of 1000, due 1000, held 0, pending 0, back 0, attempts 1, open 0, v4; a failed 0/1000-0-0',
	'order_cancel false says nothing of fail');
SELECT cannot('wc', w, '23PS4', 'partial_capture false') FROM unnest(ARRAY['a>processed:1', 'a>processed:599', 'a>processed:601']) w;
SELECT would('wc', 'a>processed:600', 'authorized 600 of 1000, due 400, held 400, pending 0, back 0, attempts 2, open 1, v6; a processed 600/600-0-0, b authorized 0/400-0-0',
	'partial_capture false');
SELECT would('t1', 'c=1000', 'attempted 0 of 1000, due 1000, held 0, pending 2000, back 0, attempts 1, open 2, v5; a failed 0/1000-0-0, b created 0/1000-0-0, c created 0/1000-0-0',
	'max_attempts 2, one used');
SELECT cannot('t2', 'c=1000', '23PS3', 'max_attempts 2, both used');
SELECT refused(format('INSERT INTO orders (id, lifecycle, amount, currency) VALUES (''x'', ''two_tries'', %s, %L)', a, c),
	says(e, 'insert orders', 'two_tries'), format('payment_max 5000, currencies INR and JPY: an order of %s %s', a, c))
  FROM (VALUES (5001, 'INR', '23PS4'), (0, 'INR', '23PS4'), (5000, 'USD', '23PS5')) v (a, c, e);
SELECT accepted(format('INSERT INTO orders (id, lifecycle, amount, currency) VALUES (''x%s'', ''two_tries'', %1$s, %L)', a, c),
	format('payment_max 5000, payment_min null, currencies INR and JPY: an order of %s %s', a, c))
  FROM (VALUES (5000, 'INR'), (1, 'JPY')) v (a, c);

-- ---- of several rules that do not fire, the reason that comes first counts -----------------------
-- Where one of them waits for live payments and the other for something else,
-- the order takes the refund no more (23PS3), whichever of the two is read first.
DO $$ BEGIN
	PERFORM helper.variant('plural_' || v, 'plural', '{}') FROM unnest(ARRAY['first', 'last']) v;
	UPDATE paystate.lifecycle_transition SET guard = CASE lifecycle WHEN 'plural_first' THEN 'attempts>=max;refunded_after=amount_paid'
			ELSE 'others_done;refunded_after=amount_paid' END
	 WHERE lifecycle IN ('plural_first', 'plural_last') AND payment_event = 'processed:refund'
		AND guard = 'none_live;refunded_after=amount_paid';
END $$;
SELECT is((SELECT array_agg(split_part(guard, ';', 1) ORDER BY guard) FROM paystate.lifecycle_transition
			WHERE lifecycle = 'plural_' || v AND payment_event = 'processed:refund' AND order_before = 'pending'),
		CASE v WHEN 'first' THEN '{attempts>=max,none_live}' ELSE '{none_live,others_done}' END::text[],
		'the rules of plural_' || v || ' wait for different things')
  FROM unnest(ARRAY['first', 'last']) v;
SELECT helper.given('why_' || v, 'plural_' || v, 1000, 'a=600 b=400 a>processed') FROM unnest(ARRAY['first', 'last']) v \g /dev/null
SELECT helper.cannot('why_' || v, 'a-100', '23PS3', 'a live payment, and plural_' || v) FROM unnest(ARRAY['first', 'last']) v;
SELECT helper.then('why_' || v, 'b>failed') FROM unnest(ARRAY['first', 'last']) v \g /dev/null
SELECT helper.would('why_' || v, 'a-100', 'partially_refunded 600 of 1000, due 400, held 0, pending 0, back 100, attempts 2, open 0, v6; a processed 600/600-100-0, b failed 0/400-0-0',
	'no live payment') FROM unnest(ARRAY['first', 'last']) v;

\ir lib/end.sql
