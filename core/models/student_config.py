"""What a student is to be like. Knows no framework: forms and files are made from it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.models import relevance


class StudentConfig(BaseModel):
    """The student's shape and how it starts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["cut", "scratch", "existing"] = Field(
        "cut",
        title="Kind",
        description="cut: some layers of the teacher; scratch: a new model of any size; "
        "existing: a model as it is, tuned",
    )
    model: str | None = Field(
        None,
        min_length=1,
        title="Made from",
        description="the model whose layers, weights and tokenizer the student starts from; empty: the teacher",
    )
    layers: tuple[int, ...] = Field(
        (0, 1, 2, 29), min_length=1, title="Layers to keep", description="cut: the teacher's layers, counted from 0"
    )
    cut_width: int | None = Field(
        None,
        ge=16,
        le=16_384,
        title="Width to keep",
        description="cut: size of the hidden state; what matters least goes, heads and neurons in proportion; "
        "empty: all of it",
    )
    frozen: int = Field(
        0, ge=0, le=64, title="Frozen layers", description="cut: the first so many stay as they are, which is faster"
    )
    shape: Literal["llama", "gpt2"] = Field(
        "llama",
        title="Shape",
        description="scratch: how its layers are built; llama: rotary positions, RMSNorm, SwiGLU, learns much faster; "
        "gpt2: learned positions, LayerNorm, GELU",
    )
    width: int = Field(192, ge=16, le=4096, title="Width", description="scratch: size of the hidden state")
    depth: int = Field(4, ge=1, le=64, title="Depth", description="scratch: number of layers")
    heads: int = Field(6, ge=1, le=64, title="Heads", description="scratch: attention heads; they divide the width")
    embeddings: Literal["pca", "random"] = Field(
        "pca", title="Embeddings", description="scratch: start from the teacher's by PCA, or at random"
    )
    dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        title="Dropout",
        description="cut, scratch: share of the embeddings, and of what each layer adds to them, left out at a step; "
        "empty: 0.1 from scratch, none in a cut",
    )
    vocabulary: int = Field(
        8192,
        ge=300,
        le=300_000,
        title="Vocabulary",
        description="cut, scratch: tokens to keep at least; those that data and schema need are kept besides",
    )
    min_count: int = Field(
        1,
        ge=1,
        le=1_000_000,
        title="Least uses of a token",
        description="cut, scratch: tokens that data has less often are spelled with smaller ones, as words that are "
        "not in it will be: a smaller file, which knows less by heart; 1: data's are all kept",
    )
    context: int = Field(
        1024, ge=64, le=32_768, title="Context", description="cut, scratch: longest input and answer, in tokens"
    )
    tuning: Literal["lora", "adalora", "full"] = Field(
        "lora",
        title="Tuning",
        description="existing: what is trained; lora: small matrices beside the weights; adalora: the same, with "
        "their ranks shared out by importance while training; full: all weights",
    )
    precision: Literal["full", "int8", "nf4"] = Field(
        "full",
        title="Precision",
        description="existing: of the weights that stay frozen; full: as they are; int8: a byte each; "
        "nf4: half a byte each",
    )
    lora_rank: int = Field(
        8, ge=1, le=256, title="LoRA rank", description="lora, adalora: rank of the added matrices, at the end"
    )
    lora_alpha: int | None = Field(
        None, ge=1, le=1024, title="LoRA alpha", description="lora, adalora: their weight; empty: twice the rank"
    )
    lora_dropout: float = Field(
        0.0, ge=0, lt=1, title="LoRA dropout", description="lora, adalora: share of their inputs left out at a step"
    )
    lora_layers: int | None = Field(
        None,
        ge=1,
        title="LoRA layers",
        description="lora, adalora: only the last so many layers, which is faster; empty: all",
    )
    target_modules: tuple[str, ...] = Field(
        (),
        title="Matrices",
        description="lora, adalora: names of the matrices, as q_proj, v_proj; empty: all of a layer",
    )
    prompted: bool = Field(
        False,
        title="Reads the prompt",
        description="existing: it reads the teacher's prompt, as a teacher must; else the input only",
    )

    @property
    def dropout_share(self) -> float:
        if self.dropout is None:
            return 0.1 if self.kind == "scratch" else 0.0
        return self.dropout

    @property
    def is_adapter(self) -> bool:
        """Whether matrices beside a frozen model are all that is trained and saved."""
        return self.kind == "existing" and self.tuning != "full"

    @model_validator(mode="after")
    def _consistent(self) -> "StudentConfig":
        relevance.check(self)
        if self.kind == "scratch":
            self._check_heads()
        if self.kind == "cut":
            self._check_layers()
        if self.tuning == "full" and self.precision != "full":
            raise ValueError(f"weights in {self.precision} cannot be trained: take tuning 'lora', or precision 'full'")
        return self

    def _check_layers(self) -> None:
        if wrong := [i for i in self.layers if i < 0]:
            raise ValueError(f"layers {wrong} are counted from 0: take numbers that the teacher has")
        if self.frozen >= len(self.layers):
            raise ValueError(f"frozen {self.frozen} leaves none of the {len(self.layers)} layers to learn: lower it")

    def _check_heads(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}: change one of them")
        if self.shape == "llama" and self.width // self.heads % 2:
            raise ValueError(
                f"a llama's heads are an even number wide: width {self.width} with heads {self.heads} gives "
                f"{self.width // self.heads}: change one of them"
            )
