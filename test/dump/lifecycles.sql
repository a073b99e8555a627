-- The extension and three life cycles of the DBA's own: two as rows of the
-- rule tables, one defined.
CREATE EXTENSION paystate;

BEGIN;
CREATE TEMP TABLE own (name, base, changed) AS VALUES
	('free_of_charge', 'razorpay', '{"payment_min": 0, "currencies": ["INR", "JPY"]}'::jsonb),
	('three_legs', 'plural', '{"max_attempts": 3, "late_window": "1 day"}');
INSERT INTO paystate.lifecycle
SELECT (pg_catalog.jsonb_populate_record(l, o.changed || jsonb_build_object('name', o.name, 'builtin', false))).*
FROM own AS o JOIN paystate.lifecycle AS l ON l.name = o.base;
INSERT INTO paystate.lifecycle_status
SELECT (pg_catalog.jsonb_populate_record(s, jsonb_build_object('lifecycle', o.name, 'builtin', false))).*
FROM own AS o JOIN paystate.lifecycle_status AS s ON s.lifecycle = o.base;
INSERT INTO paystate.lifecycle_transition
SELECT (pg_catalog.jsonb_populate_record(t, jsonb_build_object('lifecycle', o.name, 'builtin', false))).*
FROM own AS o JOIN paystate.lifecycle_transition AS t ON t.lifecycle = o.base;
DROP TABLE own;
COMMIT;
SELECT FROM paystate.define_lifecycle('by_definition',
	'{"based_on": "plural_preauth", "payment_min": 0, "currencies": ["INR", "USD"]}');
