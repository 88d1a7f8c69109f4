// Writes programs with this server: reads the events of POST /v1/edits, and shows them.
import { Program } from "/program.js";
import { Pane } from "/pane.js";

const $ = (id) => document.getElementById(id);
const form = $("request");
let running = null;

async function* events(body, signal) {
  const headers = { "Content-Type": "application/json" };
  if ($("token").value) headers.Authorization = `Bearer ${$("token").value}`;
  const response = await fetch("/v1/edits", {
    method: "POST", headers, body: JSON.stringify(body), signal,
  });
  if (!response.ok) throw await refusal(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (text + value).split("\n\n");
    text = parts.pop();
    for (const part of parts) {
      if (part.startsWith("data: ")) yield JSON.parse(part.slice(6));
    }
  }
}

async function refusal(response) {
  if (response.status === 401) {
    $("access").hidden = false;
    $("token").focus();
  }
  const found = await response.json().catch(() => null);
  return new Error(found?.error?.message ?? `the server answered ${response.status}`);
}

function asked() {
  const number = (id) => Number($(id).value);
  const body = { prompt: $("prompt").value.trim(), check: $("check").value };
  for (const id of ["samples", "temperature", "seed", "max_tokens"]) body[id] = number(id);
  if ($("source").value) body.source = $("source").value;
  return body;
}

async function write() {
  stop();
  const body = asked();
  const stopper = new AbortController();
  running = stopper;
  $("error").textContent = "";
  $("stop").disabled = false;
  const panes = Array.from({ length: body.samples }, (_, number) =>
    new Pane($("sample"), number, body.samples, new Program(body.source ?? ""), say));
  $("samples-shown").replaceChildren(...panes.map((pane) => pane.element));
  say("writing");
  try {
    for await (const event of events(body, stopper.signal)) {
      if (event.type === "error") throw new Error(event.message);
      if (event.type === "done") finish(panes, event);
      else panes[event.sample].show(event);
    }
  } catch (error) {
    if (stopper.signal.aborted) say("stopped");
    else $("error").textContent = error.message;
    for (const pane of panes) pane.cutOff();
  }
  if (running === stopper) {
    running = null;
    $("stop").disabled = true;
  }
}

function finish(panes, done) {
  if (panes.length === 1) panes[0].finish(done);
  else panes[done.sample].distinguish();
  say(panes.length === 1 ? panes[0].summary : `finished; sample ${done.sample + 1} is the best`);
}

function stop() {
  running?.abort();
}

function say(text) {
  $("status").textContent = text;
}

async function meet() {
  try {
    const health = await (await fetch("/health")).json();
    $("model").textContent = `${health.model}, on this machine`;
    document.title = `ondevice: ${health.model}`;
  } catch {
    $("model").textContent = "the server does not answer";
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  write();
});
$("stop").addEventListener("click", stop);
$("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") stop();
});
$("samples").addEventListener("change", () => {
  // Greedy samples are all the same.
  if ($("samples").valueAsNumber > 1 && $("temperature").valueAsNumber === 0) {
    $("temperature").value = "1";
  }
});
meet();
