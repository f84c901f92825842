"""A bundle holds the student and what is needed to use it."""

import io
import json
import shutil
import textwrap
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from core.distill.config import RunConfig, Stage
from core.errors import ModelError, RunError
from core.evaluate.report import ModelReport, Report
from core.export import bundle as bundle_module
from core.export.bundle import bundle
from core.models import bundled, checkpoint, existing, teachers
from core.models.student_config import StudentConfig
from core.runs import folder as run_folders
from core.runs.folder import RunFolder
from core.tasks import TASKS


def finished(root: Path, **values: object) -> RunFolder:
    """As `execute` leaves it: the report has the names of the models as they were loaded."""
    config = RunConfig(name="small", **values)
    folder = run_folders.create(config, root)
    folder.student.mkdir()
    (folder.student / "model.safetensors").write_bytes(b"weights" * 100)
    (folder.student / "config.json").write_text("{}")
    (folder.student / "tokenizer.json").write_text("{}")
    shape = {"parameters": 1, "megabytes": 1.0, "ms_per_example": 1.0, "model_calls": 0, "scores": {}, "outputs": ()}
    roles = {"trained": "trained", "teacher": config.teacher}
    models = [ModelReport(name=name, role=role, **shape) for role, name in roles.items()]
    empty = Report(task=config.task, data="d", machine="m", seconds=1.0, leaks=0, examples=(), models=tuple(models))
    # An older version wrote names as they were.
    text = empty.model_dump_json().replace(f'"{Path(config.teacher).name}"', json.dumps(config.teacher))
    (folder.path / "report.json").write_text(text)
    return folder


def opened(data: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(data))


