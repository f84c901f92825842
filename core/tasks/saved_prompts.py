"""Prompts kept by name: a JSON file each, in a folder for its task."""

import re
from pathlib import Path

from pydantic import ValidationError

from core.errors import ConfigError
from core.paths import PROMPTS, write_whole
from core.tasks.prompt import Prompt
from core.tasks.task import Task

_NAME = re.compile(r"\w[\w .-]{0,59}")
LARGEST = 1_000_000  # bytes of a file that is read


def check(name: str) -> str:
    """The name without blanks around it. Raises ConfigError for one that is no file's."""
    name = name.strip()
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{name[:80]!r} cannot name a prompt: take up to 60 letters, digits, blanks, dots, dashes and underscores, "
            "a letter or digit first."
        )
    return name


def save(task: Task, name: str, prompt: Prompt, root: Path = PROMPTS) -> Path:
    """Writes the prompt whole or not at all, over one of that name. Raises ConfigError as `check`."""
    path = _path(task, name, root)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, prompt.model_dump_json(indent=1))
    return path


def names(task: Task, root: Path = PROMPTS) -> list[str]:
    """What is kept for a task, in the alphabet's order."""
    found = [file.name.removesuffix(".json") for file in (root / task.name).glob("*.json")]
    return sorted((name for name in found if _NAME.fullmatch(name)), key=str.casefold)


def read(task: Task, name: str, root: Path = PROMPTS) -> Prompt:
    """Raises ConfigError for a file that is not there, or holds no prompt."""
    path = _path(task, name, root)
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError(f"the prompt {name!r} is larger than {LARGEST:,} bytes: delete it.")
        return Prompt.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"there is no prompt {name!r} any more ({error.strerror}): choose another.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigError(f"the prompt {name!r} cannot be read ({where}: {first['msg']}): delete it.") from error


def delete(task: Task, name: str, root: Path = PROMPTS) -> None:
    """Raises ConfigError as `check`; a prompt that is gone already stays gone."""
    _path(task, name, root).unlink(missing_ok=True)


def _path(task: Task, name: str, root: Path) -> Path:
    return root / task.name / f"{check(name)}.json"
