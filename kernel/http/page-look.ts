/** The look of the pages that are served without a build: one palette, both themes designed, neither inverted; one mark. */
export const palette = `:root { color-scheme: light dark;
  --ground: oklch(0.985 0.003 260); --raised: oklch(0.965 0.004 260); --card: oklch(1 0 0);
  --text: oklch(0.24 0.012 260); --quiet: oklch(0.47 0.012 260); --line: oklch(0.24 0.012 260 / 0.1); --field: oklch(0.24 0.012 260 / 0.28);
  --iris: oklch(0.5 0.2 285); --on-iris: oklch(0.99 0 0); --ok: oklch(0.5 0.14 150); --attention: oklch(0.62 0.14 80); --failed: oklch(0.5 0.19 25);
  --lift: 0 1px 2px oklch(0.24 0.012 260 / 0.06), 0 12px 32px oklch(0.24 0.012 260 / 0.08);
  --mono: "JetBrains Mono", ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
@media (prefers-color-scheme: dark) { :root {
  --ground: oklch(0.17 0.008 260); --raised: oklch(0.21 0.009 260); --card: oklch(0.21 0.009 260);
  --text: oklch(0.94 0.005 260); --quiet: oklch(0.74 0.01 260); --line: oklch(0.94 0.005 260 / 0.1); --field: oklch(0.94 0.005 260 / 0.32);
  --iris: oklch(0.74 0.14 285); --on-iris: oklch(0.17 0.02 285); --ok: oklch(0.78 0.14 150); --attention: oklch(0.8 0.14 80); --failed: oklch(0.75 0.14 25);
  --lift: 0 1px 2px oklch(0 0 0 / 0.4), 0 12px 32px oklch(0 0 0 / 0.35); } }
`;

/** Three threads, and the knot where what was, what is becoming and what shall be meet. */
export const mark = `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" aria-hidden="true"><path d="M5 3v5c0 4 7 4 7 8v5M12 3v5M19 3v5c0 4-7 4-7 8"/><circle cx="12" cy="12" r="2.25" fill="currentColor" stroke="none"/></svg>`;

/** The same as a tab's icon, so that no browser asks for a file that is not there. */
export const icon = `<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(mark.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" color="#6d5bd0" '))}">`;
