"""Ready-made configurations: what the Distill page offers first."""

from core.distill.config import RunConfig, Stage
from core.models.student_config import StudentConfig

PRESETS: dict[str, RunConfig] = {
    # FACTS of the recipe: a cut student learns to tag within minutes on one thread; small batches
    # reach the same accuracy on fewer sentences.
    "Quick": RunConfig(
        name="quick",
        student=StudentConfig(kind="cut", layers=(0, 1, 2, 29), vocabulary=32_768),
        stages=(
            Stage(method="task", epochs=1, examples=64, learning_rate=1e-3),
            Stage(method="gold", epochs=2, learning_rate=1e-3),
        ),
        max_seconds=140,
        report_examples=40,
        validation_examples=12,
    ),
    "Tiny": RunConfig(
        name="tiny",
        student=StudentConfig(kind="scratch", width=192, depth=4, heads=6, embeddings="pca", vocabulary=8192),
        stages=(
            Stage(method="task", epochs=1, learning_rate=1.5e-3),
            Stage(method="gold", epochs=30, learning_rate=1.5e-3),
        ),
        batch_size=8,
        validate_every=100,
        checkpoint_every=100,
    ),
    "Thorough": RunConfig(
        name="thorough",
        student=StudentConfig(kind="cut", layers=(0, 1, 2, 3, 4, 29), vocabulary=16_384),
        stages=(
            Stage(method="task", epochs=3, learning_rate=7e-4),
            Stage(method="gold", epochs=5, learning_rate=5e-4),
        ),
        validate_every=100,
        checkpoint_every=100,
    ),
}
