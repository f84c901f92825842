"""Text of data, schemas, models and users on every page: shown as text, and no input ends in a traceback.

Whatever a page sends to the browser is looked through: hostile text may stand, as it is, only where nothing reads
markdown or HTML.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from streamlit.runtime.state.query_params_proxy import QueryParamsProxy
from streamlit.testing.v1 import AppTest

from core.distill import config as run_config
from core.distill.presets import PRESETS
from core.evaluate.report import Likelihood, ModelReport, Report, ReportExample, completed, scores
from core.models import api, checkpoint
from core.paths import ROOT
from core.runs import folder as run_folders
from core.runs.folder import RunFolder, Status
from core.tasks import CARS, POS, Example, Task, saved_prompts
from core.tasks.prompt import Prompt
from tests.ui.conftest import IdleJobs
from ui import engine, uploads
from ui.datasets import dataset_view
from ui.own_model import ANOTHER
from ui.text import literal

HOSTILE = (
    '<img src=x onerror="window.__hit=1"><script>window.__hit=2</script> # h **b** [a](http://x.invalid) '
    "![i](http://x.invalid/i.png) :red[r] :material/home: :streamlit: :smile: $x$ `c` -> a@x.invalid www.x.invalid "
    "\u202eright to left\u2066 \x1b[31m \x7f e\u0301\ufeff end"
)
WORDS = HOSTILE.split(" ")
LONG = "W" * 10_000
PLAIN = {  # where the browser shows a string as it is
    "Text.body", "Code.code_text", "TextInput.default", "TextInput.value", "TextArea.default", "TextArea.value",
    "Selectbox.options", "Selectbox.raw_value", "MultiSelect.options", "MultiSelect.raw_values", "MultiSelect.default",
    "BidiComponent.json", "VegaLiteChart.spec", "Dataframe.columns", "PageLink.query_string",
}  # fmt: skip
MARKUP = re.compile(r"(?<!\\)(\*\*b|:red\[|<script|<img|\[a\]|`c|\$x)")
FOUND_LATER = re.compile(r":(streamlit|smile|material_\w+):|://x|@x|www\.x|->")  # whether escaped or not
NAMES = ("id", "element_id", "form_id", "key", "url", "hash")  # not shown


def strings(message: Message, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string of a message, with the type and field that hold it."""
    for field, value in message.ListFields():
        here = f"{message.DESCRIPTOR.name}.{field.name}"
        for one in value if field.is_repeated else [value]:
            if isinstance(one, Message):
                yield from strings(one, here)
            elif isinstance(one, str) and field.name not in NAMES:
                yield here, one


def read_as_markup(app: AppTest) -> list[str]:
    """Where hostile text stands as it is though the browser reads it as more than text."""
    assert not app.exception, app.exception[0].message
    protos = (getattr(node, "proto", None) for node in app._tree)
    return [
        f"{where}: {text[:200]!r}"
        for proto in protos if isinstance(proto, Message)
        for where, text in strings(proto)
        if where not in PLAIN and (MARKUP.search(text) or FOUND_LATER.search(text.replace("\\", "")))
    ]  # fmt: skip


@pytest.fixture(autouse=True)
def light(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, teacher: Any) -> None:
    """A tiny random teacher, and everything on disk in a place of the test's own."""
    jobs = IdleJobs(tmp_path / "runs")
    monkeypatch.setattr(engine, "warm_up", lambda: None)
    monkeypatch.setattr(engine, "jobs", lambda: jobs)
    monkeypatch.setattr(engine, "teacher_names", lambda: ("smollm2",))
    monkeypatch.setattr(engine, "teacher", lambda name: teacher if name == "smollm2" else load_teacher(name))
    monkeypatch.setattr(run_folders, "all_runs", lambda *_: all_runs(tmp_path / "runs", False))
    monkeypatch.setattr(run_folders, "open_run", lambda name, root=tmp_path / "runs": open_run(name, root))
    monkeypatch.setattr(saved_prompts, "PROMPTS", tmp_path / "prompts")
    monkeypatch.setattr(uploads, "UPLOADS", tmp_path / "uploads")
    dataset_view._tokens.clear()


load_teacher, all_runs, open_run = engine.teacher, run_folders.all_runs, run_folders.open_run


def page(stem: str, **query: Any) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
    app.switch_page(f"pages/{stem}.py")
    for name, value in query.items():
        app.query_params[name] = value
    return safe(app.run())


def safe(app: AppTest) -> AppTest:
    assert not (found := read_as_markup(app)), "\n".join(found)
    return app


