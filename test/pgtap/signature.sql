-- Signatures of webhooks: what a gateway signed passes, by vectors and by
-- values computed elsewhere; whatever else does not, and is no error.
\set QUIET on
BEGIN;
SELECT * FROM no_plan();

SELECT is(encode(paystate.signature_hmac('sha256', 'Hi There', decode(repeat('0b', 20), 'hex')), 'hex'),
	'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
	'RFC 4231, test case 1, sha256');
SELECT is(encode(paystate.signature_hmac('sha512', 'Hi There', decode(repeat('0b', 20), 'hex')), 'hex'),
	'87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
	'RFC 4231, test case 1, sha512');
SELECT is(encode(paystate.signature_hmac('sha256', 'what do ya want for nothing?', 'Jefe'), 'hex'),
	'5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
	'RFC 4231, test case 2, sha256');
SELECT is(encode(paystate.signature_hmac('sha512', 'what do ya want for nothing?', 'Jefe'), 'hex'),
	'164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737',
	'RFC 4231, test case 2, sha512');
SELECT is(encode(paystate.signature_hmac('sha256', decode(repeat('dd', 50), 'hex'), decode(repeat('aa', 20), 'hex')), 'hex'),
	'773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
	'RFC 4231, test case 3, sha256');
SELECT is(encode(paystate.signature_hmac('sha512', decode(repeat('dd', 50), 'hex'), decode(repeat('aa', 20), 'hex')), 'hex'),
	'fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb',
	'RFC 4231, test case 3, sha512');
SELECT is(encode(paystate.signature_hmac('sha256', 'Test Using Larger Than Block-Size Key - Hash Key First', decode(repeat('aa', 131), 'hex')), 'hex'),
	'60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
	'RFC 4231, test case 6, sha256');
SELECT is(encode(paystate.signature_hmac('sha512', 'Test Using Larger Than Block-Size Key - Hash Key First', decode(repeat('aa', 131), 'hex')), 'hex'),
	'80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598',
	'RFC 4231, test case 6, sha512');
SELECT throws_ok($$SELECT paystate.signature_hmac('md5', 'a', 'b')$$, '22023', 'hash "md5" is not supported',
	'no other hash');

SELECT ok(paystate.signature_equal('abc', 'abc'), 'equal');
SELECT ok(NOT paystate.signature_equal('abc', v), format('abc is not %s', v))
  FROM unnest('{abd,xbc,ab,abcd,""}'::text[]::bytea[]) v;

-- Razorpay: hexadecimal, of the body as it came.
CREATE FUNCTION pg_temp.razorpay(body bytea, given text, secret text DEFAULT 's3cret') RETURNS boolean
	LANGUAGE sql AS $$ SELECT paystate.verify_signature('razorpay', body, given, secret) $$;
\set body '{"event":"payment.captured"}'
\set signed 5085658345d8fae0e92d74ac3ddeae36104b3b28317c88dad5cd244633b73a06
SELECT ok(pg_temp.razorpay(:'body', :'signed'), 'Razorpay: as it was signed');
SELECT ok(pg_temp.razorpay(:'body', upper(:'signed')), 'Razorpay: in capital digits');
SELECT ok(NOT pg_temp.razorpay(:'body'::bytea || ' ', :'signed'), 'Razorpay: a blank more');
SELECT ok(NOT pg_temp.razorpay(:'body', :'signed', 's3cre'), 'Razorpay: another secret');
SELECT ok(pg_temp.razorpay(:'body', v) IS FALSE, format('Razorpay: %s is no signature', quote_nullable(left(v, 20))))
  FROM unnest(ARRAY['', 'zz', '00', left(:'signed', 62), :'signed' || '00', repeat('0', 100000), NULL, E'é']) v;
SELECT ok(NOT paystate.verify_signature('razorpay', NULL, :'signed', 's3cret'), 'no body, no signature');
SELECT throws_ok($$SELECT paystate.verify_signature('razorpay', 'a', 'b', '')$$, '22023', 'secret must not be empty',
	'an empty secret would be everybody''s');
