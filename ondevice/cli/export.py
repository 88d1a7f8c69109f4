"""``ondevice export``: a Hugging Face checkpoint to GGUF and ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ondevice.cli.columns import columns, size
from ondevice.cli.exits import UNFINISHED
from ondevice.errors import DisagreementError

if TYPE_CHECKING:
    from ondevice.export import ExportReport

_HEAD = (
    *("FILE", "SIZE", "LOGITS OFF BY (MEAN)", "(LARGEST)", "DIVERGENCE (MEAN)", "(LARGEST)"),
    *("SAME GREEDY TOKENS", "PERPLEXITY", "TOKENS/S"),
)


def export(
    checkpoint: Annotated[
        str,
        typer.Argument(
            metavar="CHECKPOINT",
            help="Folder of a Hugging Face checkpoint, or a name on the hub: org/name[@revision].",
        ),
    ],
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Model folder to make, or to replace.")
    ],
    format: Annotated[
        list[str] | None, typer.Option(help="gguf or onnx; may be repeated.  [default: both]")
    ] = None,
    quantize: Annotated[
        list[str] | None,
        typer.Option(
            help="GGUF: q8_0, q6_k, q4_k_m ..., bf16, f16, f32; ONNX: int8, int4, fp32; may be "
            "repeated.  [default: q8_0, f16, int8, fp32]"
        ),
    ] = None,
    dialect: Annotated[
        str | None,
        typer.Option(
            help="lintseq or unified.  [default: lintseq where the tokenizer knows <|diff|>]"
        ),
    ] = None,
    text: Annotated[
        Path | None,
        typer.Option(
            help="Held text for logits and perplexity.  [default: one of code, edits and prose]"
        ),
    ] = None,
    imatrix: Annotated[
        Path | None,
        typer.Option(
            help="Weigh llama.cpp's quantizations by an importance matrix over this text (.txt), "
            "or rows that `ondevice lintseq` wrote; q2_k_s and iq1 to iq3_xxs need one."
        ),
    ] = None,
    fused: Annotated[
        bool,
        typer.Option(
            "--fused",
            help="ONNX: attention as one operation with its cache in place, faster in onnxruntime, "
            "and only there (OLMo 1 and 2, Llama, Mistral, Qwen 2, StarCoder 2).",
        ),
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="The model's name.  [default: the folder's]")
    ] = None,
    license: Annotated[
        str | None, typer.Option(help="The license of the weights.  [default: the model card's]")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Where the weights come from.  [default: CHECKPOINT]")
    ] = None,
) -> None:
    """Export a checkpoint to GGUF and ONNX.

    Every file is run and compared with the checkpoint before the folder appears: the tokenizer on
    a large mixed text, logits (relative to their spread), their divergence (Kullback-Leibler, nats
    a token), greedy tokens and perplexity. Where a file differs by more than its quantization
    explains, nothing appears, and the exit code is 1.
    """
    from ondevice.export import export_checkpoint
    from ondevice.export.importance import read_texts
    from ondevice.export.variants import FORMATS, QUANTIZATIONS

    try:
        report = export_checkpoint(
            checkpoint,
            folder,
            formats=format or FORMATS,
            quantize=quantize or QUANTIZATIONS,
            name=name or folder.resolve().name,
            dialect=dialect,
            license=license,
            source=source,
            text=_read(text),
            calibration=read_texts(imatrix) if imatrix else (),
            fused=fused,
            on_progress=lambda step: typer.echo(step, err=True),
        )
    except DisagreementError as error:
        if error.report is not None:
            print(_table(error.report))  # type: ignore[arg-type]
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(UNFINISHED) from error
    print(_table(report))


def _read(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{path} is no UTF-8 text: {error.reason}") from error
    if not text.strip():
        raise typer.BadParameter(f"{path} is empty")
    return text


def _table(report: ExportReport) -> str:
    rows = [_HEAD]
    for exported in report.files:
        found = exported.agreement
        rows.append(
            (
                *(exported.file.path, size(exported.file.bytes)),
                *(f"{found.mean:.1e}", f"{found.largest:.1e}"),
                *(f"{found.divergence:.1e}", f"{found.largest_divergence:.1e}"),
                f"{found.greedy_equal} of {found.greedy_total}",
                *(f"{found.perplexity:.3f}", f"{found.tokens_per_second:.0f}"),
            )
        )
    own = ("the checkpoint", *[""] * 6, f"{report.perplexity:.3f}", "")
    return columns([*rows, own])
