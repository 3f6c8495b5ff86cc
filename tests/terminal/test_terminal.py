"""The display on a real terminal keeps every line whole while the width changes."""

import os
import re
import sys

import pytest

from tests.terminal.screen import Screen, output

WIDTHS = (120, 80, 40, 200, 40)

PROGRAM = f"""
import fcntl, os, struct, sys, termios, time, warnings
from collections import Counter
from grokjax.cli.exit_codes import print_warning
from grokjax.training.progress import Progress
from grokjax.training.progress_counts import ProgressCounts

warnings.showwarning = print_warning

def resize(width):
    os.write(2, b"\\x1b]%d\\x07" % width)
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))

resize({WIDTHS[0]})
counts = ProgressCounts(64, running=4, memorised=3)
with Progress() as progress:
    progress.print_line("compiling for 64 members ...")
    for i, width in enumerate({WIDTHS}):
        resize(width)
        counts.rounds, counts.epochs = i, 80 * i
        counts.ended = Counter({{"grokked": 10 * i, "not memorised": i}})
        counts.remaining_epochs = 800 if i else None
        progress.update(counts)
        warnings.warn(f"warning {{i}} is about a file in which a part of the results is missing")
        print(f"line {{i}} on stdout")
        if progress._display:
            progress._display.refresh()
        os.write(2, b"\\x1b]look\\x07")
    progress.update(counts, last=True)
print("the end")
"""


@pytest.fixture(scope="module", params=["", "NO_COLOR"])
def written(request):
    env = os.environ | {
        "TERM": "xterm-256color",
        "COLORTERM": "",
        "COLUMNS": "",
        request.param: "1",
    }
    env.pop("", None)
    return output([sys.executable, "-c", PROGRAM], env)


@pytest.mark.parametrize("reflow", [False, True])
def test_every_line_is_whole_at_any_width(written, reflow):
    screen, looks = Screen(WIDTHS[0], reflow), []
    for mark in screen.write(written):
        if mark == "look":
            looks.append((screen.width, screen.lines()))
            assert screen.cursor, "one that is killed leaves it as it is"
        else:
            screen.resize(int(mark))
    assert len(looks) == len(WIDTHS)
    for i, (width, lines) in enumerate(looks):
        known = ", ".join(f"{n} {word}" for n, word in ((10 * i, "grokked"), (i, "not memorised")))
        counts = [
            "0/64 members ended" if i == 0 else f"{11 * i}/64 members ended: {known}",
            f"4 running (3 memorised), {60 - 11 * i} pending",
            f"round {i}, {80 * i} epochs",
        ]
        last = " ".join(lines)
        assert " ".join(counts) in last, lines
        start = next(k for k, line in enumerate(lines) if line.startswith(counts[0][:16]))
        assert re.fullmatch(r"[━╸╺ ]+( \d+%)?", lines[start - 1]), lines
        assert last.count("members ended") == last.count("running (3") == 1
        assert sum("━" in line for line in lines) == 1
        assert all(len(line) <= 40 for line in lines[start - 1 :])
        assert max(map(len, lines)) <= width or not reflow
        said = "".join(line.replace(" ", "") for line in lines[: start - 1])
        for j in range(i + 1):
            assert f"warning{j}isaboutafileinwhichapartoftheresultsismissing" in said
            assert f"line{j}onstdout" in said
    final = screen.lines()
    assert not any("━" in line for line in final)
    assert " ".join(final).count("44/64 members ended: 40 grokked, 4 not memorised |") == 1
    assert final[-1] == "the end"


def test_a_terminal_that_moves_no_cursor_gets_whole_lines():
    text = output([sys.executable, "-c", PROGRAM], os.environ | {"TERM": "dumb", "COLUMNS": "40"})
    plain = re.sub(r"\x1b\].*?\x07", "", text)
    assert "\x1b" not in plain
    lines = plain.splitlines()
    assert {"compiling for 64 members ...", "line 4 on stdout", "the end"} < set(lines)
    assert "44/64 members ended: 40 grokked, 4 not memorised |" in " ".join(lines)
    assert max(len(line) for line in lines if "warning" not in line) <= 40
