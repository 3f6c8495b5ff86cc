"""Run by `unshare`: a run on a disk of its own, too small at first. Prints what each command said.

python small_disk.py FOLDER SIZE TRAIN...   where TRAIN are the flags of `grokjax train`
"""

import json
import subprocess
import sys


def said(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def main(folder, size, *flags):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    grokjax = [sys.executable, "-m", "grokjax"]
    out = f"{folder}/run"
    # The door would see that there is too little room; here others fill the disk later.
    blind = "from grokjax import cli, devices; devices.free_space = lambda *_: None; "
    train = [sys.executable, "-c", f"{blind}raise SystemExit(cli.main())", "train", "--out", out]
    steps = {"train": said(*train, *flags), "check": said(*grokjax, "check", out)}
    steps["resume too early"] = said(*grokjax, "resume", out, "--quiet")
    subprocess.run(["mount", "-o", "remount,size=50m", folder], check=True)
    steps["resume"] = said(*grokjax, "resume", out, "--quiet")
    steps["check again"] = said(*grokjax, "check", out)
    subprocess.run(["cp", "-r", out, f"{folder}.out"], check=True)
    print(json.dumps(steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
