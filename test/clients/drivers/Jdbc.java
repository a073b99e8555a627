// JDBC, PostgreSQL's own driver: see steps.txt.  PGHOST, PGPORT, PGDATABASE and
// PGUSER say where the tables are; the driver knows TCP alone, so that it gets
// a socket of ours.
import java.io.*;
import java.net.*;
import java.nio.channels.*;
import java.sql.*;
import java.util.*;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

public class Jdbc {
	enum OrderStatus {
		CREATED, PENDING, ATTEMPTED, AUTHORIZED, PARTIALLY_CAPTURED, PAID, PROCESSED, PARTIALLY_REFUNDED,
		FULLY_REFUNDED, CANCELLED, FAILED
	}

	enum PaymentStatus { CREATED, PENDING, AUTHORIZED, CAPTURED, PROCESSED, FAILED, CANCELLED, REFUNDED }

	/** For the driver's socketFactory: a socket that is a file, connected. */
	public static class Local extends javax.net.SocketFactory {
		final String path;

		public Local(String path) {
			this.path = path;
		}

		@Override public Socket createSocket() throws IOException {
			SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(path));
			return new Socket() {
				@Override public boolean isConnected() { return true; }
				@Override public InputStream getInputStream() { return Channels.newInputStream(channel); }
				@Override public OutputStream getOutputStream() { return Channels.newOutputStream(channel); }
				@Override public void setTcpNoDelay(boolean on) { }
				@Override public void setKeepAlive(boolean on) { }
				@Override public void setSoTimeout(int milliseconds) { }
				@Override public int getSoTimeout() { return 0; }
				@Override public int getSendBufferSize() { return 8192; }
				@Override public int getReceiveBufferSize() { return 8192; }
				@Override public void close() throws IOException { channel.close(); }
			};
		}

