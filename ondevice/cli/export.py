"""``ondevice export``: a Hugging Face checkpoint to GGUF and ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ondevice.cli.columns import columns, size


def export(
    checkpoint: Annotated[
        Path,
        typer.Argument(metavar="CHECKPOINT", help="Folder of a Hugging Face checkpoint."),
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
    name: Annotated[
        str | None, typer.Option(help="The model's name.  [default: the folder's]")
    ] = None,
    license: Annotated[str, typer.Option(help="The license of the weights.")] = "unknown",
    source: Annotated[
        str | None, typer.Option(help="Where the weights come from.  [default: CHECKPOINT]")
    ] = None,
) -> None:
    """Export a checkpoint to GGUF and ONNX.

    Every file is run and compared with the checkpoint before the folder appears.
    """
    from ondevice.export import export_checkpoint
    from ondevice.export.folder import FORMATS, QUANTIZATIONS

    report = export_checkpoint(
        checkpoint,
        folder,
        formats=format or FORMATS,
        quantize=quantize or QUANTIZATIONS,
        name=name or folder.resolve().name,
        license=license,
        source=source or str(checkpoint),
        on_progress=lambda step: typer.echo(step, err=True),
    )
    rows = [("FILE", "SIZE", "LOGITS OFF BY (MEAN)", "(LARGEST)", "SAME GREEDY TOKENS")]
    for exported in report.files:
        file, agreement = exported.file, exported.agreement
        logits = (f"{agreement.mean:.1e}", f"{agreement.largest:.1e}")
        greedy = f"{agreement.greedy_equal} of {agreement.greedy_total}"
        rows.append((file.path, size(file.bytes), *logits, greedy))
    print(columns(rows))
