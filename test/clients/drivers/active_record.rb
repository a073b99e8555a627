# ActiveRecord: see steps.txt.  PGDATABASE has the tables.
require 'active_record'
require 'stringio'

ActiveRecord::Base.establish_connection(adapter: 'postgresql', host: ENV['PGHOST'], port: ENV['PGPORT'],
                                        username: ENV['PGUSER'], database: ENV['PGDATABASE'],
                                        prepared_statements: !ENV['POOLED'])

# recipe begin
class Order < ActiveRecord::Base
  self.record_timestamps = false          # created_at is the table's default
  has_many :payments
  enum status: %w[created pending attempted authorized partially_captured paid processed partially_refunded
                  fully_refunded cancelled failed].to_h { |s| [s, s] }, _suffix: true
end

class Payment < ActiveRecord::Base
  self.record_timestamps = false
  belongs_to :order
  enum status: %w[created pending authorized captured processed failed cancelled refunded].to_h { |s| [s, s] }, _suffix: true
end

# nil, or why it is refused
def move(id, status)
  Payment.transaction do
    Payment.connection.execute("SET LOCAL paystate.actor = 'shop'")
    Payment.lock.find(id).update!(status: status)
  end
  nil
rescue ActiveRecord::StatementInvalid => e
  raise unless e.cause.is_a?(PG::IntegrityConstraintViolation)
  e.cause.result                          # error_field(PG::Result::PG_DIAG_...)
end
# recipe end

ORDERS = %w[id lifecycle amount amount_paid amount_due amount_authorized amount_pending amount_refunded currency receipt
            offer_id partial_payment first_payment_min_amount notes status attempts payments_open version status_since
            changed_at created_at].freeze
PAYMENTS = %w[id order_id amount amount_captured amount_refunded refund_pending currency status status_since created_at].freeze
$passed = $failed = 0

def step(name, got, wanted = true)
  if got == wanted
    $passed += 1
    puts "ok - #{name}"
  else
    $failed += 1
    puts "not ok - #{name}\n    wanted: #{wanted.inspect}\n    got:    #{got.inspect}"
  end
end

# every column is written, changed or not
def save_whole(row)
  row.class.attribute_names.each { |name| row.send(:attribute_will_change!, name) unless name == 'id' }
  row.save!
end

Order.create!(id: 'order_1', amount: 49_900)
Payment.create!(id: 'pay_1', order_id: 'order_1')
made = Payment.find('pay_1')
step('insert: what is left out is filled in', [made.amount, made.currency, made.status], [49_900, 'INR', 'created'])
stale = Order.find('order_1')
moved = [move('pay_1', 'authorized'), move('pay_1', 'captured')]
order = Order.find('order_1')
step('move: the order follows its payment', [moved, order.amount_paid], [[nil, nil], 49_900])
step("enum: a status is the client's own", [order.paid_status?, Payment.find('pay_1').captured_status?], [true, true])
step('where: rows are found by status', Order.paid_status.pluck(:id), ['order_1'])
before = order.attributes
order.notes = { 'gift' => 'yes' }
save_whole(order)
save_whole(Payment.find('pay_1'))
saved = Order.find('order_1').attributes
step('whole row: one that is unchanged is saved without a trace', saved, before.merge('notes' => { 'gift' => 'yes' }))
code = begin
  save_whole(stale)
  'accepted'
rescue ActiveRecord::StatementInvalid => e
  e.cause.result.error_field(PG::Result::PG_DIAG_SQLSTATE)
end
step('stale row: one that was overtaken is refused', code, '23PS6')
refused = move('pay_1', 'created')
step("refusal: it is the client's integrity error", !refused.nil?)
fields = [PG::Result::PG_DIAG_SQLSTATE, PG::Result::PG_DIAG_MESSAGE_PRIMARY, PG::Result::PG_DIAG_MESSAGE_DETAIL,
          PG::Result::PG_DIAG_MESSAGE_HINT, PG::Result::PG_DIAG_TABLE_NAME, PG::Result::PG_DIAG_CONSTRAINT_NAME]
step('fields: it says code, message, detail, hint, table and constraint', fields.map { |f| refused.error_field(f) },
     ['23PS1', 'update on table "payments" violates life cycle "razorpay"',
      'Payment "pay_1" of order "order_1" cannot move from "captured" to "created".', 'Allowed: refunded, a refund.',
      'payments', 'paystate_transition'])
step('afterwards: nothing was written, and the connection is good',
     [Order.find('order_1').attributes, Payment.find('pay_1').status], [saved, 'captured'])
step('actor: a transaction says who',
     Order.connection.select_values("SELECT actor FROM order_history WHERE payment_to = 'captured'"), ['shop'])
# schema.rb of this version knows no enums; config.active_record.schema_format = :sql does
dumped = `pg_dump --schema-only --no-owner #{ENV.fetch("PGDATABASE")}`
schema = StringIO.new
ActiveRecord::SchemaDumper.dump(ActiveRecord::Base.connection, schema)
step('introspection: the tables are as they are',
     [Order.column_names, Payment.column_names, Order.columns_hash['status'].sql_type,
      schema.string.include?('enable_extension "paystate"'), dumped.match?(/CREATE TRIGGER .* EXECUTE FUNCTION paystate.guard_payments/)],
     [ORDERS, PAYMENTS, 'paystate.order_status', true, true])
puts "#{$passed} passed, #{$failed} failed"
exit($failed.zero? ? 0 : 1)
