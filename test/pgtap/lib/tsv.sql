-- The life cycles as the data files have them, not as paystate has them.
CREATE TEMP TABLE tsv_state (lifecycle text, kind text, label text,
	gateway_spelling text, initial boolean, terminal boolean, role text);
\copy tsv_state from 'test/data/states.tsv' with (header true)
CREATE TEMP TABLE tsv_lifecycle (name text, order_initial text,
	payment_initial text, attempt_on text, auto_capture boolean,
	partial_payment text, partial_capture boolean, parallel_payments text,
	max_attempts integer, refund_moves text, order_cancel boolean,
	payment_min bigint, payment_max bigint, currencies text[],
	amount_fixed text);
\copy tsv_lifecycle from 'test/data/lifecycles.tsv' with (header true)
CREATE TEMP TABLE tsv_rule (lifecycle text, payment_event text,
	order_before text, guard text, order_after text, money_effect text,
	evidence text, line integer GENERATED ALWAYS AS IDENTITY (START WITH 2));
\copy tsv_rule (lifecycle, payment_event, order_before, guard, order_after, money_effect, evidence) from 'test/data/transitions.tsv' with (header true)
