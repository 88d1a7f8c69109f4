// One sample on the page: its program as it grows, its speed, its edits, and what it came to.
const TAKEN_BACK = 1600; // milliseconds that a refused edit stays to be seen
const ENDS = {
  complete: "complete", length: "unfinished: the tokens are used up",
  time: "unfinished: the time is used up", size: "unfinished: too many lines",
  context: "unfinished: the context is full", retries: "unfinished: no edit applied",
};

export class Pane {
  constructor(template, number, count, program, say) {
    this.element = template.content.firstElementChild.cloneNode(true);
    this.number = number;
    this.program = program;
    this.name = count > 1 ? `Sample ${number + 1}` : "Program";
    this.say = count > 1 ? () => {} : say;
    this.tokens = 0;
    this.began = null;
    this.gone = [];
    this.summary = "";
    this.find("h2").textContent = this.name;
    this.find(".program").setAttribute("aria-label", this.name);
    this.find(".copy").addEventListener("click", () => this.copy());
    this.find(".download").addEventListener("click", () => this.download());
    this.draw();
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  show(event) {
    const act = {
      token: this.token, line: this.line, hunk_applied: this.hunk, edit_accepted: this.accepted,
      edit_rejected: this.rejected, edit_withdrawn: this.withdrawn, sample_finished: this.finish,
    }[event.type];
    act?.call(this, event);
    this.redraw();
  }

  token(event) {
    this.began ??= performance.now();
    this.tokens += 1;
    this.program.token(event);
  }

  line(event) {
    this.program.line(event);
  }

  hunk(event) {
    this.program.hunk(event);
  }

  accepted(event) {
    this.program.accept();
    this.note(`edit ${event.edit} applied`, event.diff);
  }

  rejected(event) {
    const why = event.findings.map((found) => `line ${found.line}: ${found.message}`).join("; ");
    const lines = this.program.reject();
    const gone = { row: lines[0]?.row ?? 0, lines: lines.map((line) => line.text), why };
    this.gone.push(gone);
    setTimeout(() => {
      this.gone.splice(this.gone.indexOf(gone), 1);
      this.redraw();
    }, TAKEN_BACK);
    this.note(`edit ${event.edit} refused and taken back: ${why}`, event.diff, "refused");
  }

  withdrawn(event) {
    this.program.withdraw(event);
    this.note(`edit ${event.edit} withdrawn`, "", "refused");
  }

  note(text, diff, kind = "") {
    const item = document.createElement("li");
    item.className = kind;
    item.append(text);
    if (diff) {
      const shown = document.createElement("pre");
      shown.className = "code";
      shown.textContent = diff;
      item.append(shown);
    }
    this.find(".edits").append(item);
    this.say(text);
  }

  finish({ text, finish_reason: reason, findings, stats }) {
    this.text = text;
    const found = findings.map((one) => `line ${one.line}: ${one.message}`);
    this.summary = [ENDS[reason] ?? reason, ...found].join("; ");
    this.end(this.summary, reason !== "complete" || found.length > 0);
    const rate = stats.seconds ? Math.round(stats.tokens / stats.seconds) : 0;
    this.rate = `${stats.tokens} tokens, ${rate} tokens/s`;
    this.program.begin();
    this.redraw();
  }

  // The request ended before the sample did: what was accepted stays.
  cutOff() {
    if (this.text !== undefined) return;
    this.text = this.program.text;
    this.program.begin();
    this.end("stopped", true);
    this.redraw();
  }

  end(text, bad) {
    this.find(".end").textContent = text;
    this.find(".end").classList.toggle("bad", bad);
    for (const name of [".copy", ".download"]) this.find(name).disabled = !this.text;
  }

  distinguish() {
    this.element.classList.add("best");
    this.find("h2").textContent = `${this.name}, the best`;
  }

  redraw() {
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = null;
    const list = this.find(".program");
    const follow = list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
    list.replaceChildren(...this.rows());
    if (follow && this.text === undefined) list.scrollTop = list.scrollHeight;
    this.find(".rate").textContent = this.rate ?? this.speed();
  }

  rows() {
    const rows = this.program.live.map((line) => item(line.text, line.state));
    const typed = this.program.typed;
    if (typed) rows.splice(typed.row, 0, item(typed.text, "draft typed"));
    for (const gone of this.gone) {
      const lines = gone.lines.map((text) => item(text, "gone"));
      rows.splice(gone.row, 0, ...lines, item(gone.why, "why"));
    }
    return rows;
  }

  speed() {
    const seconds = (performance.now() - this.began) / 1000;
    return this.began === null || seconds < 0.05
      ? "" : `${this.tokens} tokens, ${Math.round(this.tokens / seconds)} tokens/s`;
  }

  async copy() {
    try {
      await navigator.clipboard.writeText(this.text);
      this.acknowledge(".copy", "Copied");
    } catch {
      getSelection().selectAllChildren(this.find(".program"));
      this.acknowledge(".copy", "Selected");
    }
  }

  download() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([this.text], { type: "text/x-python" }));
    link.download = "program.py";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  acknowledge(selector, text) {
    const button = this.find(selector);
    const before = button.textContent;
    button.textContent = text;
    setTimeout(() => { button.textContent = before; }, 1200);
  }
}

function item(text, state) {
  const row = document.createElement("li");
  row.className = state;
  row.textContent = text;
  return row;
}
