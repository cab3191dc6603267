/** Headers of every answer. The policy of content differs by kind: data runs nothing, a page only what this server serves. */
const always: Readonly<Record<string, string>> = {
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};

export const dataPolicy = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/** For our pages. `style` and `script` add sources, such as a hash of what is inline. */
export const pagePolicy = (add: { readonly style?: string; readonly script?: string } = {}): string =>
  [
    "default-src 'none'",
    `script-src 'self'${add.script ? ` ${add.script}` : ""}`,
    `style-src 'self'${add.style ? ` ${add.style}` : ""}`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");

export const securityHeaders = (isSecure: boolean): readonly (readonly [string, string])[] => [
  ...Object.entries(always),
  ...(isSecure ? ([["Strict-Transport-Security", "max-age=31536000"]] as const) : []),
];
