"""Run by `unshare`: train on a disk that is too small, enlarge it and resume.

python train_on_small_disk.py FOLDER SIZE FLAGS...   where FLAGS are those of `grokjax train`

Prints the exit code, stdout and stderr of each command as JSON.
"""

import json
import subprocess
import sys


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def main(folder, size, *flags):
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    grokjax = [sys.executable, "-m", "grokjax"]
    out = f"{folder}/run"
    # Skip the check of free space, as if other programs had filled the disk after it.
    code = (
        "from grokjax.cli.main import main; from grokjax.training import preflight; "
        "preflight.check_disk = lambda *_: None; raise SystemExit(main())"
    )
    train = [sys.executable, "-c", code, "train", "--out", out]
    steps = {"train": run(*train, *flags), "check": run(*grokjax, "check", out)}
    steps["resume too early"] = run(*grokjax, "resume", out, "--quiet")
    subprocess.run(["mount", "-o", "remount,size=50m", folder], check=True)
    steps["resume"] = run(*grokjax, "resume", out, "--quiet")
    steps["check again"] = run(*grokjax, "check", out)
    subprocess.run(["cp", "-r", out, f"{folder}.out"], check=True)
    print(json.dumps(steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
