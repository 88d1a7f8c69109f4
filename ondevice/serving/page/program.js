// The buffer that a sample's events make: what is accepted, what is being written, what was refused.
export class Program {
  constructor(source) {
    const lines = source.replaceAll("\r\n", "\n").split("\n");
    if (lines.at(-1) === "") lines.pop();
    this.versions = [lines.map((text) => ({ text, state: "kept" }))];
    this.begin();
  }

  // Start an edit on the last version.
  begin() {
    this.whole = [...this.versions.at(-1)];
    this.live = [...this.whole];
    this.written = [];
    this.typing = "";
    this.row = null;
  }

  token({ text }) {
    const lines = (this.typing + text).split("\n");
    this.typing = lines.pop();
    for (const line of [...lines, this.typing]) {
      const header = /^@@ -\d+(?:,\d+)? \+(\d+)/.exec(line);
      if (header) this.row = Number(header[1]) - 1;
    }
  }

  line({ row, op, text }) {
    if (op === "-") this.live.splice(row, 1);
    if (op === "+") {
      this.live.splice(row, 0, { text, state: "draft" });
      this.written.push({ row, text });
    }
    this.row = op === "-" ? row : row + 1;
  }

  hunk({ row, removed, added }) {
    const lines = added.map((text) => ({ text, state: "fresh" }));
    this.whole.splice(row, removed.length, ...lines);
    this.live = [...this.whole];
  }

  accept() {
    for (const line of this.versions.at(-1)) line.state = "kept";
    this.versions.push(this.whole);
    this.begin();
  }

  // Take the edit back; return where its lines stood.
  reject() {
    const lines = this.written;
    this.begin();
    return lines;
  }

  withdraw({ edit }) {
    this.versions.length = edit;
    this.begin();
  }

  // The line that is being typed, where it will stand, or null.
  get typed() {
    const begun = this.typing.startsWith("+") && this.row !== null;
    return begun ? { row: this.row, text: this.typing.slice(1) } : null;
  }

  get text() {
    return this.versions.at(-1).map((line) => `${line.text}\n`).join("");
  }
}