def conllu(words: list[str]) -> bytes:
    rows = [f"{i}\t{word}\t_\tX\t_\t_\t_\t_\t_\t_" for i, word in enumerate(words, 1)]
    return ("# sent_id = <b>\n" + "\n".join(rows) + "\n\n").encode() * 12


def advert(text: str) -> bytes:
    row = {"text": text, "make": "ford", "model": text, "year": 1974, "mpg": 1e308}
    return (json.dumps(row) + "\n").encode() * 12


@pytest.mark.parametrize(
    ("task", "name", "content"),
    [
        ("pos", "<img src=x onerror=alert(1)>.conllu", conllu([*WORDS, LONG, "\x00"])),
        ("cars", ":red[r] **b**.jsonl", advert(f"{HOSTILE} {LONG} \x00")),
    ],
)
def test_data(task: str, name: str, content: bytes) -> None:
    app = page("datasets", task=task)
    safe(app.file_uploader(key=f"_datasets_file_{task}").upload(name, content).run())
    assert app.metric[0].value == "9"
    safe(app.text_input(key="datasets_search").set_value("window.__hit").run())
    assert "window.__hit" in app.dataframe[-1].value.to_csv()
    app.switch_page("pages/teacher.py")
    app.query_params["task"] = task
    safe(app.run())
    assert "window.__hit" in str([box.options for box in app.selectbox])
    app.switch_page("pages/distill.py")
    safe(app.run())


def test_paths_and_searches_typed_on_datasets() -> None:
    app = page("datasets")
    for text in (HOSTILE, "/", "/dev/null", "\0", "~nobody/x", "http://", "x" * 5000):
        safe(app.text_input(key="datasets_path_pos").set_value(text).run())
        assert app.error, text
        safe(app.text_input(key="datasets_search").set_value(text).run())


