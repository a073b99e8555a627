-- What export_sql() writes for a server without the extension: Razorpay's life
-- cycle in PL/pgSQL as paystate guards it, with the same checks, codes, words
-- and rows, refunds, cascades and a payment without an order among them.  Its
-- tables, foreign keys and constraints are those of create_tables with text
-- keys, which is all that it has.  Here as a superuser, who is the owner.

-- == setup
SELECT paystate.export_sql('razorpay', current_schema) \gexec

-- The application writes what it writes with paystate.
-- == others paystate
