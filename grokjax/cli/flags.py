"""Make command-line flags from the settings of a config; `flag_values` reads them back."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass, field
from typing import Annotated, Any

import tyro

from grokjax.config.config import Config
from grokjax.config.settings import KINDS, fields_with
from grokjax.errors import ConfigError
from grokjax.settings.field import Field, fields_of

DEFAULT_SEEDS = 8

BOXES = {
    "task": "task *",
    "data": "train_fraction split data_seed label_noise batch_size",
    "network": "model * init_scale",
    "optimiser": "loss optimizer learning_rate embedding_learning_rate weight_decay "
    "weight_decay_on decay_towards * grokfast grokfast_alpha grokfast_lambda grokfast_window "
    "gradient_noise orthogonal_gradient fixed_norm",
    "interventions": "interventions *",
    "schedule": "schedule warmup_steps decay_steps final_rate",
    "stopping": "max_epochs stop_when stop_patience learnt_accuracy learnt_loss extra_epochs",
    "recording": "eval_every eval_spacing evals snapshot snapshot_every snapshot_spacing "
    "snapshot_dtype",
    "machine": "precision",
}
"""Settings by their box in `--help`; `seed` is shown with the command's own flags. A star stands
for the settings of the task, the model or the update rule."""

KIND_OF_BOX = {
    "task": "task",
    "network": "model",
    "optimiser": "optimizer",
    "interventions": "interventions",
}


@dataclass(frozen=True)
class Flags:
    """The settings that a command has flags for.

    fields: by name. kind_of: for a setting of a task, model or update rule: which of the three.
    base: the config whose values are the defaults; None: a flag that is not given leaves its
    setting unchanged. axes: values that a recipe sweeps by itself.
    """

    fields: dict[str, Field]
    kind_of: dict[str, str]
    base: Config | None
    axes: dict[str, tuple[Any, ...]]

    @classmethod
    def of(
        cls,
        classes: dict[str, list[type]],
        base: Config | None = None,
        axes: dict[str, tuple[Any, ...]] | None = None,
    ) -> Flags:
        """Return the flags for the settings of these classes of tasks, models and rules."""
        found: dict[str, Field] = {}
        for combination in itertools.product(*(classes[kind] for kind in KINDS)):
            found |= fields_with(dict(zip(KINDS, combination, strict=True)))
        own = [(name, kind) for kind in KINDS for cls_ in classes[kind] for name in fields_of(cls_)]
        return cls(found, dict(own), base, axes or {})

    def names_in(self, box: str) -> list[str]:
        """Return the settings in a box of `--help`, in order."""
        own = [name for name, kind in self.kind_of.items() if kind == KIND_OF_BOX.get(box)]
        names = BOXES[box].split()
        return [name for each in names for name in (own if each == "*" else [each])]


def fields(flags: Flags, command: type, machine: type) -> list[tuple[str, Any, Any]]:
    """Return the fields of a command's dataclass, for `make_dataclass`: a flag for every setting.

    These are the seeds and one dataclass per box, the last of which extends `machine`. Raises
    ConfigError if a setting has the name of one of the command's own flags.
    """
    own = {f.name for each in (command, machine) for f in dataclasses.fields(each)}
    for name, kind in flags.kind_of.items():
        if name in own | {"seeds", "full_batch", "help"} or name.startswith("_"):
            raise ConfigError(
                f"{name}: cannot be a flag for a setting of this {kind}, as the command has a flag "
                "of that name; rename the setting"
            )
    found = [_seeds(flags), _setting("seed", flags)]
    for box in BOXES:
        members = [_setting(name, flags) for name in flags.names_in(box)]
        if box == "data":
            members.append(_flag("full_batch", bool, "Use all examples in every step", False))
        bases = (machine,) if box == "machine" else ()
        kind = dataclasses.make_dataclass(
            box, members, bases=bases, namespace={"__doc__": ""}, kw_only=True
        )
        found.append((box, kind, field(default_factory=kind)))
    return found


def _flag(name: str, hint: Any, text: str, default: Any, /, **how: Any) -> tuple[str, Any, Any]:
    """Return a field whose flag has no prefix for its group."""
    if default is None:
        hint = hint | None
        how["help_behavior_hint"] = ""  # the text says what happens without the flag
    conf = tyro.conf.arg(help=text, prefix_name=False, **how)
    return name, Annotated[hint, conf], field(default=default)


def _seeds(flags: Flags) -> tuple[str, Any, Any]:
    text = "Number of seeds, 0 to N - 1, for each combination of the other values"
    if flags.base is not None:
        text += f" (default: {DEFAULT_SEEDS})"
    return _flag("seeds", int, text, None, metavar="INT")


def _setting(name: str, flags: Flags) -> tuple[str, Any, Any]:
    """Return the field for a setting, which its annotation also holds, for `known_flags`."""
    setting = flags.fields[name]
    name, hint, default = _setting_flag(setting, flags)
    return name, Annotated[hint, setting], default


def _setting_flag(setting: Field, flags: Flags) -> tuple[str, Any, Any]:
    name = setting.name
    default = None if flags.base is None or name == "seed" else _default(setting, flags.base)
    plain = str if setting.choices else setting.plain_hint
    text, hint = _help(setting), setting.hint
    if setting.kind == "run":
        return _flag(name, hint, text, default, metavar=_metavar(plain))
    if name in flags.axes:
        default = flags.axes[name]
    elif default is not None:
        default = (default,)
    how: dict[str, Any] = {"metavar": f"{_metavar(plain)} ..."}
    if plain is bool:  # `command_line` turns `--name` into `--name True`
        how = {"metavar": "", "name": f"no-{name}", "aliases": ["--" + name.replace("_", "-")]}
    return _flag(name, tuple[hint, ...], text, default, **how)


def _default(setting: Field, base: Config) -> Any:
    """Return the value of a setting where no flag gives it: as `Config.replace` chooses it.

    Another kind of task, model or rule than the base's has defaults of its own.
    """
    value = base.values.get(setting.name, setting.default)
    own = base.fields.get(setting.name, setting)
    if own == setting or value == own.default:
        return value if own == setting else setting.default
    try:
        return setting.checked(value)
    except ConfigError:
        return setting.default


def _help(setting: Field) -> str:
    """Return the help of a setting, with the values that it can have."""
    text, brief = setting.help, setting.allowed.brief if setting.allowed else ""
    text += f", {brief}" if brief else ""
    choices = list(setting.choices)
    if setting.name in KINDS:
        choices = [name for name in KINDS[setting.name] if name not in text]
    if all(choice in text for choice in choices):
        return text
    listed = " or ".join([", ".join(choices[:-1]), choices[-1]] if choices[1:] else choices)
    return f"{text}, or {listed}" if setting.name == "optimizer" else f"{text}: {listed}"


def _metavar(plain: Any) -> str:
    """Return the placeholder of a value in `--help`."""
    return {int: "INT", float: "FLOAT"}.get(plain, "NAME")
