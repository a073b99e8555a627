-- What check_guards() finds, where orders, payments and history are partitioned.
\set partitioned on
\set all_partitioned true
\ir check_guards.sql
