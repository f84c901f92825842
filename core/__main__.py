"""The engine from a shell: `python -m core --help`."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from core.errors import StillroomError

DISTILL = """ All of it goes into a folder of its own, which the pages show too: checkpoints, log, student and report.
Ctrl-C saves a checkpoint and stops. On several GPUs or machines: accelerate launch -m core distill run.yaml."""
RESUME = """ It goes on from its last checkpoint, with the settings that config.yaml in its folder holds now; those that
a checkpoint depends on must be as they were."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit status. Errors that a user can mend, as on a full disk, are one line on
    stderr."""
    options = _parser().parse_args(arguments)
    try:
        return options.work(options)
    except (StillroomError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before there is a run to stop
        print("interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core", description="Stillroom's engine, without the screen.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, work: object, text: str, more: str = "") -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.{more}")
        added.set_defaults(work=work)
        return added

    command("prepare", _prepare, "convert the bundled teacher's weights (once)")
    distill = command("distill", _distill, "run a distillation from a YAML file", DISTILL)
    distill.add_argument("config", type=Path, help="the run's YAML: of `preset`, or of the Distill page")
    distill.add_argument("values", nargs="*", metavar="path=value", help="fields to change, e.g. stages.0.epochs=3")
    resume = command("resume", _resume, "go on with a run that was stopped, interrupted or failed", RESUME)
    resume.add_argument("name", help="the run's name, as `runs` lists it")
    command("runs", _runs, "list all runs")
    preset = command("preset", _preset, "print a preset's YAML")
    preset.add_argument("name", help="Quick, Tiny or Thorough")
    adapter = command(
        "adapter", _adapter, "turn a finished adapter run into a teacher: copies weights, writes its card"
    )
    adapter.add_argument("run", help="the run's name")
    adapter.add_argument("name", help="the adapter's name: the teacher is then smollm2+NAME")
    adapter.add_argument("--data", required=True, help="what it was trained on, in words")
    adapter.add_argument("--licence", required=True, help="the licence of that data")
    tags = command("tags", _tags, "list the words of CoNLL-U files that carry more than one tag")
    tags.add_argument("files", nargs="+", type=Path)
    return parser


def _prepare(options: argparse.Namespace) -> int:
    from core.models import bundled

    bundled.prepare()
    return 0


def _distill(options: argparse.Namespace) -> int:
    from core.distill import config

    wanted = config.read(options.config).with_values(options.values)
    import core.runs.execute  # noqa: F401  (it takes seconds: after what is wrong is said, before there is a folder)
    from core.distill import processes
    from core.runs import folder

    return _work(processes.by_main(lambda: folder.create(wanted).path))


def _resume(options: argparse.Namespace) -> int:
    from core.runs import folder

    folder.open_run(options.name)
    import core.runs.execute  # noqa: F401
    from core.distill import processes

    # The main process alone looks: the run is not resumable any more once it works on it.
    return _work(processes.by_main(lambda: folder.resumable(options.name).path))


def _work(path: Path) -> int:
    """Executes a run in this process, and in those that `accelerate launch` started beside it; Ctrl-C saves a
    checkpoint and stops."""
    from core.distill import processes
    from core.runs.execute import execute
    from core.runs.folder import RunFolder

    stop = threading.Event()
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    if not processes.is_main():
        status = execute(RunFolder(path, writes=False))
        if status.error:
            print(f"process {processes.number()}: {status.error}", file=sys.stderr)
        processes.leave()
        return 0 if status.state == "finished" else 1
    run = RunFolder(path)
    print(f"run folder: {run.path}")
    with run.lock():
        status = execute(run, stop.is_set, say=lambda line: print(line, flush=True))
    processes.leave()
    return 0 if status.state == "finished" else 1


def _runs(options: argparse.Namespace) -> int:
    from core.runs import folder

    for run in folder.all_runs():
        status = run.status()
        print(f"{run.name:24} {status.state:12} {status.step}/{status.total}")
    return 0


def _preset(options: argparse.Namespace) -> int:
    from core.distill import config
    from core.distill.presets import PRESETS

    if options.name not in PRESETS:
        raise StillroomError(f"there is no preset {options.name!r}: use one of {', '.join(PRESETS)}.")
    print(config.to_yaml(PRESETS[options.name]), end="")
    return 0


def _adapter(options: argparse.Namespace) -> int:
    from core.export import adapter
    from core.runs import folder

    path = adapter.publish(folder.open_run(options.run), options.name, options.data, options.licence)
    print(f"written: {path}")
    return 0


def _tags(options: argparse.Namespace) -> int:
    from core.data import conllu

    counts = conllu.tag_counts(sentence for file in options.files for sentence in conllu.read(file))
    for word, tags in sorted(counts.items()):
        if len(tags) > 1:
            print(f"{word:20} " + "  ".join(f"{tag} {count}" for tag, count in tags.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