@pytest.mark.parametrize("answer", ["**b** <script>1</script> \ud800 \x00", HOSTILE, LONG, ""], ids=ascii)
def test_what_an_api_answers(
    answer: str, serve: Callable[..., str], chat_completion: Callable[..., dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = serve(lambda request, headers: (200, chat_completion(answer)))
    app = page("teacher", name=ANOTHER, other=address)
    safe(app.button(key="teacher_load").click().run())
    safe(app.button(key="teacher_run").click().run())
    assert any("not valid" in badge.value for badge in app.markdown)
    assert not app.error


def test_what_the_teacher_is_told() -> None:
    prompt = {"instructions": f"{HOSTILE} \x00", "with_schema": False, "shots": [{"input": HOSTILE, "answer": HOSTILE}]}
    app = page("teacher", prompt=json.dumps(prompt), source="own", text=f"{HOSTILE} {LONG}")
    safe(app.button(key="teacher_run").click().run())
    safe(app.text_input(key="teacher_shot_find").set_value("9" * 5000).run())
    safe(app.text_input(key="prompt_store_name").set_value(HOSTILE[:60]).run())
    safe(app.button(key="prompt_store_save").click().run())
    assert any("cannot name a prompt" in code.value for code in app.code)
    safe(app.button(key="teacher_use").click().run())
    app.switch_page("pages/distill.py")
    safe(app.run())
    assert "window.__hit" in " ".join(code.value for code in app.code)


ADDRESS = "https://x.invalid/v1#"


@pytest.mark.parametrize(
    "name", [HOSTILE, ADDRESS + HOSTILE, "http://[::1", "https://", "http://x#y", "../../etc", "\0"]
)
def test_names_of_teachers(name: str) -> None:
    app = page("teacher", name=ANOTHER, other=name)
    safe(app.button(key="teacher_load").click().run())
    assert app.error or name.startswith("https://x.invalid")  # is asked when there is something to be asked
    app.switch_page("pages/masks.py")
    app.query_params["model"], app.query_params["other"] = ANOTHER, name
    safe(app.run())
    if not api.is_address(name):  # which is refused at once: it tells no tokens
        safe(app.button(key="masks_load").click().run())
    assert app.error


FIELD = "x: Literal['<img src=x>', '**b**', ':red[r]', '$x$'] = Field(description='<script> **b**')"
SCHEMAS = {
    "pydantic": [f"class A(BaseModel):\n    {FIELD}", f"class A(BaseModel):\n    '''{HOSTILE}'''\n    {HOSTILE}: str",
                 "class A(BaseModel):\n    x: '**b** <script>'", f"# {HOSTILE}", "\0"],
    "json": [json.dumps({"title": HOSTILE, "type": "object", "properties": {HOSTILE: {"enum": WORDS}},
                         "required": [HOSTILE], "additionalProperties": False, "description": HOSTILE}),
             json.dumps({"type": HOSTILE}), json.dumps({"$ref": HOSTILE}), json.dumps({HOSTILE: 1}), HOSTILE,
             '{"type":"string","pattern":"\\ud800"}', '{"title":"\\ud800","const":1}', '{"\\ud800":1,"const":1}',
             json.dumps({"const": LONG})],
    "regex": [r"\*\*b\*\* :red\[r\] <script> \$x\$", HOSTILE, "[" + HOSTILE, "(?P<**b**>x)", "\0", LONG, "\u202e+"],
}  # fmt: skip


WRITTEN = [(kind, source) for kind in SCHEMAS for source in SCHEMAS[kind]]


@pytest.mark.parametrize("number", range(len(WRITTEN)))
def test_schemas(number: int) -> None:
    kind, source = WRITTEN[number]
    app = page("masks", **{"kind": kind, kind: source, "question": HOSTILE, "model": "smollm2"})
    if any(area.key == "masks_text" for area in app.text_area):
        for way in ("drive", "generate", "walk"):
            safe(app.segmented_control(key="masks_way").set_value(way).run())


NAME = "**b** :red[r] <script> $x$ :streamlit: www.x.invalid a@x.invalid"
RUN_NAMES = [NAME, f"{NAME} 2", f"{NAME} 3"]  # of runs; the last one is of another task
VIEWS: dict[str, tuple[dict[str, Any], ...]] = {  # beside the first view: between them they show all that there is
    "datasets": (),
    "teacher": ({"source": "own", "name": ANOTHER},),
    "distill": (),
    "masks": (
        {"kind": "preset", "view": "corpus"},
        {"vocabulary": "Table", "view": "samples"},
        {"example": "own", "way": "generate"},
        {"kind": "pydantic"},
        {"kind": "json"},
        {"kind": "preset", "way": "drive"},
        {"kind": "regex", "model": ANOTHER},
    ),
    "compare": ({"run": RUN_NAMES, "tokens": "1", "example": "1"},),
}
_asked: dict[str, set[str]] = {}


def asked(stem: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every name under which a page looks into its link."""
    if stem not in _asked:
        found = set[str]()
        with monkeypatch.context() as patched:
            for name in ("__getitem__", "get_all"):
                patched.setattr(QueryParamsProxy, name, noted(getattr(QueryParamsProxy, name), found))
            for view in ({}, *VIEWS[stem]):
                shown(stem, **view)
        assert found > {name for view in VIEWS[stem] for name in view}
        _asked[stem] = found
    return _asked[stem]


def noted(look: Callable[[Any, str], Any], names: set[str]) -> Callable[[Any, str], Any]:
    def noting(self: Any, name: str) -> Any:
        names.add(name)
        return look(self, name)

    return noting


def shown(stem: str, **query: Any) -> AppTest:
    """The page with all that it has to show: the Teacher page also with an answer."""
    app = page(stem, **query)
    press = [button for button in app.button if button.key == "teacher_run" and not button.disabled]
    return safe(press[0].click().run()) if press else app


WRONG = {
    "hostile": HOSTILE, "negative": "-5", "huge": "1e99", "digits": "9" * 5000, "path": "../../etc", "nul": "\0",
    "empty": "", "long": LONG,
}  # fmt: skip


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("stem", VIEWS)
def test_links(stem: str, value: str, tmp_path: Path, teacher: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if stem == "compare":
        for folder in scored_runs(tmp_path, teacher="smollm2"):
            checkpoint.save(teacher, folder.student)
    wrong = dict.fromkeys(asked(stem, monkeypatch), WRONG[value])
    for view in ({}, *VIEWS[stem]):
        shown(stem, **{**wrong, **view})


def test_a_model_in_a_folder_of_a_hostile_name(tmp_path: Path, teacher_folder: Path) -> None:
    (folder := tmp_path / NAME).symlink_to(teacher_folder)
    app = page("masks", model=ANOTHER, other=str(folder), view="corpus", corpus_count="3")
    safe(app.button(key="masks_load").click().run())
    assert any("Each cell is" in caption.value or "under the schema" in caption.value for caption in app.caption)


def a_run(root: Path, name: str, **values: Any) -> RunFolder:
    """A finished run whose every text is hostile, in a folder of this name."""
    config = (
        PRESETS["Quick"]
        .with_values([])
        .model_copy(update={"teacher": HOSTILE, "data": HOSTILE, "prompt": Prompt(instructions=HOSTILE)} | values)
    )
    made = run_folders.create(config, root)
    os.rename(made.path, root / name)
    folder = RunFolder(root / name)
    folder.log(HOSTILE)
    step = {
        "step": 1,
        "total": 4,
        "stage": 0,
        "method": HOSTILE,
        "loss": 1.0,
        "seconds": 1.0,
        "progress": 0.1,
        "tokens": 9,
    }
    folder.add_metrics(step)
    folder.add_metrics({"step": 1, "validation": {HOSTILE: 0.5, "accuracy": 0.5}})
    return folder


def a_report(task: Task = POS) -> Report:
    examples = [Example(HOSTILE, task.shots[0].answer), Example(task.shots[1].input, task.shots[1].answer)]
    odd = task.shots[0].answer.replace("She", f"{WORDS[0]}**b**:red[r]")
    outputs = {"teacher": [HOSTILE, HOSTILE], "untrained": [odd, odd], "trained": [odd, examples[1].answer]}
    likelihood = Likelihood(
        free=8, forced=9, perplexity=2.0, perplexity_unmasked=3.0, refused_mass=0.5, calibration_error=0.1, bins=(),
        losses=(0.5, 1.5),
    )  # fmt: skip
    models = tuple(
        ModelReport(
            name=HOSTILE, role=role, parameters=10, megabytes=1.0, ms_per_example=5.0, model_calls=7,
            scores=scores(task, examples, given), outputs=tuple(given), free_outputs=(HOSTILE, LONG),
            likelihood=likelihood,
        )
        for role, given in outputs.items()
    )  # fmt: skip
    found = Report(
        task=task.name, data=HOSTILE, machine=HOSTILE, seconds=60.0, leaks=0, models=models,
        examples=tuple(ReportExample(input=e.input, gold=e.answer) for e in examples),
    )  # fmt: skip
    return completed(found, task)


@pytest.mark.parametrize("state", ["finished", "failed", "running", "queued", "interrupted"])
def test_runs(state: str, tmp_path: Path) -> None:
    folder = a_run(tmp_path / "runs", NAME)
    folder.write_report(a_report())
    status = Status(state=state, phase=HOSTILE, error=HOSTILE, failure=HOSTILE, traceback=HOSTILE, started=1.0)
    with folder.lock():  # as whoever works on it does
        folder.write_status(status)
        app = page("distill", run=NAME)
        assert "window.__hit" in " ".join(code.value for code in app.code)
        page("distill")
        page("masks")
    if state == "finished":
        page("compare")
        page("compare", run=NAME, filter="student", text=HOSTILE, tokens="1")


def scored_runs(place: Path, **values: Any) -> list[RunFolder]:
    found = []
    for name, task in zip(RUN_NAMES, (POS, POS, CARS)):
        folder = a_run(place / "runs", name, task=task.name, **values)
        folder.write_report(a_report(task))
        folder.write_status(Status(state="finished", progress=1.0))
        found.append(folder)
    return found


def test_two_runs_with_hostile_names_are_compared(tmp_path: Path) -> None:
    scored_runs(tmp_path)
    app = page("compare")
    safe(app.multiselect(key="compare_runs").set_value(RUN_NAMES[:2]).run())
    text = app.text_input(key="compare_text pos")
    safe(text.set_value(HOSTILE).run())
    safe(app.button(key="compare_try").click().run())


def test_a_configuration_as_a_file_and_in_the_form() -> None:
    app = page("distill")
    text = run_config.to_yaml(PRESETS["Quick"])
    odd = (
        HOSTILE,
        "seed: " + "9" * 5000,
        "[" * 20_000,
        'data: "\\ud800"',
        text.replace("name: quick", "name: '**b**'"),
    )
    for content in (*(one.encode() for one in odd), b"", bytes(range(256)), text.encode("utf-16")):
        safe(app.file_uploader(key="_distill_yaml").upload("<b>.yaml", content).run())
        assert app.session_state["distill_yaml_error"], content[:40]
    safe(app.file_uploader(key="_distill_yaml").upload("marked.yaml", ("\ufeff" + text).encode()).run())
    assert not app.session_state["distill_yaml_error"]
    safe(app.text_input(key="distill_name").set_value(HOSTILE).run())
    assert app.button(key="distill_start").disabled


@pytest.mark.parametrize(
    "text", ["", " ", "a_b *c*", HOSTILE, "a -> b <- c -- d >= e <= f ~= g <-> h", "WWW.x.org", "a\n\n    b\n# c"]
)
def test_literal_has_nothing_that_markdown_would_read(text: str) -> None:
    assert "".join(re.findall(r"\w", literal(text))) == "".join(re.findall(r"\w", text))
