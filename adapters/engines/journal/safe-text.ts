/**
 * What an app prints may hold terminal commands: set the title, write the clipboard, clear the screen [I9]. The journal
 * keeps the bytes; whoever shows them to a person passes them through here.
 */

/** ESC [ … m with nothing but digits, semicolons and colons: colours and weights. */
const colour = /^\u001b\[[\d;:]*m/;
/** CSI, then OSC/DCS/SOS/PM/APC with their end (or none), then any other escape. */
// oxlint-disable-next-line no-control-regex -- control characters are the subject here
const sequence =
  /^(?:\u001b\[|\u009b)[\u0030-\u003f]*[\u0020-\u002f]*[\u0040-\u007e]?|^(?:\u001b[\]PX^_]|[\u0090\u0098\u009d\u009e\u009f])[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|^\u001b[\u0020-\u002f]*[\u0030-\u007e]?/;
// oxlint-disable-next-line no-control-regex -- control characters are the subject here
const control = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

/**
 * The text without anything a terminal obeys. `colours: true` lets SGR colours through (and ends them), `false` strips
 * all. Tabs stay. Bidirectional overrides, which make a line read as another, go too.
 *
 *     toSafeText("\u001b]0;owned\u0007ok") === "ok"
 */
export function toSafeText(text: string, options: { colours: boolean } = { colours: false }): string {
  if (!control.test(text)) return text;
  let safe = "";
  let isColoured = false;
  for (let at = 0; at < text.length;) {
    const rest = text.slice(at, at + 64 * 1024);
    if (options.colours) {
      const found = colour.exec(rest);
      if (found) {
        safe += found[0];
        isColoured = !/^\u001b\[0*m$/.test(found[0]);
        at += found[0].length;
        continue;
      }
    }
    const found = sequence.exec(rest);
    if (found && found[0].length > 0) {
      at += found[0].length;
      continue;
    }
    if (!control.test(text[at]!)) safe += text[at];
    at++;
  }
  return isColoured ? `${safe}\u001b[0m` : safe;
}
