# paystate: order and payment life cycles, enforced in the database
#
#   make demo      replay real gateway histories on a private server
#   make test      every test, on two private servers at once
#   make test-clients  drivers, ORMs, webhooks and a board, really run;
#                  EVENTS=100000 for as many events over 8 connections
#   make oracle    N=100000 random histories against a model; SEED= to repeat
#   make oracle-exhaustive  every history to DEPTH=5 against the same model
#   make export-compare  guards in C and those of export_sql(), N=20000 random
#                  statements of each life cycle; SEED= to repeat
#   make races     pairs of operations in two transactions, 15984 permutations;
#                  EVERY=20 takes every 20th
#   make soak      eight clients on ten orders for a minute (N=3600: an hour),
#                  totals compared by a reader meanwhile and in the end
#   make crash     kills the server under load, 200 times (N=5) and fills a disk
#   make valgrind  the regression suite under valgrind; FILES="basics mapped"
#   make sanitize  sanitizers and a server with assertions; KINDS=rooms, or
#                  "rooms cassert asan"; servers are kept in PAYSTATE_CACHE
#   make fuzz      ten million inputs (N=300000) for the decision and the parsers
#   make sqlsmith  100,000 random queries (N=5000)
#   make coverage  which lines and branches of the C the fast suite reaches;
#                  fails beneath all lines or 95 % of branches, and names the rest
#   make mutants   would the tests notice wrong C?  N=10 takes ten at random
#   make static    the C under four checkers, the script against rules
#   make versions  the suite on other versions, in roots of their own;
#                  VERSIONS="17 18 19", STRICT=1, PAYSTATE_ROOTS=directory
#   make test-all  all of these, in the size of a release: see test/bin/long
#   make bench     paystate against its rivals, the table of README.md: some 20 minutes
#   make bench-readme  puts what was measured into README.md
#   make bench-history N=1000000  analysts' questions, as ratios to plain SQL
#   make pictures  draw the life cycles into doc/pictures anew
#   make           build; then "make install", "make installcheck" as usual
#   make sharded   the pgTAP files with all tables in sixteen hash partitions
#   make citus-check  a shop over three nodes, where a server with Citus is
#   make deb       Debian packages of the last commit, beside the tree's directory
#   make package-check  the last commit's package in a bare Debian: built, installed,
#                  tested, purged; PACKAGES="15 17 18", PAYSTATE_ROOTS as above
#   make deps      install (as root) or name what the above need
#
# demo and test need nothing installed beforehand on Debian and touch no
# existing cluster.  PG_CONFIG chooses among several installations.

EXTENSION = paystate
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" $(EXTENSION).control)
MODULE_big = $(EXTENSION)

# The rooms, each using only those before it.  The SQL rooms become the
# extension's script in this order.
C_ROOMS = paystate memory report spelling status currency atoms terms rules \
	advance forcing late compile compile_rules lifecycle columns canonical arguments cell words family binding guard entries level pending seen near waiting row direct \
	general_sql own general notify history transition \
	prove_steps prove_search prove_words prove_terms prove settle judged trigger hint explain fill \
	fill_payments late_payment merchant guard_orders guard_payments \
	guard_refunds guard_history stays visits asking trying tables \
	book_tables book_sql book_rows book order_key asof replay_words replay_begin replay replay_order \
	derive retention findings verify_chain verify repair force counterpart migrate check_guards signature
SQL_ROOMS = prologue status currency lifecycle gateways pictures words guard prove definition define merchant json flow stays visits views asking guarding inbox tables asof verify force migrate check_guards \
	attach_check attach_shape attach_fill attach_data attach_guards attach_history attach attach_public expire \
	signature events_words events_razorpay events_paykun events_plural events_tables events_payment \
	events_refund events_order events \
	export_rules export_tables export_decision export_words export_settle export_orders export_payments export privileges

