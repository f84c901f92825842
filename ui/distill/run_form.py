"""A form made from pydantic models: a field's type gives its widget, its bounds the limits, its description the help.

The form's values are plain data in session state (`distill_values`), as a run's YAML holds them, so that they
outlive the widgets: a form that is not on screen is not forgotten. Widgets are keyed by the field's path:
`stages.0.epochs` is `distill_stages_0_epochs`.
"""

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, get_args, get_origin

import streamlit as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.distill.config import LabelConfig, RunConfig, SignalConfig, Stage
from core.models import api
from core.models.relevance import is_relevant, options
from core.models.student_config import StudentConfig
from ui import titles
from ui.text import heading

Widget = Callable[[FieldInfo, str, Any], Any]  # (field, key, value) -> new value

VALUES = "distill_values"
FILLED = "distill_filled"  # the preset that the form was filled with; None: a file
DATA_SEEN = "distill_data_seen"  # what the Datasets page had chosen when it was last looked at
BASICS = ("name", "task", "data", "teacher", "conditioned", "drop_misfits", "seed")
SECTIONS: dict[str, type[BaseModel]] = {
    "student": StudentConfig, "stages": Stage, "signals": SignalConfig, "labels": LabelConfig,
}  # fmt: skip
ELSEWHERE = ("prompt", *SECTIONS)
TRAINING = tuple(name for name in RunConfig.model_fields if name not in (*BASICS, *ELSEWHERE))


def fill(config: RunConfig) -> None:
    """Puts a configuration into the form. Call it before the form is drawn, best in a callback."""
    st.session_state[VALUES] = config.model_dump(mode="json")
    models = {"": RunConfig} | {f"{name}.": model for name, model in SECTIONS.items()}
    _forget_widgets({key(prefix + name) for prefix, model in models.items() for name in model.model_fields})


def values() -> dict[str, Any]:
    """What the form holds, as plain data; not checked."""
    return st.session_state[VALUES]


def configured() -> dict[str, Any]:
    """The run that the form describes, not checked: what does not matter now is as it is by default, for what is not
    on screen must not contradict what is. The form itself keeps it."""
    data = values()
    return _mattering(RunConfig, data) | {
        "student": _mattering(StudentConfig, data["student"]),
        "stages": [_mattering(Stage, stage) for stage in data["stages"]],
        "signals": _mattering(SignalConfig, data["signals"]) if _needs_signals(data) else {},
        "labels": _mattering(LabelConfig, data["labels"]) if _needs_labels(data) else {},
    }


def _needs_signals(data: Mapping[str, Any]) -> bool:
    return any(stage["method"] in ("logits", "task") for stage in data["stages"])


def _needs_labels(data: Mapping[str, Any]) -> bool:
    """An API's teacher may answer for the report, whatever the student learns from."""
    return api.is_address(data["teacher"]) or any(stage["method"] == "pseudo_labels" for stage in data["stages"])


def _mattering(model: type[BaseModel], data: Mapping[str, Any]) -> dict[str, Any]:
    fields = model.model_fields
    return {name: said if is_relevant(model, name, data) else fields[name].default for name, said in data.items()}


def change(path: str, value: Any) -> None:
    """Sets one of the run's own fields, its widget included. Call it in a callback."""
    values()[path] = value
    st.session_state.pop(key(path), None)


def key(path: str) -> str:
    return "distill_" + path.replace(".", "_")


def named(path: Sequence[int | str]) -> str:
    """What the form calls the field at this path: its section, and its label there."""
    section, inside = str(path[0]), list(path[1:])
    title = _title(RunConfig, section)
    if section == "stages" and inside:
        title = f"Stage {int(inside.pop(0)) + 1}"
    return f"{title}, {_title(SECTIONS[section], inside[0])}" if inside and section in SECTIONS else title


def told(message: str) -> str:
    """A message of a run's validators, with its fields and choices as the form calls them."""
    return re.sub(r"`([a-z0-9_.]+)(?:: ([a-z0-9_]+))?`", _told, message)


def _told(found: re.Match[str]) -> str:
    try:
        title = named(found[1].split("."))
    except (KeyError, ValueError):  # it was typed by the user
        return found[0]
    return f"“{title}: {titles.choice(found[2])}”" if found[2] else f"“{title}”"


def _title(model: type[BaseModel], name: int | str) -> str:
    return model.model_fields[str(name)].title or str(name)


def draw(special: Mapping[str, Widget]) -> None:
    """The whole form. `special` has the fields of a run that need a widget of their own."""
    data = values()
    with st.expander("Basics", expanded=True):
        _fields(RunConfig, data, "", BASICS, special)
    with st.expander("Student", expanded=True):
        _fields(StudentConfig, data["student"], "student.", tuple(StudentConfig.model_fields))
    with st.expander("Stages", expanded=True):
        _stages(data["stages"])
    if _needs_signals(data):
        with st.expander(_title(RunConfig, "signals")):
            _fields(SignalConfig, data["signals"], "signals.", tuple(SignalConfig.model_fields))
    if _needs_labels(data):
        with st.expander(_title(RunConfig, "labels")):
            _fields(LabelConfig, data["labels"], "labels.", tuple(LabelConfig.model_fields))
    with st.expander("Training"):
        _fields(RunConfig, data, "", TRAINING)


def _stages(stages: list[dict[str, Any]]) -> None:
    for number, stage in enumerate(stages):
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                heading(f"Stage {number + 1}")
                if len(stages) > 1:
                    _remove_button(number)
            _fields(Stage, stage, f"stages.{number}.", tuple(Stage.model_fields))
    st.button("Add a stage", icon=":material/add:", key="distill_add_stage", on_click=_add_stage)


