"""A terminal emulator: what a reader sees after a program has written to it."""

import codecs
import os
import pty
import re
import subprocess

CONTROL = re.compile(r"\x1b\[\??([\d;]*)([A-Za-z])|\x1b\](.*?)\x07|([\r\n])|([^\x1b\r\n])", re.S)


class Screen:
    """Rows of text; reflow: whether a narrower width wraps lines again, as in many terminals."""

    def __init__(self, width, reflow):
        self.width, self.reflow = width, reflow
        self.rows, self.row, self.column, self.cursor = [""], 0, 0, True

    def write(self, text):
        """Write, and yield the text of each mark `ESC ] text BEL`."""
        for match in CONTROL.finditer(text):
            number, control, mark, move, char = match.groups()
            if mark is not None:
                yield mark
            elif char:
                self._put(char)
            elif move == "\r":
                self.column = 0
            elif move == "\n":
                self._down()
            elif control == "A":
                self.row = max(0, self.row - int(number or 1))
            elif control == "K":
                assert number == "2"
                self.rows[self.row] = ""
            elif control in "hl":
                assert number == "25"
                self.cursor = control == "h"
            else:
                assert control == "m", match

    def _down(self):
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append("")

    def _put(self, char):
        if self.column == self.width:
            self._down()
            self.column = 0
        row = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = row[: self.column] + char + row[self.column + 1 :]
        self.column += 1

    def resize(self, width):
        self.width = width
        if not self.reflow:
            self.column = min(self.column, width)
            return
        rows, row, column = [], 0, 0
        for i, text in enumerate(self.rows):
            text = text.rstrip()
            if i == self.row:
                row, column = len(rows) + self.column // (width + 1), self.column % (width + 1)
            rows += [text[at : at + width] for at in range(0, len(text), width)] or [""]
        rows += [""] * (row + 1 - len(rows))
        self.rows, self.row, self.column = rows, row, column

    def lines(self):
        """Return the rows that are not empty."""
        return [row.rstrip() for row in self.rows if row.strip()]


def output(command, env):
    """Run a command on a terminal and return what it writes."""
    ours, theirs = pty.openpty()
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    process = subprocess.Popen(command, env=env, start_new_session=True, **streams)
    os.close(theirs)
    decode = codecs.getincrementaldecoder("utf-8")().decode
    text = ""
    while True:
        try:
            data = os.read(ours, 2**16)
        except OSError:  # Linux raises it when the other end is closed
            break
        if not data:
            break
        text += decode(data)
    os.close(ours)
    assert process.wait() == 0, text
    return text
