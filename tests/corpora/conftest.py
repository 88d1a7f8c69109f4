from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

MakeDistribution = Callable[..., Path]

TEXT_OF_MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this\n"
    "software. The above copyright notice and this permission notice shall be included in all\n"
    "copies or substantial portions of the Software.\n"
)
TEXT_OF_BSD = (
    "Redistribution and use in source and binary forms, with or without modification, are\n"
    "permitted. Redistributions of source code must retain the above copyright notice.\n"
    "Neither the name of the holder nor the names of its contributors may be used.\n"
)
TEXT_OF_GPL = "GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007\n"


def module(word: str) -> str:
    """A file of its own, worth learning from."""
    return "\n\n".join(
        f"def {word}_{verb}(items, {word}):\n"
        f'    """Return what {verb} makes of the {word} in all items."""\n'
        f"    {verb} = [item.{verb}({word}) for item in items if item != {word!r}]\n"
        f"    return {verb}[: len({word}) + {number}]"
        for number, verb in enumerate(("gather", "polish", "weigh"))
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def make_distribution(site: Path) -> MakeDistribution:
    """Make an installed distribution; ``files`` are texts or bytes by their paths."""

    def make(
        name: str,
        files: dict[str, str | bytes] | None = None,
        *,
        metadata: Sequence[str] = ("License-Expression: MIT",),
        licenses: dict[str, str] | None = None,
        record: bool = True,
    ) -> Path:
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        head = ["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *metadata]
        (info / "METADATA").write_text("\n".join(head) + "\n\nA description.\n")
        contents: dict[str, str | bytes] = dict(files or {f"{name}.py": module(name)})
        contents |= {
            f"{info.name}/licenses/{path}": text for path, text in (licenses or {}).items()
        }
        for path, content in contents.items():
            full = site / path
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_bytes(content.encode() if isinstance(content, str) else content)
        if record:
            (info / "RECORD").write_text("".join(f"{path},,\n" for path in contents))
        return info

    return make
