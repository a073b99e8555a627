#!/usr/bin/perl
# DBD::Pg: see steps.txt.  PGDATABASE has the tables.
use strict;
use warnings;

use DBI;
use JSON::PP;

my $json = JSON::PP->new->canonical;
my ($passed, $failed) = (0, 0);

my $dbh = DBI->connect('dbi:Pg:', '', '', { RaiseError => 1, PrintError => 0, AutoCommit => 1 });
$dbh->{pg_server_prepare} = 0 if $ENV{POOLED};

# recipe begin
# Nothing, or why it is refused.
sub move {
	my ($payment, $status) = @_;
	# it lives as long as its error is asked about
	my $update = $dbh->prepare('UPDATE payments SET status = ? WHERE id = ?');
	eval {
		$dbh->begin_work;
		$dbh->do("SET LOCAL paystate.actor = 'shop'");
		$update->execute($status, $payment);
		$dbh->commit;
		1;
	} and return;
	# each name as a copy, for the method changes its argument
	my %refusal = (state => $dbh->state,
		map { $_ => $dbh->pg_error_field("$_") } qw(message_primary message_detail message_hint table_name constraint_name));
	my $error = $@;
	$dbh->rollback;
	die $error unless $refusal{state} =~ /^23/;		# not an integrity constraint
	return \%refusal;
}
# recipe end

sub step {
	my ($name, $got, $wanted) = @_;
	my ($g, $w) = map { $json->encode([$_]) } $got, $wanted;
	if ($g eq $w) {
		$passed++;
		print "ok - $name\n";
	} else {
		$failed++;
		print "not ok - $name\n    wanted: $w\n    got:    $g\n";
	}
}

sub get {
	my ($table, $id) = @_;
	my $row = $dbh->selectrow_hashref("SELECT * FROM $table WHERE id = ?", undef, $id);
	return { map { $_ => defined $row->{$_} ? "$row->{$_}" : undef } keys %$row };
}

sub save {
	my ($table, $row) = @_;
	my @names = sort keys %$row;
	$dbh->do("UPDATE $table SET " . join(', ', map { "$_ = ?" } @names) . ' WHERE id = ?', undef, @$row{@names}, $row->{id});
}

sub columns { [map { $_->{COLUMN_NAME} } @{ $dbh->column_info(undef, 'public', shift, '%')->fetchall_arrayref({}) }] }

$dbh->do("INSERT INTO orders (id, amount) VALUES ('order_1', 49900)");
my $new = $dbh->selectrow_arrayref("INSERT INTO payments (id, order_id) VALUES ('pay_1', 'order_1') RETURNING amount::text, currency, status");
step('insert: what is left out is filled in', $new, ['49900', 'INR', 'created']);
my $stale = get('orders', 'order_1');
my @moved = (move('pay_1', 'authorized'), move('pay_1', 'captured'));
my $order = get('orders', 'order_1');
step('move: the order follows its payment', [scalar @moved, $order->{amount_paid}], [0, '49900']);
step("enum: a status is the client's own", [$order->{status}, get('payments', 'pay_1')->{status}], ['paid', 'captured']);
step('where: rows are found by status', $dbh->selectcol_arrayref('SELECT id FROM orders WHERE status = ?', undef, 'paid'), ['order_1']);
save('orders', { %$order, notes => '{"gift": "yes"}' });
save('payments', get('payments', 'pay_1'));
my $saved = get('orders', 'order_1');
step('whole row: one that is unchanged is saved without a trace', $saved, { %$order, notes => '{"gift": "yes"}' });
eval { save('orders', $stale) };
step('stale row: one that was overtaken is refused', $dbh->state, '23PS6');
my $refused = move('pay_1', 'created');
step("refusal: it is the client's integrity error", ref $refused, 'HASH');
step('fields: it says code, message, detail, hint, table and constraint',
	[@$refused{qw(state message_primary message_detail message_hint table_name constraint_name)}],
	['23PS1', 'update on table "payments" violates life cycle "razorpay"',
		'Payment "pay_1" of order "order_1" cannot move from "captured" to "created".', 'Allowed: refunded, a refund.',
		'payments', 'paystate_transition']);
step('afterwards: nothing was written, and the connection is good',
	[get('orders', 'order_1'), get('payments', 'pay_1')->{status}], [$saved, 'captured']);
step('actor: a transaction says who', $dbh->selectcol_arrayref("SELECT actor FROM order_history WHERE payment_to = 'captured'"), ['shop']);
my ($status) = @{ $dbh->column_info(undef, 'public', 'orders', 'status')->fetchall_arrayref({}) };
step('introspection: the tables are as they are', [columns('orders'), columns('payments'), $status->{pg_enum_values}],
	[[qw(id lifecycle amount amount_paid amount_due amount_authorized amount_pending amount_refunded currency receipt offer_id
		partial_payment first_payment_min_amount notes status attempts payments_open version status_since changed_at created_at)],
	 [qw(id order_id amount amount_captured amount_refunded refund_pending currency status status_since created_at)],
	 [qw(created pending attempted authorized partially_captured paid processed partially_refunded fully_refunded cancelled failed)]]);
$dbh->disconnect;
print "$passed passed, $failed failed\n";
exit($failed ? 1 : 0);