OBJS = $(C_ROOMS:%=src/%.o)
DATA_built = $(EXTENSION)--$(EXTVERSION).sql
# what has been released, as it was, and the steps between; the version in
# hand is built, also when it is released already
DATA = $(filter-out src/update/$(DATA_built),$(wildcard src/update/$(EXTENSION)--*.sql))

DOCS = README.md $(sort $(wildcard doc/*.md))

# the three exceptions are what the server's own headers and macros need
PG_CFLAGS = -Wall -Wextra -Werror -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers

REGRESS_OPTS = --load-extension=$(EXTENSION)
REGRESS = $(sort $(basename $(notdir $(wildcard sql/*.sql))))
ISOLATION = $(sort $(basename $(notdir $(wildcard test/isolation/specs/*.spec))))
ISOLATION_OPTS = --inputdir=test/isolation --outputdir=output_iso \
	--load-extension=$(EXTENSION)

EXTRA_CLEAN = bench.out bench.out.json bench-history.out bench-history.table output_iso src/*.bc $(EXTENSION)-$(EXTVERSION).zip

# nothing of ours is worth inlining by JIT, and clang would build it all again
override with_llvm = no

PG_CONFIG ?= pg_config
# Debian's psql brings PGXS, the headers come apart from it: both or nothing
PGXS := $(if $(wildcard $(shell $(PG_CONFIG) --includedir-server 2>/dev/null)/postgres.h),$(wildcard $(shell $(PG_CONFIG) --pgxs)))

ifneq ($(PGXS),)
include $(PGXS)

# a room of our own: others have pages of these names, too
docmoduledir = $(EXTENSION)

# PGXS looks for what it installed flat under the names that the tree has
uninstall: uninstall-docs
uninstall-docs:
	rm -f $(addprefix '$(DESTDIR)$(docdir)/$(docmoduledir)'/, $(notdir $(DOCS)))

$(OBJS): $(wildcard src/*.h) Makefile

$(DATA_built): $(SQL_ROOMS:%=src/%.sql) Makefile $(EXTENSION).control
	cat $(SQL_ROOMS:%=$(srcdir)/src/%.sql) > $@
else
all install installcheck clean:
	@echo "PostgreSQL's build files are not installed: run \"make deps\"" >&2; exit 1
endif

export PG_CONFIG

# A sub-make, because the first one may have been read before there was PGXS.
demo: deps
	@$(MAKE) --no-print-directory -s all
	@test/bin/with-server test/demo/run

test: deps
	@$(MAKE) --no-print-directory -s all
	@test/bin/all-tests

EVENTS ?= 3000
test-clients: deps
	@test/bin/deps clients
	@$(MAKE) --no-print-directory -s all
	@test/bin/with-server test/clients/all $(EVENTS)

# what N= says, else $(1)
size = $(if $(filter file,$(origin N)),$(1),$(N))

soak: deps
	@$(MAKE) --no-print-directory -s all
	@test/bin/with-server test/stress/soak -s $(call size,60)

twice: deps
	@$(MAKE) --no-print-directory -s all
	@test/bin/with-server test/stress/twice -n $(call size,100000)

crash: deps
	@$(MAKE) --no-print-directory -s all
	@test/faults/crash $(call size,200)

FILES ?=
valgrind: deps
	@$(MAKE) --no-print-directory -s all
	@test/bin/with-server test/faults/valgrind $(FILES)

sanitize: deps
	@test/bin/deps faults
	@test/faults/sanitize $(KINDS)

fuzz: deps
	@test/bin/deps faults
	@$(MAKE) --no-print-directory -s all
	@test/faults/fuzz $(call size,10000000)

sqlsmith: deps
	@test/bin/deps faults
	@$(MAKE) --no-print-directory -s all
	@test/bin/with-server -c log_error_verbosity=verbose -c track_functions=all \
		test/faults/sqlsmith $(call size,100000)

# about 2 ms a history
SEED ?=
oracle: deps
	@$(MAKE) --no-print-directory -s all
	@test/bin/with-server test/oracle/oracle $(if $(SEED),-s $(SEED)) \
		$(call size,100000)

DEPTH ?= 5
oracle-exhaustive: deps
	@$(MAKE) --no-print-directory -s all
	@test/bin/with-server test/oracle/exhaustive $(DEPTH)

export-compare: deps
	@$(MAKE) --no-print-directory -s all
	@test/bin/with-server test/export/compare $(if $(SEED),-s $(SEED)) \
		$(call size,20000)

EVERY ?= 1
races: deps
	@$(MAKE) --no-print-directory -s all
	@test/bin/with-server test/races/races -e $(EVERY)

# KINDS="regress pgtap" measures those alone, KINDS=rooms the rooms of the
# decision by what reaches them
KINDS ?=
coverage: deps
	@test/coverage/measure -o coverage.txt $(KINDS)

# each builds a copy of its own
mutants: deps
	@$(MAKE) --no-print-directory -s all
	@test/mutants/kill -n $(N)

static: deps
	@$(MAKE) --no-print-directory -s all
	@test/static/all

# root and an archive are what it needs; it says what it could not try
VERSIONS ?=
versions:
	@test/bin/deps versions || true
	@test/versions/all $(VERSIONS)

test-all:
	@test/bin/long full $(RUNS)

# the same settings for all rivals; a checkpoint or autovacuum would hit one
BENCH_SERVER = test/bin/with-server -c max_wal_size=4GB -c checkpoint_timeout=1h \
	-c shared_buffers=512MB -c autovacuum=off

N ?= 1000000
bench-history: deps
	@$(MAKE) --no-print-directory -s all
	@$(BENCH_SERVER) test/bench/history $(N) >bench-history.out; \
		status=$$?; cat bench-history.out; exit $$status

# larger: make bench BENCH="--orders 1000000 --growth 10000000 --history 2400000",
# an hour and 25 GB of disk; some parts: BENCH="--only hot,written"
BENCH ?=
bench: deps
	@$(MAKE) --no-print-directory -s all
	@$(BENCH_SERVER) test/bench/compare --save bench.out $(BENCH)

# what the last runs of these two printed, into README.md
bench-readme:
	@test ! -e bench.out || test/bench/table.py 'make bench' bench.out
	@test ! -e bench-history.out || { \
		sed -n '/^| question/,/^$$/p' bench-history.out >bench-history.table && \
		test/bench/table.py 'make bench-history' bench-history.table; }

pictures: deps
	@$(MAKE) --no-print-directory -s all
	@test/bin/with-server doc/pictures/draw

deps:
	@test/bin/deps

# at a release: from then on this script stays as it is
freeze: all
	@test ! -e src/update/$(DATA_built) || { echo "$(EXTVERSION) is released already" >&2; exit 1; }
	cp $(DATA_built) src/update/

dist:
	git archive --format=zip --prefix=$(EXTENSION)-$(EXTVERSION)/ \
		--output=$(EXTENSION)-$(EXTVERSION).zip HEAD

sharded: deps
	@$(MAKE) --no-print-directory -s all
	@test/bin/with-server test/shards/suite $(FILES)

citus-check: deps
	@$(MAKE) --no-print-directory -s all
	@test/citus/check
.PHONY: twice static versions test-all citus-check sharded

# needs dpkg-dev, debhelper and postgresql-server-dev-all
DEB ?= $(abspath ..)
deb:
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && mkdir "$$dir/paystate" && \
		git archive HEAD | tar -C "$$dir/paystate" -xf - && \
		(cd "$$dir/paystate" && dpkg-buildpackage -b -us -uc) && \
		cp "$$dir"/*.deb '$(DEB)'

PACKAGES ?=
package-check:
	@test/bin/deps versions || true
	@test/package/check $(PACKAGES)

# a script cut short by a missing room must not look newer than its rooms
.DELETE_ON_ERROR:

.PHONY: oracle oracle-exhaustive races coverage mutants demo test test-clients soak bench bench-history bench-readme pictures deps freeze dist uninstall-docs
.PHONY: deb package-check
.PHONY: crash valgrind sanitize fuzz sqlsmith