def test_everything_is_inside_and_unchanged(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    archive = opened(bundle(folder))
    assert archive.testzip() is None
    assert set(archive.namelist()) == {
        "README.txt", "config.yaml", "report.json", "schema.json",
        "student/config.json", "student/model.safetensors", "student/tokenizer.json",
    }  # fmt: skip
    assert archive.read("student/model.safetensors") == (folder.student / "model.safetensors").read_bytes()
    assert archive.read("config.yaml") == (folder.path / "config.yaml").read_bytes()
    assert "tokens" in json.loads(archive.read("schema.json"))["properties"]


def test_checkpoints_and_logs_stay_behind(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    folder.checkpoints.mkdir()
    (folder.checkpoints / "state.pt").write_bytes(b"x")
    folder.log("a line")
    assert not [name for name in opened(bundle(folder)).namelist() if "checkpoint" in name or "log" in name]


def test_the_same_student_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    assert bundle(folder) == bundle(folder)


@pytest.mark.parametrize("task", ["pos", "cars"])
@pytest.mark.parametrize(
    "student",
    [
        {"kind": "cut"},
        {"kind": "scratch"},
        {"kind": "existing", "model": "org/base"},
        {"kind": "existing", "model": "org/base", "tuning": "adalora", "prompted": True},
        {"kind": "existing", "model": "org/base", "tuning": "full", "prompted": True},
    ],
    ids=lambda values: "-".join(map(str, values.values())),
)
def test_readme_says_how_to_load_this_student(tmp_path: Path, task: str, student: dict) -> None:
    config = StudentConfig(**student)
    readme = opened(bundle(finished(tmp_path, task=task, student=config))).read("README.txt").decode()
    assert "AutoModelForCausalLM" in readme and "small" in readme
    assert ("PeftModel" in readme) == config.is_adapter == ("made for" in readme)
    assert ("reads the prompt" in readme) == config.prompted
    if config.is_adapter:
        assert 'base = "..."  # folder or hub id of org/base' in readme
    for line in readme.splitlines():
        assert "{" not in line and "}" not in line


def test_readme_code_is_python(tmp_path: Path) -> None:
    readme = opened(bundle(finished(tmp_path))).read("README.txt").decode()
    code = [line[2:] for line in readme.splitlines() if line.startswith("  ")]
    start = code.index("import torch")
    program = [
        line for line in code[start:] if line and (" = " in line or line.startswith(("import", "from", "print")))
    ]
    compile("\n".join(program), "README.txt", "exec")


@pytest.fixture
def adapters(wider_folder, tmp_path, monkeypatch):
    """An adapter `first` of the bundled model, in the place of which the tiny teacher stands; gives what tunes and
    saves another one on either."""
    home = tmp_path / "adapters"
    monkeypatch.setattr(bundle_module, "ADAPTERS", home)
    monkeypatch.setattr(teachers, "ADAPTERS", home)
    monkeypatch.setattr(bundled, "prepare", lambda: wider_folder)

    def tune(base: str, place: Path, precision: str = "full"):
        lm = teachers.load(base, torch.float32, precision)
        model = existing.build(StudentConfig(kind="existing", lora_rank=2), lm)
        with torch.no_grad():
            for number, (name, p) in enumerate(model.named_parameters()):
                if "lora_" in name:
                    p.copy_(torch.randn(p.shape, generator=torch.Generator().manual_seed(number)) / 4)
        place.parent.mkdir(parents=True, exist_ok=True)
        checkpoint.save(replace(lm, model=model), place)

    tune("smollm2", home / "first")
    (home / "first" / "card.json").write_text("{}")
    return tune


@pytest.mark.parametrize(("base", "precision"), [("smollm2", "full"), ("smollm2+first", "full"), ("smollm2", "nf4")])
def test_readme_code_loads_an_adapter_of_the_bundled_model_elsewhere(
    tmp_path: Path, wider_folder: Path, adapters, monkeypatch, base: str, precision: str
) -> None:
    """With what the zip holds and the hub's model alone; it says what the student here says."""
    student = StudentConfig(kind="existing", model=base, precision=precision)
    folder = finished(tmp_path, student=student, stages=(Stage(method="gold"),))
    shutil.rmtree(folder.student)
    adapters(base, folder.student, precision)
    archive = opened(bundle(folder))
    assert ("base_adapter/card.json" in archive.namelist()) == (base == "smollm2+first")
    archive.extractall(tmp_path / "elsewhere")
    monkeypatch.chdir(tmp_path / "elsewhere")
    readme = Path("README.txt").read_text()
    code = readme[readme.index("  import torch") : readme.index("The mask belongs")]
    assert f'base = "{bundled.HUB}"' in code
    found: dict = {}
    exec(textwrap.dedent(code).replace(bundled.HUB, str(wider_folder)), found)
    here = checkpoint.load(folder.student, "here")
    logits = here.model(torch.tensor([here.student_prompt(TASKS["pos"].shots[0].input)])).logits[0, -1]
    # On a CPU that computes in bf16 bitsandbytes does so wherever it is not told otherwise, as in that code.
    assert torch.allclose(found["logits"], logits, atol=1e-5 if precision == "full" else 0.3)
    plain = found["model"].unload()(torch.tensor(found["ids"])[None]).logits[0, -1]
    assert not torch.allclose(plain, logits, atol=0.3)


def test_an_adapter_whose_base_is_gone_is_refused(tmp_path: Path, adapters) -> None:
    folder = finished(tmp_path, student=StudentConfig(kind="existing", model="smollm2+gone"))
    with pytest.raises(RunError, match="the adapter 'gone', which this student's base has, is gone: put it back"):
        bundle(folder)


def test_a_run_without_a_student_is_refused_by_name(tmp_path: Path) -> None:
    folder = run_folders.create(RunConfig(name="early"), tmp_path)
    with pytest.raises(RunError, match="'early' has saved no student"):
        bundle(folder)


def test_a_damaged_configuration_is_refused(tmp_path: Path) -> None:
    folder = finished(tmp_path)
    (folder.path / "config.yaml").write_text("[")
    with pytest.raises(RunError, match="cannot be read"):
        bundle(folder)


def test_a_damaged_adapter_is_refused(tmp_path: Path) -> None:
    folder = finished(tmp_path, student=StudentConfig(kind="existing"))
    (folder.student / "adapter_config.json").write_text("[]")
    with pytest.raises(ModelError, match="is damaged"):
        bundle(folder)


@pytest.mark.parametrize("data", ["~/acme/mine.conllu", "acme/mine.conllu", "../acme/mine.conllu"])
def test_of_the_data_the_name_leaves(data: str) -> None:
    assert bundle_module.without_places(RunConfig(data=data)).data == "mine.conllu"


def test_no_folder_of_this_machine_leaves(tmp_path: Path) -> None:
    adapter = StudentConfig(kind="existing", model=str(tmp_path / "base-model"))
    values = {"data": str(tmp_path / "mine.conllu"), "teacher": str(tmp_path / "big-model"), "student": adapter}
    folder = finished(tmp_path, **values, stages=(Stage(method="gold"),))
    (folder.student / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(tmp_path)}))
    (folder.student / "README.md").write_text(str(tmp_path))
    archive = opened(bundle(folder))
    assert not [name for name in archive.namelist() if str(tmp_path).encode() in archive.read(name)]
    assert json.loads(archive.read("student/adapter_config.json"))["base_model_name_or_path"] == "base-model"
    assert "data: mine.conllu\n" in archive.read("config.yaml").decode()
    assert [m["name"] for m in json.loads(archive.read("report.json"))["models"]] == ["trained", "big-model"]
