/** What the server's own pages share besides the palette. */
import { palette } from "@norns/kernel/http";

export const tokens = `${palette}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 400 .875rem/1.5 Inter, ui-sans-serif, system-ui, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums; }
`;
