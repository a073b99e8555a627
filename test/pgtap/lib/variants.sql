-- A further life cycle, as rows: another one's rows with some parameters
-- changed.  The statuses and rules of the base are copied as they are.
CREATE FUNCTION helper.variant(new_name text, base text, parameters jsonb) RETURNS void
	LANGUAGE sql
AS $$
	INSERT INTO paystate.lifecycle
		SELECT (jsonb_populate_record(l,
				parameters || jsonb_build_object('name', new_name, 'builtin', false))).*
		  FROM paystate.lifecycle l WHERE l.name = base;
	INSERT INTO paystate.lifecycle_status
		SELECT (jsonb_populate_record(s,
				jsonb_build_object('lifecycle', new_name, 'builtin', false))).*
		  FROM paystate.lifecycle_status s WHERE s.lifecycle = base;
	INSERT INTO paystate.lifecycle_transition
		SELECT (jsonb_populate_record(t,
				jsonb_build_object('lifecycle', new_name, 'builtin', false))).*
		  FROM paystate.lifecycle_transition t WHERE t.lifecycle = base;
$$;

DO $$
BEGIN
	-- orders of 0, for e-mandate registration
	PERFORM helper.variant('razorpay_zero', 'razorpay', '{"payment_min": 0}');

	-- amount and terms may change until the first payment
	PERFORM helper.variant('razorpay_first_payment', 'razorpay',
						   '{"amount_fixed": "first_payment"}');

	-- an attempt counts when the payment is created: the effect moves from
	-- every created>x rule to new>created, which makes the order attempted
	PERFORM helper.variant('razorpay_on_create', 'razorpay', '{"attempt_on": "create"}');
	UPDATE paystate.lifecycle_transition SET money_effect = '-'
	 WHERE lifecycle = 'razorpay_on_create' AND payment_event LIKE 'created>%'
		AND money_effect = 'attempt';
	UPDATE paystate.lifecycle_transition SET money_effect = 'attempt', order_after = 'attempted'
	 WHERE lifecycle = 'razorpay_on_create' AND payment_event = 'new>created';
END
$$;
