"""The frontend's side of the protocol, as much of it as the programs of this
directory need: queries, COPY FROM STDIN, and parameters in binary form."""
import os
import socket
import struct


class Refused(Exception):
    """An ERROR or FATAL of the server."""

    def __init__(self, fields):
        self.code = fields.get('C', '')
        self.fatal = fields.get('V') in ('FATAL', 'PANIC')
        super().__init__('%s: %s' % (self.code, fields.get('M', '')))


class Gone(Exception):
    """The connection is no more."""


class Session:
    """A session as a superuser, over the server's socket in the directory host."""

    def __init__(self, host=None, port=None, user='postgres', database='postgres', timeout=60):
        host = host or os.environ['PGHOST']
        port = port or os.environ.get('PGPORT', '5432')
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(timeout)
        self.buffer = b''
        try:
            self.socket.connect('%s/.s.PGSQL.%s' % (host, port))
        except OSError as e:
            self.socket.close()
            raise Gone(str(e))
        text = 'user\0%s\0database\0%s\0client_encoding\0UTF8\0\0' % (user, database)
        body = struct.pack('!i', 196608) + text.encode()
        try:
            self.send(struct.pack('!i', len(body) + 4) + body)
            self.pid = None
            self.finish()
        except (Gone, Refused):
            self.close()
            raise

    def close(self):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError as e:
            raise Gone(str(e))

    def message(self, kind, body=b''):
        return kind + struct.pack('!i', len(body) + 4) + body

    def read(self, n):
        while len(self.buffer) < n:
            try:
                more = self.socket.recv(65536)
            except OSError as e:
                raise Gone(str(e))
            if not more:
                raise Gone('end of file')
            self.buffer += more
        result, self.buffer = self.buffer[:n], self.buffer[n:]
        return result

    def receive(self):
        kind, length = struct.unpack('!ci', self.read(5))
        return kind, self.read(length - 4)

    def finish(self):
        """Reads up to ReadyForQuery; rows, or the first error raised."""
        rows, error = [], None
        while True:
            kind, body = self.receive()
            if kind == b'Z':
                break
            if kind == b'E':
                fields = {part[:1].decode(): part[1:].decode('utf-8', 'replace')
                          for part in body.split(b'\0') if part}
                error = error or Refused(fields)
                if error.fatal:
                    raise error
            elif kind == b'D':
                rows.append(self.row(body))
            elif kind == b'K':
                self.pid = struct.unpack('!i', body[:4])[0]
        if error:
            raise error
        return rows

    @staticmethod
    def row(body):
        values, at = [], 2
        for _ in range(struct.unpack('!h', body[:2])[0]):
            length = struct.unpack('!i', body[at:at + 4])[0]
            at += 4
            if length < 0:
                values.append(None)
            else:
                values.append(body[at:at + length].decode('utf-8', 'replace'))
                at += length
        return values

    def query(self, sql):
        self.send(self.message(b'Q', sql.encode() + b'\0'))
        return self.finish()

    def value(self, sql):
        return self.query(sql)[0][0]

    def outcomes(self, requests):
        """Sends all at once; of each None, or the code of its error."""
        self.send(b''.join(requests))
        result = []
        for _ in requests:
            try:
                self.finish()
                result.append(None)
            except Refused as e:
                if e.fatal:
                    raise
                result.append(e.code)
        return result

    def pipeline(self, statements):
        """Sends all before it reads anything, up to one Sync: one transaction;
        the code of its error, or ''."""
        self.send(b''.join(self.message(b'P', b'\0' + sql.encode() + b'\0\0\0') +
                           self.message(b'B', b'\0' * 8) + self.message(b'E', b'\0' * 5)
                           for sql in statements) + self.message(b'S'))
        try:
            self.finish()
            return ''
        except Refused as e:
            return e.code

    def copy_request(self, sql, data):
        return (self.message(b'Q', sql.encode() + b'\0') + self.message(b'd', data) +
                self.message(b'c'))

    def binary_request(self, sql, parameters):
        """One statement whose parameters are in binary form; None is NULL."""
        bind = b'\0\0' + struct.pack('!hhh', 1, 1, len(parameters))
        for p in parameters:
            bind += struct.pack('!i', -1) if p is None else struct.pack('!i', len(p)) + p
        bind += struct.pack('!h', 0)
        return (self.message(b'P', b'\0' + sql.encode() + b'\0\0\0') +
                self.message(b'B', bind) +
                self.message(b'E', b'\0\0\0\0\0') + self.message(b'S'))
