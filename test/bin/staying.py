"""A psql that stays, so that what follows finds its plans made."""
import subprocess

MARK = '== done =='


class Ended(SystemExit):
    """psql ended before it had said all."""


class Psql:
    """The arguments are psql's own, those by name subprocess.Popen's."""

    def __init__(self, *arguments, **how):
        self.psql = subprocess.Popen(['psql', '-qXAt', *arguments], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, encoding='utf-8', **how)

    def tell(self, text):
        """Without waiting for what it says to it: see answer()."""
        try:
            self.psql.stdin.write('%s\n\\echo %s\n' % (text, MARK))
            self.psql.stdin.flush()
        except BrokenPipeError:
            pass                    # answer() says so

    def answer(self):
        """The lines that it printed."""
        lines = []
        for line in self.psql.stdout:
            line = line.rstrip('\n')
            if line == MARK:
                return lines
            lines.append(line)
        raise Ended('psql ended: ' + '\n'.join(lines))

    def ask(self, text):
        self.tell(text)
        return self.answer()

    def close(self):
        self.psql.stdin.close()
        self.psql.wait(timeout=60)
