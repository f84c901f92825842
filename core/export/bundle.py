"""A bundle: a student ready to leave, as one zip file with all that is needed to use it elsewhere."""

import io
import json
import zipfile
from pathlib import Path

from core.distill.config import RunConfig, to_yaml
from core.errors import RunError
from core.models import bundled, teachers
from core.models.weights import ADAPTER_CONFIG, adapter_settings
from core.paths import ADAPTERS, without_place
from core.runs.folder import RunFolder
from core.tasks import TASKS

STORED = ".safetensors"  # weights do not shrink: packing them would only take time
BENEATH = "base_adapter"
DATE = (1980, 1, 1, 0, 0, 0)  # the same student gives the same bytes


def bundle(folder: RunFolder) -> bytes:
    """Zip of `student/` (weights, tokenizer, config), the run's configuration and report, its schema and
    a README.txt that says how to load it; where it is an adapter on the bundled model with one of ours, that one too.
    Raises RunError if the run has no student to give, ModelError for a damaged adapter."""
    config = without_places(folder.config())
    present = folder.student.glob("*") if folder.student.is_dir() else ()
    files = sorted(p for p in present if p.is_file() and p.name != "README.md")  # peft's, about nothing
    if not any(p.suffix == STORED for p in files):
        raise RunError(f"the run {folder.name!r} has saved no student: let it finish first.")
    task = TASKS[config.task]
    texts = {
        "README.txt": _readme(folder.name, config),
        "config.yaml": to_yaml(config),
        "schema.json": json.dumps(task.output.model_json_schema(), indent=1, ensure_ascii=False) + "\n",
    }
    if report := _report(folder):
        texts["report.json"] = report
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in texts.items():
            _add(archive, name, text.encode())
        for path in [*files, *_beneath(config)]:
            try:
                _add(archive, *_file(path, folder, config.base))
            except OSError as error:
                raise _unreadable(folder, path.name, error) from error
    return target.getvalue()


def _report(folder: RunFolder) -> str:
    """What it scored, or nothing."""
    try:
        report = folder.report()
    except OSError as error:
        raise _unreadable(folder, "report.json", error) from error
    return report.model_dump_json(indent=1) if report else ""


def _unreadable(folder: RunFolder, name: str, error: OSError) -> RunError:
    return RunError(f"{name} of the run {folder.name!r} cannot be read: {error.strerror}.")


def without_places(config: RunConfig) -> RunConfig:
    """Folders of this machine by their last name only."""
    student = config.student
    short = {
        "data": config.data and Path(config.data).name,
        "teacher": without_place(config.teacher),
        "student": student.model_copy(update={"model": student.model and without_place(student.model)}),
    }
    return config.model_copy(update=short)


def _beneath(config: RunConfig) -> list[Path]:
    """The files of the adapter, of ours, that the student's base has already. Raises RunError if they are gone."""
    _, adapter = teachers.parts(config.base)
    if not adapter or not config.student.is_adapter:
        return []
    if not (found := sorted((ADAPTERS / adapter).glob("*"))):
        raise RunError(f"the adapter {adapter!r}, which this student's base has, is gone: put it back.")
    return found


def _file(path: Path, folder: RunFolder, base: str) -> tuple[str, bytes]:
    """Its name in the zip, and what it holds there."""
    if path.parent != folder.student:
        return f"{BENEATH}/{path.name}", path.read_bytes()
    name = f"student/{path.name}"
    if path.name != ADAPTER_CONFIG:
        return name, path.read_bytes()
    settings = adapter_settings(folder.student) | {"base_model_name_or_path": base}  # a folder of this machine else
    return name, json.dumps(settings, indent=1).encode()


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, DATE)
    entry.compress_type = zipfile.ZIP_STORED if name.endswith(STORED) else zipfile.ZIP_DEFLATED
    archive.writestr(entry, content)


