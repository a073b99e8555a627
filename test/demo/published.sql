-- At the end of a story: does the order say what the gateway's sample says?
-- Wants :order and :sample, a JSON object.
\set ECHO none
SELECT to_jsonb(o) @> :'sample' AS as_published FROM orders o WHERE id = :'order' \gset
\if :as_published
	\echo '   as the gateway published it:' :sample
	\echo
\else
	\echo '*** this is not what the gateway published'
\endif
\set ECHO queries