SELECT throws_ok($$SELECT paystate.verify_signature('stripe', 'a', 'b', 'c')$$, '22023', 'gateway "stripe" is not known',
	'a gateway that is not known');

-- Plural: base64, of id, time and body; the secret is base64 itself.
CREATE FUNCTION pg_temp.plural(given text, id text DEFAULT 'msg_p5jXN8AQM9LWM0D4loKWxJek',
							   at text DEFAULT '1614265330', secret text DEFAULT 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') RETURNS boolean
	LANGUAGE sql AS $$ SELECT paystate.verify_signature('plural', '{"test": 2432232314}', given, secret, id, at) $$;
\set signed 'g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
SELECT ok(pg_temp.plural(:'signed'), 'Plural: as it was signed');
SELECT ok(pg_temp.plural('v1,' || :'signed'), 'Plural: with its version');
SELECT ok(pg_temp.plural('v1,' || :'signed', secret => 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), 'Plural: a secret with its prefix');
SELECT ok(pg_temp.plural('v1,AAAA v1,' || :'signed'), 'Plural: the second of two');
SELECT ok(NOT pg_temp.plural(:'signed', id => 'msg_other'), 'Plural: another id');
SELECT ok(NOT pg_temp.plural(:'signed', at => '1614265331'), 'Plural: another time');
SELECT ok(pg_temp.plural(v) IS FALSE, format('Plural: %s is no signature', quote_nullable(v)))
  FROM unnest(ARRAY['', 'v1,', 'v1,AAAA', '!!', NULL]) v;
SELECT throws_ok($$SELECT pg_temp.plural('AAAA', secret => '%%')$$, '22023', 'secret of gateway "plural" must be base64',
	'Plural: a secret that is not base64');
SELECT throws_ok($$SELECT paystate.verify_signature('plural', 'a', 'b', 'c')$$, '22004',
	'signature of gateway "plural" needs the id and the timestamp of the webhook', 'Plural: without its headers');

-- PayKun: hexadecimal, of the values in their order and spelling.
CREATE FUNCTION pg_temp.paykun(body text, given text) RETURNS boolean
	LANGUAGE sql AS $$ SELECT paystate.verify_signature('paykun', convert_to(body, 'UTF8'), given, 's3cret') $$;
\set body '{"transaction":{"payment_id":"88253","status":"Success","status_flag":1,"order":{"order_id":"1","gross_amount":11.50,"tax":0.04},"billing":{"city":null},"custom_field_1":null,"date":"1581769083","signature":"x"}}'
\set signed edb33ca21e189903e4e6cefd9dfdb9365d2a7c9fdd10afdd82611b7e6383d3d1ba9cfbdf212050c522147fad0a6ee3e137ca606964e183d95948268f9d75e1d3
SELECT ok(pg_temp.paykun(:'body', :'signed'), 'PayKun: as it was signed');
SELECT ok(pg_temp.paykun('{"status":true,"data":{"message":"m",' || substr(:'body', 2) || '}', :'signed'), 'PayKun: in a reply');
SELECT ok(NOT pg_temp.paykun(replace(:'body', '11.50', '11.5'), :'signed'), 'PayKun: another spelling of an amount');
SELECT ok(NOT pg_temp.paykun(replace(:'body', 'Success', 'Failed'), :'signed'), 'PayKun: another status');
SELECT ok(pg_temp.paykun(v, :'signed') IS FALSE, format('PayKun: %s is none of its bodies', v))
  FROM unnest(ARRAY['', '{', '[]', '1', '{"transaction":7}']) v;
SELECT ok(paystate.verify_signature('paykun', '\xff00'::bytea, :'signed', 's3cret') IS FALSE, 'PayKun: no text at all');

SELECT * FROM finish();
ROLLBACK;
