\set ECHO queries
\echo
\echo '================ Plural with pre-auth: authorized, then captured, voided, or captured in part'
\echo '(Plural''s documents, webhook events; the orders "voided" and "in-part" are ours)'
\echo
\set order v1-240909084141-aa-O2oJwd
INSERT INTO orders (id, lifecycle, amount) VALUES ('v1-240909084141-aa-O2oJwd', 'plural_preauth', 200);
INSERT INTO payments (id, order_id) VALUES ('v1-240909084141-aa-O2oJwd-cc-N', 'v1-240909084141-aa-O2oJwd');
\ir show.sql
UPDATE payments SET status = 'authorized' WHERE id = 'v1-240909084141-aa-O2oJwd-cc-N';
\ir show.sql

\echo '---- refused: to refund a hold, to capture more than is held'
\set code 23PS1
INSERT INTO refunds (payment_id, amount) VALUES ('v1-240909084141-aa-O2oJwd-cc-N', 100);
\ir refused.sql
\set code 23PS4
UPDATE payments SET status = 'processed', amount_captured = 201 WHERE id = 'v1-240909084141-aa-O2oJwd-cc-N';
\ir refused.sql

UPDATE payments SET status = 'processed' WHERE id = 'v1-240909084141-aa-O2oJwd-cc-N';
\ir show.sql
\set sample '{"status": "processed", "amount_paid": 200}'
\ir published.sql

\echo '---- refused: to void what is captured'
\set code 23PS1
UPDATE orders SET status = 'cancelled' WHERE id = 'v1-240909084141-aa-O2oJwd';
\ir refused.sql

\echo '---- the other way: the hold is voided, and the payment goes along'
\set order voided
INSERT INTO orders (id, lifecycle, amount) VALUES ('voided', 'plural_preauth', 200);
INSERT INTO payments (id, order_id) VALUES ('voided-cc-1', 'voided');
UPDATE payments SET status = 'authorized' WHERE id = 'voided-cc-1';
\ir show.sql
UPDATE orders SET status = 'cancelled' WHERE id = 'voided';
\ir show.sql

\echo '---- refused: to capture what was given back'
\set code 23PS1
UPDATE payments SET status = 'processed' WHERE id = 'voided-cc-1';
\ir refused.sql

\echo '---- a part is captured, and the rest of the hold released'
\set order in-part
INSERT INTO orders (id, lifecycle, amount) VALUES ('in-part', 'plural_preauth', 5000);
INSERT INTO payments (id, order_id) VALUES ('in-part-cc-1', 'in-part');
UPDATE payments SET status = 'authorized' WHERE id = 'in-part-cc-1';
UPDATE payments SET status = 'processed', amount_captured = 1200 WHERE id = 'in-part-cc-1';
\ir show.sql
