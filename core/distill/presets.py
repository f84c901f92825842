"""Ready-made configurations: what the Distill page offers first."""

from core.distill.config import RunConfig, Stage
from core.models.student_config import StudentConfig

PRESETS: dict[str, RunConfig] = {
    # Small batches: from the same sentences, two a step reach 0.90 where four reach 0.88. On a CPU the
    # teacher's signal takes four times as long as learning from it, so most of the time goes to gold.
    "Quick": RunConfig(
        name="quick",
        student=StudentConfig(kind="cut", layers=(0, 1, 2, 29), frozen=1, vocabulary=49_152),
        stages=(
            Stage(method="task", epochs=1, examples=8, learning_rate=7e-4),
            Stage(method="gold", epochs=2, learning_rate=7e-4),
        ),
        batch_size=2,
        warmup=0.1,
        max_seconds=130,
        validate_every=150,
        validation_examples=12,
        checkpoint_every=50,
        report_examples=25,
    ),
    # Cut in width, it learns more in the same time than one from scratch of the same size. After four epochs of gold
    # alone it got no better.
    "Tiny": RunConfig(
        name="tiny",
        student=StudentConfig(kind="cut", layers=(0, 1, 2, 3, 4, 5), cut_width=192, vocabulary=4096),
        stages=(
            Stage(method="task", epochs=1, learning_rate=1.5e-3),
            Stage(method="gold", epochs=4, learning_rate=1.5e-3),
        ),
        batch_size=4,
        validate_every=100,
        checkpoint_every=100,
    ),
    "Thorough": RunConfig(
        name="thorough",
        student=StudentConfig(kind="cut", layers=(0, 1, 2, 3, 4, 29), vocabulary=49_152),
        stages=(
            Stage(method="task", epochs=2, learning_rate=5e-4),
            Stage(method="gold", epochs=3, learning_rate=5e-4),
        ),
        batch_size=2,
        warmup=0.1,
        validate_every=150,
        checkpoint_every=150,
    ),
}
