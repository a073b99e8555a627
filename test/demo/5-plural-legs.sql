\set ECHO queries
\echo
\echo '================ Plural without pre-auth: two legs, then refunds that move the order'
\echo '(Plural''s documents, webhook events; there one payment, here two legs and refunds)'
\echo
\set order v1-250515094053-aa-oXnK19
INSERT INTO orders (id, lifecycle, amount) VALUES ('v1-250515094053-aa-oXnK19', 'plural', 21000);
\ir show.sql
INSERT INTO payments (id, order_id, amount) VALUES ('oXnK19-cc-a', 'v1-250515094053-aa-oXnK19', 15000);
\ir show.sql

\echo '---- refused: legs above the amount, a hold where there is no pre-auth'
\set code 23PS4
INSERT INTO payments (order_id, amount) VALUES ('v1-250515094053-aa-oXnK19', 6001);
\ir refused.sql
\set code 23PS1
UPDATE payments SET status = 'authorized' WHERE id = 'oXnK19-cc-a';
\ir refused.sql

\echo '---- an amount that is left out is what the other legs leave'
INSERT INTO payments (id, order_id) VALUES ('oXnK19-up-b', 'v1-250515094053-aa-oXnK19');
\ir show.sql
UPDATE payments SET status = 'processed' WHERE id = 'oXnK19-cc-a';
\ir show.sql
UPDATE payments SET status = 'processed' WHERE id = 'oXnK19-up-b';
\ir show.sql
\set sample '{"status": "processed", "amount_paid": 21000}'
\ir published.sql

INSERT INTO refunds (payment_id, amount) VALUES ('oXnK19-cc-a', 1000);
\ir show.sql

\echo '---- refused: more than that leg captured'
\set code 23PS4
INSERT INTO refunds (payment_id, amount) VALUES ('oXnK19-cc-a', 14001);
\ir refused.sql

INSERT INTO refunds (payment_id, amount) VALUES ('oXnK19-cc-a', 14000), ('oXnK19-up-b', 6000);
\ir show.sql