def _readme(name: str, config: RunConfig) -> str:
    task = TASKS[config.task]
    prompted = config.student.prompted
    text = json.dumps(task.shots[0].input)
    return _README.format(
        name=name,
        title=task.title,
        job=task.description,
        teacher=config.teacher,
        beneath=_BENEATH if _beneath(config) else "",
        load=_load(config) + (_PROMPTED if prompted else _READ.format(text=text)),
        schema="the input's own words (input-conditioned)" if config.conditioned else "schema.json",
        taught=_TAUGHT_UNDER_MASK if config.stages[-1].constraint == "hard" else "",
        mask=_PROMPTED_MASK if prompted else _MASK.format(task=config.task, text=text, conditioned=config.conditioned),
    )


def _load(config: RunConfig) -> str:
    if not config.student.is_adapter:
        return _LOAD
    name, adapter = teachers.parts(config.base)
    known, where = "...", f"folder or hub id of {config.base}"
    if name == bundled.NAME:
        known, where = bundled.HUB, "on the hub; Stillroom's is rounded to four bits, so figures may differ a little"
    how = _HOW.get(config.student.precision)
    return _LOAD_ADAPTER.format(
        base=config.base,
        known=known,
        where=where,
        merge=_MERGE if adapter else "",
        package=" bitsandbytes" if how else "",
        imported=", BitsAndBytesConfig" if how else "",
        how=f"  how = BitsAndBytesConfig({how})\n" if how else "",
        quantised=", quantization_config=how" if how else "",
    )


_README = """\
{name}: a student of {teacher} for one job
{title}. {job}

What is here
  student/      weights (safetensors), tokenizer, configuration
  config.yaml   how it was distilled
  report.json   what it scores on held-out examples, with its answers
  schema.json   JSON Schema of every answer
{beneath}
Load it with transformers (pip install torch transformers{load}

The mask belongs to it
  This student was scored under a mask made from {schema}.
{taught}{mask}"""

_TAUGHT_UNDER_MASK = (
    "  Where the mask leaves one choice it was taught nothing: without the mask its text is no answer.\n"
)

_LOAD = """)

  import torch
  from transformers import AutoModelForCausalLM, AutoTokenizer

  tokenizer = AutoTokenizer.from_pretrained("student")
  model = AutoModelForCausalLM.from_pretrained("student", dtype=torch.float32)"""

_READ = """
  # It reads the input and the end-of-text token; what follows is the answer.
  ids = [i for i in tokenizer({text})["input_ids"] if i != tokenizer.eos_token_id] + [tokenizer.eos_token_id]
  logits = model(torch.tensor([ids])).logits[0, -1]"""

_LOAD_ADAPTER = """ peft{package})
  It is an adapter: it needs the model that it was made for, {base}.

  import torch
  from peft import PeftModel
  from transformers import AutoModelForCausalLM, AutoTokenizer{imported}

  base = "{known}"  # {where}
  tokenizer = AutoTokenizer.from_pretrained("student")
{how}  model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32{quantised})
{merge}  model = PeftModel.from_pretrained(model, "student")"""

_HOW = {  # as `teachers.load` does it
    "int8": "load_in_8bit=True",
    "nf4": 'load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True',
}

_MERGE = f"""  model = PeftModel.from_pretrained(model, "{BENEATH}").merge_and_unload()
"""

_BENEATH = f"  {BENEATH}/ what its base had learned before; its data and licence: card.json\n"

_PROMPTED = """
  # It reads the prompt in config.yaml (or the task's own) around the input, as its teacher does."""

_MASK = """\
  Answers with the mask, by the engine of Stillroom, which made this bundle: run this with its .venv/bin/python
  in the folder of Stillroom, with the path of this bundle's student/ where it is named.

  from pathlib import Path
  from core.constrain.constraints import Constraints
  from core.generate.decode import Sampling, generate
  from core.models import checkpoint
  from core.tasks import TASKS

  text = {text}
  lm = checkpoint.load(Path("path/to/this/bundle/student"), "student")
  mask = Constraints(TASKS["{task}"], lm.tokens, {conditioned}).of(text)
  print(generate(lm, [lm.student_prompt(text)], [mask], Sampling()).generations[0].text)
"""

_PROMPTED_MASK = "  Stillroom makes it with core.constrain and answers under it with core.generate.\n"
