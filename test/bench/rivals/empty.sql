-- The same tables with row triggers that do nothing in place of each guard's,
-- so that memory can be told apart that the server itself needs for the events
-- of a statement.  Defaults stand in for what BEFORE fills in.

-- == setup
\ir tables.sql
\ir unchecked.sql
ALTER TABLE orders ALTER status SET DEFAULT 'created', ALTER status_since SET DEFAULT now(),
	ALTER changed_at SET DEFAULT now(), ALTER amount_due SET DEFAULT 49900;
ALTER TABLE payments ALTER status SET DEFAULT 'created', ALTER status_since SET DEFAULT now();
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
-- the server keeps memory for each row that an UPDATE shows to a BEFORE trigger
CREATE TRIGGER nothing_yet BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER nothing_yet BEFORE INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER nothing_yet BEFORE INSERT OR UPDATE ON refunds FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER nothing AFTER INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER nothing AFTER INSERT OR UPDATE ON payments FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TRIGGER nothing AFTER INSERT OR UPDATE ON refunds FOR EACH ROW EXECUTE FUNCTION nothing();

-- == others paystate
