"""The `grokjax` command line: choose the command and build its flags, then parse and run it."""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import tyro

from grokjax import recipes
from grokjax.cli import command_line, commands, file_commands, flags, imports
from grokjax.cli.exit_codes import exit_code_of
from grokjax.cli.known_flags import given_flags, words_before_flags
from grokjax.cli.machine_flags import MachineFlags
from grokjax.config.settings import KINDS
from grokjax.errors import ConfigError, invalid, similar_names
from grokjax.runtime.xla_log import hide_xla_log
from grokjax.terminal import printed_commands

COMMANDS = {
    "train": commands.Train,
    "resume": commands.Resume,
    "branch": commands.Branch,
    "info": commands.Info,
    "check": commands.Check,
    "report": commands.Report,
    "compare": file_commands.Compare,
    "export": file_commands.Export,
    "merge": file_commands.Merge,
    "recipes": commands.Recipes,
}


def main(argv: list[str] | None = None) -> int:
    """Run a command line (default: this process's) and return the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    hide_xla_log()
    imports.forget_files()
    if arguments == ["--version"]:
        return exit_code_of(_print_version)
    return exit_code_of(lambda: _parse(arguments)())


def _print_version() -> None:
    from importlib import metadata

    try:
        version = metadata.version("grokjax")
    except metadata.PackageNotFoundError:
        version = "(not installed: run from a checkout)"
    print("grokjax", version, flush=True)


def _parse(arguments: list[str]) -> Callable[[], None]:
    """Return the chosen command with the values of its flags."""
    command_line.check_words(arguments)
    if arguments and arguments[0] in COMMANDS:
        name, words = arguments[0], arguments[1:]
        prog = printed_commands.format_command(name)
        return command_line.parse(command_of(name, words), words, prog)
    if not {"-h", "--help"} & set(arguments):
        requirement = f"must be one of {', '.join(COMMANDS)}"
        if arguments:
            similar = " or ".join(similar_names(arguments[0], COMMANDS))
            fix = f"did you mean {similar}?" if similar else ""
            raise invalid("command", arguments[0], requirement, fix)
        raise ConfigError(f"command {requirement}; see {printed_commands.format_command('--help')}")
    return tyro.extras.subcommand_cli_from_dict(
        COMMANDS,
        prog=printed_commands.format_command(),
        description="Train ensembles of grokking networks; see also --version.",
        args=["--help"],
    )


def command_of(name: str, words: list[str]) -> type:
    """Return a command's dataclass, with a flag for each setting that this command line can use.

    Files given to `--import` are imported first, because they define settings, too.
    """
    command = COMMANDS[name]
    if "import_" in {f.name for f in dataclasses.fields(command)}:
        for file in _values_of("import", words):
            imports.import_file(file)
    if name == "train":
        return _with_settings(command, _flags_of_train(words))
    if name in ("resume", "branch"):
        return _with_settings(command, _flags_of_resume(words))
    return command


def _values_of(flag: str, words: list[str]) -> list[str]:
    """Return the values given to a flag; this needs no list of the known flags."""
    given = given_flags(words, {})
    return [value for each in given if each.name == f"--{flag}" for value in each.values]


def _flags_of_train(words: list[str]) -> flags.Flags:
    """Return the flags of `train`: the settings of the given recipe, task, model and rule."""
    names = {word.partition("=")[0].replace("_", "-") for word in words}
    if {"--full-batch", "--batch-size"} <= names:
        raise ConfigError("batch_size: give --batch-size or --full-batch, not both")
    recipe = recipes.get((_values_of("recipe", words) or [recipes.DEFAULT])[-1])
    kinds = {kind: _values_of(kind, words) or [getattr(recipe.config, kind)] for kind in KINDS}
    classes = {kind: [KINDS[kind].get(name) for name in names] for kind, names in kinds.items()}
    return flags.Flags.of(classes, recipe.config, recipe.axes)


def _flags_of_resume(words: list[str]) -> flags.Flags:
    """Return the flags of `resume` and `branch`: settings of the given run, or the default ones."""
    first = words_before_flags(words)
    members = [recipes.get(recipes.DEFAULT).config]
    if first and Path(first[0]).expanduser().is_dir():
        from grokjax.results import run

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the command itself will warn
            members = list(run.load(first[0]).sweep)
    classes = {kind: list(dict.fromkeys(m.group_classes[kind] for m in members)) for kind in KINDS}
    return flags.Flags.of(classes)


def _with_settings(command: type, given: flags.Flags) -> type:
    """Return the command's dataclass with a flag for every setting added."""
    extra = flags.fields(given, command, MachineFlags)
    # Python 3.11 would search the whole module `types` for the class, in 30 ms.
    namespace = {"__doc__": command.__doc__, "flags": given, "__module__": command.__module__}
    return dataclasses.make_dataclass(
        command.__name__, extra, bases=(command,), namespace=namespace
    )
