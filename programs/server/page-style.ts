/** The tokens of the look, for pages without a build: both themes designed, neither inverted. */
export const tokens = `
:root { color-scheme: light dark;
  --ground: oklch(0.985 0.003 260); --raised: oklch(0.965 0.004 260); --text: oklch(0.25 0.012 260); --quiet: oklch(0.48 0.012 260); --line: oklch(0.25 0.012 260 / .1);
  --iris: oklch(0.5 0.2 285); --ok: oklch(0.55 0.15 150); --attention: oklch(0.62 0.14 80); --failed: oklch(0.55 0.2 25);
  --mono: "JetBrains Mono", ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
@media (prefers-color-scheme: dark) { :root {
  --ground: oklch(0.17 0.008 260); --raised: oklch(0.21 0.009 260); --text: oklch(0.94 0.005 260); --quiet: oklch(0.7 0.01 260); --line: oklch(0.94 0.005 260 / .1);
  --iris: oklch(0.74 0.14 285); --ok: oklch(0.75 0.16 150); --attention: oklch(0.8 0.14 80); --failed: oklch(0.7 0.18 25); } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 400 .875rem/1.5 Inter, ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums; }
`;

/** Three threads, each with its knot: what was, what is becoming, what shall be. */
export const mark = `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" aria-hidden="true"><path d="M6 3v18M12 3v18M18 3v18"/><circle cx="6" cy="8" r="2.25" fill="currentColor" stroke="none"/><circle cx="12" cy="15" r="2.25" fill="currentColor" stroke="none"/><circle cx="18" cy="10" r="2.25" fill="currentColor" stroke="none"/></svg>`;

/** The same as a tab's icon, so that no browser asks for a file that is not there. */
export const icon = `<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(mark.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" color="#6d5bd0" '))}">`;
