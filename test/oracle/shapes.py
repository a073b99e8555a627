"""Operations as SQL: the shapes in which a statement may reach the tables.

An operation is (shape, rows), rows as world.py has them, or ('savepoint',
operations).  Keys within a history are small numbers; Keys makes those of the
tables from them, in the same order.
"""

TABLES = {'o': 'orders', 'p': 'payments', 'r': 'refunds'}
KEY_COLUMNS = ('order_id', 'payment_id')


class Keys:
    """Keys of one of the three types, apart for each history."""

    def __init__(self, kind, base):
        self.kind = kind
        self.base = base

    def __call__(self, number):
        n = self.base + number
        if self.kind == 'bigint':
            return str(1000000000 + n)
        if self.kind == 'uuid':
            return '00000000-0000-4000-8000-%012x' % n
        return 'k%011d' % n


class Types:
    """The types of the tables at hand."""

    def __init__(self, key, own):
        self.key = key
        of = {'o': 'paystate.order_status', 'p': 'paystate.payment_status',
              'r': 'paystate.refund_status'}
        self.status = {k: 'text' if own else of[k] for k in of}

    def fill(self, text):
        for word, kind in (('OSTATUS', self.status['o']), ('PSTATUS', self.status['p']),
                           ('RSTATUS', self.status['r']), ('KEYTYPE', self.key)):
            text = text.replace(word, kind)
        return text

    def of(self, table, column):
        if column in KEY_COLUMNS or column == 'id':
            return self.key
        if column == 'status':
            return self.status[table]
        if column in ('attempts', 'payments_open', 'version'):
            return 'integer'
        return {'partial_payment': 'boolean', 'notes': 'jsonb', 'lifecycle': 'text',
                'currency': 'text', 'receipt': 'text'}.get(column, 'bigint')


def literal(value):
    if value is None:
        return 'NULL'
    if value is True or value is False:
        return 'true' if value else 'false'
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("'", "''") + "'"


