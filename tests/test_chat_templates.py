from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondevice import chat_templates
from ondevice.backends.base import ChatFormat
from ondevice.chat_templates import render
from ondevice.edits import UNIFIED, Buffer
from ondevice.errors import ModelFormatError
from ondevice.prompts import Chat

MESSAGES = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "x" * 50_000}]
VALUES = {"messages": MESSAGES, "add_generation_prompt": True, "bos_token": "<s>", "eos_token": ""}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ bos_token }}{% for m in messages %}[{{ m.role }}]{% endfor %}", "<s>[system][user]"),
        ("{{ '[' + messages[0]['content'] + ']' }}", "[Be short.]"),
        ("{{ '[' ~ messages[0]['role'] ~ 1 ~ ']' }}", "[system1]"),
        (
            "{% set n = namespace(i=0) %}{% for m in messages %}{% set n.i = n.i + 1 %}"
            "{% endfor %}{{ n.i }}",
            "2",
        ),
        (
            "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}"
            "{{ loop.index0 % 2 }}{% endfor %}",
            "1",
        ),
        ("{{ messages | map(attribute='role') | join(', ') | upper }}", "SYSTEM, USER"),
        ("{{ messages | selectattr('role', 'equalto', 'system') | list | length }}", "1"),
        ("{{ messages[0].content | trim | replace('short', 'brief') }}", "Be brief."),
        ("{{ messages[0] | tojson }}", '{"role": "system", "content": "Be short."}'),
        ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(m('a')) }}", "<<a>>"),
        ("{{ messages[0].content.split(' ')[-1] }}{{ '%s!' % 'a' }}", "short.a!"),
        ("{{ tools is defined }}{{ tools | default('none') }}", "Falsenone"),
        ("{{ '-' * 3 }}{{ range(3) | list }}", "---[0, 1, 2]"),
        ("{{ (messages[1].content * 2) | length }}", "100000"),
        ("{{ raise_exception.__globals__ }}{{ ''.__class__ }}", ""),
    ],
)
def test_what_templates_do(template: str, expected: str) -> None:
    assert render(template, VALUES) == expected


HOSTILE = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ messages.__class__.__base__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ ''|attr('__class__') }}",
    "{{ '{0.__class__.__mro__}'.format(messages) }}",
    "{{ raise_exception.__globals__.os }}",
    "{{ _tick.__self__.globals }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends 'x' %}",
    "{{ messages.append(1) }}",
    "{{ 'x' * 10**10 }}",
    "{{ ['x'] * 10**10 }}",
    "{{ 10 ** 10000000000 }}",
    "{{ 'x'.ljust(10**10) }}",
    "{{ 'x'.center(10000000000) }}",
    "{{ 'x' | center(10000000000) }}",
    "{{ '%10000000000d' % 1 }}",
    "{{ '%*d' % (10000000000, 1) }}",
    "{{ '{:10000000000}'.format(1) }}",
    "{{ '{:{}}'.format(1, 10000000000) }}",
    "{{ ('\t' * 60000).expandtabs(60000) }}",
    "{{ ('a' * 60000).replace('a', 'b' * 60000) }}",
    "{{ ('a' * 60000) | replace('a', 'b' * 60000) }}",
    "{{ 'b' * 60000 | int }}{{ range(9000) | map('string') | join('b' * 60000) }}",
    "{{ ('b' * 60000).join(range(9000) | map('string') | list) }}",
    "{{ ('a' * 60000).translate({97: 'b' * 60000}) }}",
    "{{ lipsum(1000000) }}",
    "{{ range(10**9) | list }}",
    "{% for a in range(9999) %}" * 3 + "{% endfor %}" * 3,
    "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{% set n = namespace(x='x') %}{% for a in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
    "{% set n = namespace(x='x') %}{% for a in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
    "{% set n = namespace(x=[1]) %}{% for a in range(60) %}{% set n.x = n.x + n.x %}{% endfor %}",
    "{% set n = namespace(x=3) %}{% for a in range(60) %}{% set n.x = n.x * n.x %}{% endfor %}",
    "{% set n = namespace(x='x') %}{% for a in range(60) %}{% set n.x %}"
    "{{ n.x }}{{ n.x }}{% endset %}{% endfor %}",
    "{% for a in range(9999) %}" + "x" * 60_000 + "{% endfor %}",
    "x" * 10**6,
    "{{ " + "(" * 100_000,
    "{{ " + "not " * 100_000 + "1 }}",
    "{% if 1 %}" * 20_000,
    "{{ messages",
    "{{ 1 / 0 }}",
    "{{ nothing.there }}",
    "{{ raise_exception('no') }}",
)


@pytest.fixture
def little_memory() -> Iterator[None]:
    """Keep the machine from what this test is about, should it fail."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = Path("/proc/self/statm")
    if pages.exists():
        used = int(pages.read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("template", HOSTILE, ids=lambda template: template[:60])
def test_a_hostile_template_is_an_error_of_ours(
    template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat_templates, "MOST_SECONDS", 0.3)
    begun = time.monotonic()
    tracemalloc.start()
    try:
        with pytest.raises(ModelFormatError, match="chat template cannot be filled in"):
            Chat(ChatFormat(template)).fill("write it", Buffer.from_text("a\n"), UNIFIED)
        assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    finally:
        tracemalloc.stop()
    assert time.monotonic() - begun < 10
