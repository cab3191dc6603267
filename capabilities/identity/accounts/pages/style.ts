/** One sheet for the three pages. Colour means state; motion only where something changes. */
import { palette } from "@norns/kernel/http";

export const style = `${palette}* { box-sizing: border-box; }
html { font: 14px/1.5 Inter, ui-sans-serif, system-ui, sans-serif; font-variant-numeric: tabular-nums; background: var(--ground); color: var(--text); }
body { margin: 0; min-height: 100svh; display: grid; place-items: center; padding: 24px 16px; }
main { width: min(100%, 376px); }
.mark { display: flex; align-items: center; gap: 10px; margin: 0 0 20px; font-weight: 600; letter-spacing: -0.01em; }
.mark svg { width: 22px; height: 22px; color: var(--iris); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 28px; box-shadow: var(--lift); }
h1 { font-size: 20px; line-height: 1.25; font-weight: 600; letter-spacing: -0.015em; margin: 0 0 6px; text-wrap: balance; }
h1:has(+ [hidden]) { margin-bottom: 20px; }
p { margin: 0 0 20px; color: var(--quiet); text-wrap: pretty; }
p.mark { color: var(--text); }
p b { color: var(--text); font-weight: 500; overflow-wrap: anywhere; }
form { display: grid; gap: 16px; }
label { display: grid; gap: 6px; font-size: 13px; font-weight: 500; }
label small { font-weight: 400; font-size: 12px; color: var(--quiet); }
input { font: inherit; font-size: 16px; color: inherit; background: transparent; border: 1px solid var(--field); border-radius: 6px; height: 40px; padding: 0 12px; width: 100%; }
input:read-only { border-color: var(--line); color: var(--quiet); }
input:focus-visible, button:focus-visible, a:focus-visible { outline: 2px solid var(--iris); outline-offset: 2px; }
input[aria-invalid="true"] { border-color: var(--failed); }
button { font: inherit; font-weight: 500; height: 40px; border: 0; border-radius: 6px; background: var(--iris); color: var(--on-iris); cursor: pointer; transition: opacity 120ms; }
button:disabled { opacity: 0.55; cursor: default; }
.say { margin: 0; font-size: 13px; color: var(--failed); display: flex; gap: 8px; }
.say::before { content: "✕"; flex: none; }
.say.ok { color: var(--ok); } .say.ok::before { content: "●"; }
.say:empty { display: none; }
.foot { margin: 16px 0 0; font-size: 13px; text-align: center; }
a { color: var(--iris); text-underline-offset: 3px; }
[hidden] { display: none !important; }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
@media (forced-colors: active) { .card, button { border: 1px solid; } }
`;