		@Override public Socket createSocket(String host, int port) throws IOException { return createSocket(); }
		@Override public Socket createSocket(String host, int port, InetAddress from, int at) throws IOException { return createSocket(); }
		@Override public Socket createSocket(InetAddress host, int port) throws IOException { return createSocket(); }
		@Override public Socket createSocket(InetAddress host, int port, InetAddress from, int at) throws IOException { return createSocket(); }
	}

	static Connection connection;
	static int passed, failed;

	// recipe begin
	/** None, or why it is refused. */
	static PSQLException move(String payment, PaymentStatus status) throws SQLException {
		connection.setAutoCommit(false);
		try (Statement s = connection.createStatement();
				PreparedStatement p = connection.prepareStatement("UPDATE payments SET status = ? WHERE id = ?")) {
			s.execute("SET LOCAL paystate.actor = 'shop'");
			p.setString(1, status.name().toLowerCase());	// assigned without a cast
			p.setString(2, payment);
			p.executeUpdate();
			connection.commit();
			return null;
		} catch (PSQLException e) {
			connection.rollback();
			if (!e.getSQLState().startsWith("23"))
				throw e;
			return e;	// getServerErrorMessage(): detail, hint, table, constraint
		} finally {
			connection.setAutoCommit(true);
		}
	}

	/** In a WHERE clause the type must be named, or the URL have stringtype=unspecified. */
	static final String BY_STATUS = "SELECT id FROM orders WHERE status = ?::paystate.order_status";
	// recipe end

	static void step(String name, Object got, Object wanted) {
		boolean same = Objects.equals(got, wanted);
		passed += same ? 1 : 0;
		failed += same ? 0 : 1;
		System.out.println((same ? "ok - " : "not ok - ") + name + (same ? "" : "\n    wanted: " + wanted + "\n    got:    " + got));
	}

	static Map<String, Object> get(String table, String id) throws SQLException {
		try (PreparedStatement p = connection.prepareStatement("SELECT * FROM " + table + " WHERE id = ?")) {
			p.setString(1, id);
			ResultSet r = p.executeQuery();
			Map<String, Object> row = new LinkedHashMap<>();
			r.next();
			for (int i = 1; i <= r.getMetaData().getColumnCount(); i++)
				row.put(r.getMetaData().getColumnName(i), r.getObject(i));
			return row;
		}
	}

	/** All columns, as Hibernate does it without @DynamicUpdate. */
	static void save(String table, Map<String, Object> row) throws SQLException {
		String set = String.join(", ", row.keySet().stream().map(c -> c + " = ?").toArray(String[]::new));
		try (PreparedStatement p = connection.prepareStatement("UPDATE " + table + " SET " + set + " WHERE id = ?")) {
			int i = 0;
			for (Object value : row.values())
				if (value == null)
					p.setNull(++i, Types.NULL);
				else
					p.setObject(++i, value);
			p.setObject(++i, row.get("id"));
			p.executeUpdate();
		}
	}

	static List<String> strings(String sql, String... parameters) throws SQLException {
		try (PreparedStatement p = connection.prepareStatement(sql)) {
			for (int i = 0; i < parameters.length; i++)
				p.setString(i + 1, parameters[i]);
			ResultSet r = p.executeQuery();
			List<String> all = new ArrayList<>();
			while (r.next())
				all.add(r.getString(1));
			return all;
		}
	}

	static String code(Map<String, Object> row) throws SQLException {
		try {
			save("orders", row);
			return "accepted";
		} catch (PSQLException e) {
			return e.getSQLState();
		}
	}

	static List<String> columns(String table) throws SQLException {
		ResultSet r = connection.getMetaData().getColumns(null, "public", table, "%");
		List<String> all = new ArrayList<>();
		while (r.next())
			all.add(r.getString("COLUMN_NAME") + (r.getString("COLUMN_NAME").equals("status") ? " " + r.getString("TYPE_NAME") : ""));
		return all;
	}

	public static void main(String[] none) throws SQLException {
		Map<String, String> env = System.getenv();
		connection = DriverManager.getConnection("jdbc:postgresql://localhost/" + env.get("PGDATABASE")
			+ "?socketFactory=Jdbc$Local&socketFactoryArg=" + env.get("PGHOST") + "/.s.PGSQL." + env.get("PGPORT")
			+ (env.containsKey("POOLED") ? "&prepareThreshold=0" : ""),
			env.get("PGUSER"), "");
		try (Statement s = connection.createStatement()) {
			s.execute("INSERT INTO orders (id, amount) VALUES ('order_1', 49900)");
			ResultSet r = s.executeQuery("INSERT INTO payments (id, order_id) VALUES ('pay_1', 'order_1') RETURNING *");
			r.next();
			step("insert: what is left out is filled in",
				List.of(r.getLong("amount"), r.getString("currency"), r.getString("status")), List.of(49900L, "INR", "created"));
		}
		Map<String, Object> stale = get("orders", "order_1");
		Object moved = move("pay_1", PaymentStatus.AUTHORIZED) == null && move("pay_1", PaymentStatus.CAPTURED) == null;
		Map<String, Object> order = get("orders", "order_1");
		step("move: the order follows its payment", List.of(moved, order.get("amount_paid")), List.of(true, 49900L));
		step("enum: a status is the client's own",
			List.of(OrderStatus.valueOf(order.get("status").toString().toUpperCase()),
				PaymentStatus.valueOf(get("payments", "pay_1").get("status").toString().toUpperCase())),
			List.of(OrderStatus.PAID, PaymentStatus.CAPTURED));
		step("where: rows are found by status", strings(BY_STATUS, "paid"), List.of("order_1"));
		save("orders", order);
		save("payments", get("payments", "pay_1"));
		Map<String, Object> saved = get("orders", "order_1");
		step("whole row: one that is unchanged is saved without a trace", saved, order);
		step("stale row: one that was overtaken is refused", code(stale), "23PS6");
		PSQLException refused = move("pay_1", PaymentStatus.CREATED);
		step("refusal: it is the client's integrity error", refused != null, true);
		ServerErrorMessage said = refused.getServerErrorMessage();
		step("fields: it says code, message, detail, hint, table and constraint",
			List.of(refused.getSQLState(), said.getMessage(), said.getDetail(), said.getHint(), said.getTable(), said.getConstraint()),
			List.of("23PS1", "update on table \"payments\" violates life cycle \"razorpay\"",
				"Payment \"pay_1\" of order \"order_1\" cannot move from \"captured\" to \"created\".",
				"Allowed: refunded, a refund.", "payments", "paystate_transition"));
		step("afterwards: nothing was written, and the connection is good",
			List.of(get("orders", "order_1"), get("payments", "pay_1").get("status").toString()), List.of(saved, "captured"));
		step("actor: a transaction says who", strings("SELECT actor FROM order_history WHERE payment_to = 'captured'"), List.of("shop"));
		step("introspection: the tables are as they are", List.of(columns("orders"), columns("payments")), List.of(
			List.of(("id lifecycle amount amount_paid amount_due amount_authorized amount_pending amount_refunded currency receipt"
				+ " offer_id partial_payment first_payment_min_amount notes status\0\"paystate\".\"order_status\" attempts payments_open"
				+ " version status_since changed_at created_at").split(" ")).stream().map(c -> c.replace('\0', ' ')).toList(),
			List.of(("id order_id amount amount_captured amount_refunded refund_pending currency status\0\"paystate\".\"payment_status\""
				+ " status_since created_at").split(" ")).stream().map(c -> c.replace('\0', ' ')).toList()));
		System.out.println(passed + " passed, " + failed + " failed");
		System.exit(failed == 0 ? 0 : 1);
	}
}
