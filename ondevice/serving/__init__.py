"""A local server: OpenAI's API for programs, our own for edits as they happen, and a page.

=================================  =============================================================
``GET /``                          a page to write programs with
``GET /health``                    whether it answers requests, without a token
``GET /metrics``                   counts and times in Prometheus' text format
``GET /v1/models``                 the model
``POST /v1/completions``           a program for a prompt, as OpenAI's API has it
``POST /v1/chat/completions``      a program for the last message of a conversation
``POST /v1/edits``                 every event as it happens, as server-sent events
=================================  =============================================================

The text of a completion is the program. Edits are made anywhere in it, and may be taken back, so
none of it is sure before it is finished: a stream of OpenAI's API sends the program at its end.
With ``stream_options={"include_edits": true}`` it also sends each event as it happens, in chunks
without choices, under ``ondevice``. ``/v1/edits`` sends the same objects by themselves, one a
message: those that ``ondevice generate --format json`` prints.

OpenAI's parameters have their usual meaning; those that an edit-sequence model cannot honor are
refused, unless they ask for nothing. As on the command line, ``temperature`` is 0 unless given, or
1 with ``n`` above 1, ``seed`` is 0, and ``top_p`` 0.95; ``stop`` cuts the finished program. More is
in the extension ``ondevice`` of a request: ``source``, ``path``, ``check``, ``retries``, ``depth``,
``top_k``, ``min_p``, ``max_seconds``, ``max_lines``, ``lengths``. In a conversation, the last
message is the request, and the assistant's last one the program to change; other messages, a
system message among them, say nothing to a model that was trained on single requests.
"""
