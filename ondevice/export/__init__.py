"""Hugging Face checkpoints as model folders: GGUF, ONNX, proof of agreement, manifest."""

from ondevice.export.agreement import Agreement
from ondevice.export.folder import ExportedFile, ExportReport, export_checkpoint

__all__ = ["Agreement", "ExportReport", "ExportedFile", "export_checkpoint"]