class Renderer:
    def __init__(self, types, directory):
        self.types = types
        self.directory = directory
        self.files = 0

    def columns(self, row, keys):
        """(column, value) of a row to be inserted, keys made."""
        return [('id', keys(row[1]))] + [
            (c, keys(v) if c in KEY_COLUMNS and v is not None else v)
            for c, v in row[2].items()]

    def sets(self, columns, keys):
        return ', '.join(
            '%s = %s' % (c, literal(keys(v) if c in KEY_COLUMNS and v is not None else v))
            for c, v in columns.items())

    def insert(self, rows, keys):
        table = TABLES[rows[0][0][0]]
        pairs = [self.columns(row, keys) for row in rows]
        text = 'INSERT INTO %s (%s) VALUES %s' % (
            table, ', '.join(c for c, _ in pairs[0]), ', '.join(
                '(%s)' % ', '.join(literal(v) for _, v in pair) for pair in pairs))
        if rows[0][0] == 'pi' and rows[0][3] == 'nothing':
            text += ' ON CONFLICT DO NOTHING'
        elif rows[0][0] == 'pi' and rows[0][3] is not None:
            text += ' ON CONFLICT (id) DO UPDATE SET ' + self.sets(rows[0][3], keys)
        return text

    def plain(self, rows, keys):
        row = rows[0]
        if row[0][1] == 'i':
            return self.insert(rows, keys)
        where = "id = '%s'" % keys(row[1])
        if len(rows) > 1:
            where = 'id IN (%s)' % ', '.join("'%s'" % keys(r[1]) for r in rows)
        if row[0][1] == 'd':
            return 'DELETE FROM %s WHERE %s' % (TABLES[row[0][0]], where)
        return 'UPDATE %s SET %s WHERE %s' % (
            TABLES[row[0][0]], self.sets(row[2], keys), where)

    def copy(self, rows, keys):
        pairs = [self.columns(row, keys) for row in rows]
        self.files += 1
        name = '%s/%d' % (self.directory, self.files)
        with open(name, 'w', encoding='utf-8') as f:
            for pair in pairs:
                f.write('\t'.join('\\N' if v is None else literal(v).strip("'")
                                  for _, v in pair) + '\n')
        return "COPY %s (%s) FROM '%s'" % (
            TABLES[rows[0][0][0]], ', '.join(c for c, _ in pairs[0]), name)

    def merge(self, rows, keys):
        row = rows[0]
        table = row[0][0]
        text = "MERGE INTO %s AS t USING (SELECT '%s'::%s AS id) AS s ON t.id = s.id" % (
            TABLES[table], keys(row[1]), self.types.key)
        if row[0][1] == 'u':
            return text + ' WHEN MATCHED THEN UPDATE SET ' + self.sets(row[2], keys)
        if row[0][1] == 'd':
            return text + ' WHEN MATCHED THEN DELETE'
        if row[3] == 'nothing':
            text += ' WHEN MATCHED THEN DO NOTHING'
        else:
            text += ' WHEN MATCHED THEN UPDATE SET ' + self.sets(row[3], keys)
        pairs = self.columns(row, keys)
        return text + ' WHEN NOT MATCHED THEN INSERT (%s) VALUES (%s)' % (
            ', '.join(c for c, _ in pairs), ', '.join(literal(v) for _, v in pairs))

    def cte(self, rows, keys):
        """The second runs after the first, for it asks for its rows."""
        first = self.plain(rows[:1], keys)
        row = rows[1]
        after = '(SELECT count(*) FROM a) >= 0'
        if row[0][1] == 'i':
            pairs = self.columns(row, keys)
            second = 'INSERT INTO %s (%s) SELECT %s WHERE %s' % (
                TABLES[row[0][0]], ', '.join(c for c, _ in pairs), ', '.join(
                    '%s::%s' % (literal(v), self.types.of(row[0][0], c))
                    for c, v in pairs), after)
        else:
            second = self.plain(rows[1:], keys) + ' AND ' + after
        return 'WITH a AS (%s RETURNING id), b AS (%s RETURNING id) SELECT count(*) FROM b' % (
            first, second)

    def prepared(self, rows, keys):
        row = rows[0]
        given = row[2]
        if row[0] == 'pu':
            return "EXECUTE pay('%s', %s)" % (keys(row[1]), literal(given['status']))
        if row[0] == 'ou':
            return "EXECUTE move_order('%s', %s)" % (keys(row[1]), literal(given['status']))
        if row[0] == 'pi':
            return "EXECUTE add_payment('%s', '%s', %s)" % (
                keys(row[1]), keys(given['order_id']), literal(given['amount']))
        return "EXECUTE add_refund('%s', '%s', %s, %s)" % (
            keys(row[1]), keys(given['payment_id']), literal(given['amount']),
            literal(given['status']))

    def text(self, operation, keys):
        shape, rows = operation
        return getattr(self, shape)(rows, keys)

    def line(self, operation, keys):
        """Kind and arguments as server.sql's run() takes them."""
        shape, rows = operation
        if shape == 'savepoint':
            return ['V', None, None, None, None, [self.text(op, keys) for op in rows]]
        if shape == 'cursor':
            return ['K', keys(rows[0][1]), rows[0][2]['status'], None, None, None]
        if shape == 'static':
            return static(rows[0], keys) + [None]
        return ['X', None, None, None, None, [self.text(operation, keys)]]


STATIC = {
    'oi': ('lifecycle', 'amount', 'partial_payment'),
    'pi': ('order_id', 'amount'),
    'ri': ('payment_id', 'amount', 'status'),
}


def has_static(row):
    """Is there a statement in run() for this row?"""
    columns = tuple(row[2]) if len(row) > 2 else ()
    if row[0] == 'pi' and row[3] is not None:
        return False
    if row[0] in STATIC:
        return columns == STATIC[row[0]] and (row[0] == 'oi' or row[2][columns[0]] is not None)
    return columns == ('status',) or (row[0] == 'pu'
                                      and columns == ('status', 'amount_captured'))


def static(row, keys):
    kind, given = row[0], row[2]
    key = keys(row[1])
    if kind == 'oi':
        return ['O', key, given['lifecycle'], given['amount'],
                't' if given['partial_payment'] else 'f']
    if kind == 'pi':
        return ['P', key, keys(given['order_id']), given['amount'], None]
    if kind == 'ri':
        return ['R', key, keys(given['payment_id']), given['amount'], given['status']]
    if kind == 'pu' and len(given) == 2:
        return ['C', key, given['status'], given['amount_captured'], None]
    return [{'ou': 'U', 'pu': 'S', 'ru': 'T'}[kind], key, given['status'], None, None]