def _remove_button(number: int) -> None:
    name = key(f"stages.{number}.remove")
    st.button("Remove", icon=":material/delete:", type="tertiary", key=name, on_click=_remove_stage, args=(number,))


def _add_stage() -> None:
    """A copy of the last stage is nearer to what is wanted than the defaults."""
    stages = _stages_as_shown()
    stages.append(dict(stages[-1]))


def _remove_stage(number: int) -> None:
    del _stages_as_shown()[number]
    _forget_widgets()


def _stages_as_shown() -> list[dict[str, Any]]:
    """For callbacks, which run before the form does: the stages with what was entered last."""
    stages, state = values()["stages"], st.session_state
    for number, stage in enumerate(stages):
        for name, field in Stage.model_fields.items():
            if (path := key(f"stages.{number}.{name}")) in state:
                stage[name] = _said(field, state[path])
    return stages


def _forget_widgets(fields: Collection[str] = ()) -> None:
    """Lets the widgets of the stages and of these fields start again from the form's values."""
    for name in list(st.session_state):
        if name in fields or str(name).startswith("distill_stages_"):
            del st.session_state[name]


def _fields(
    model: type[BaseModel],
    data: dict[str, Any],
    prefix: str,
    names: tuple[str, ...],
    special: Mapping[str, Widget] | None = None,
) -> None:
    """The named fields of one model, written into `data`: choices, then inputs, two a row; then switches.
    Choices come first because they decide what else is relevant."""
    special = special or {}

    def draw_field(name: str) -> None:
        field, path = model.model_fields[name], key(prefix + name)
        data[name] = special.get(name, _widget)(field, path, data[name])

    choices = [name for name in names if options(model.model_fields[name]) and name not in special]
    columns = st.columns(2) if len(choices) > 1 else [st.container()]
    for place, name in enumerate(choices):
        if is_relevant(model, name, data):
            with columns[place % len(columns)]:
                draw_field(name)
    others = [name for name in names if name not in choices and is_relevant(model, name, data)]
    switches = [name for name in others if model.model_fields[name].annotation is bool]
    columns = st.columns(2)
    for place, name in enumerate(name for name in others if name not in switches):
        with columns[place % 2]:
            draw_field(name)
    for name in switches:
        draw_field(name)


def _widget(field: FieldInfo, path: str, value: Any) -> Any:
    """One field's widget, starting from `value`; returns what it says now."""
    kind, optional = _kind(field)
    label, help_text = field.title or path, _help(field)
    if choices := options(field):
        st.session_state.setdefault(path, value)
        chosen = st.segmented_control(
            label, choices, required=True, key=path, help=help_text, wrap=True, format_func=titles.choice
        )
        _explain(field, str(chosen))
        return chosen
    if kind is bool:
        st.session_state.setdefault(path, value)
        return st.toggle(label, key=path, help=help_text)
    if kind in (int, float):
        return _number(field, kind, optional, path, value)
    if get_origin(kind) is tuple:
        st.session_state.setdefault(path, ", ".join(map(str, value)))
        return _said(field, st.text_input(label, key=path, help=help_text))
    st.session_state.setdefault(path, value or "")
    return _said(field, st.text_input(label, key=path, help=help_text, placeholder="empty" if optional else None))


def _said(field: FieldInfo, shown: Any) -> Any:
    """What a field's widget shows, as the form keeps it."""
    kind, optional = _kind(field)
    if get_origin(kind) is tuple:
        return [_whole(word) for word in re.split(r"[,\s]+", shown.strip()) if word]
    return None if optional and shown == "" else shown


def _number(field: FieldInfo, kind: type, optional: bool, path: str, value: Any) -> Any:
    bounds = {name: getattr(item, name) for item in field.metadata for name in ("ge", "le") if hasattr(item, name)}
    st.session_state.setdefault(path, value if value is None else kind(value))
    return st.number_input(
        field.title or path,
        min_value=None if (low := bounds.get("ge")) is None else kind(low),
        max_value=None if (high := bounds.get("le")) is None else kind(high),
        step=1 if kind is int else _step(field.default),
        format="%d" if kind is int else "%.6g",
        value=None,
        placeholder="empty" if optional else None,
        key=path,
        help=_help(field),
    )


def _help(field: FieldInfo) -> str | None:
    """A field's description; the choices that it speaks of ("scratch: …", "task, logits: …") by their titles."""

    def titled(found: re.Match[str]) -> str:
        return found[1] + ", ".join(map(titles.choice, found[2].split(", "))) + ":"

    return re.sub(r"(^|; )(?!empty:)([a-z0-9_]+(?:, [a-z0-9_]+)*):", titled, field.description or "") or None


def _explain(field: FieldInfo, chosen: str) -> None:
    """The part of the description that is about the choice made."""
    for part in re.split(r";\s*", field.description or ""):
        option, colon, meaning = part.partition(":")
        if colon and option.strip() == chosen:
            st.caption(meaning.strip().capitalize() if meaning.islower() else meaning.strip())


def _step(default: Any) -> float:
    """One step of the field's arrows: about a tenth of what is usual, or of one where that is nothing."""
    if default is None:
        return 10.0
    return 10.0 ** math.floor(math.log10(default / 2)) if default else 0.1


def _kind(field: FieldInfo) -> tuple[Any, bool]:
    """The field's type without None, and whether it may be empty."""
    members = get_args(field.annotation)
    if type(None) in members:
        return next(member for member in members if member is not type(None)), True
    return field.annotation, False


def _whole(word: str) -> int | str:
    """The word as a number if it is one; else as it is, for the check to complain about."""
    return int(word) if re.fullmatch(r"-?[0-9]{1,9}", word) else word
