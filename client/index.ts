/**
 * The typed client: all that the CLI and the console know of the server. It is generated from openapi.json and carries no
 * HTTP of its own: the caller gives `send`, so that the CLI can use node:http (a third of fetch's start-up time) and the
 * console the browser's fetch.
 */
import type { Api } from "./generated/api.ts";

export type * from "./generated/api.ts";

export interface SendRequest {
  readonly method: string;
  /** Path and query, encoded. */
  readonly path: string;
  /** JSON text. */
  readonly body: string | undefined;
}

export type Send = (request: SendRequest) => Promise<unknown>;

type Given<Endpoint, Part extends "params" | "query" | "body"> =
  Endpoint extends Record<Part, infer Value>
    ? Value extends undefined
      ? object
      : Part extends "params"
        ? { readonly params: Value }
        : { readonly [Key in Part]?: Value }
    : object;

export type Call<Name extends keyof Api> = Given<Api[Name], "params"> & Given<Api[Name], "query"> & Given<Api[Name], "body">;

export type Client = <Name extends keyof Api>(name: Name, call: Call<Name>) => Promise<Api[Name]["answer"]>;

/** `const api = createClient(send); await api("POST /api/apps/{id}/deploy", { params: { id: "hello" }, body: { ref: "main" } })` */
export function createClient(send: Send): Client {
  return async (name, call) => {
    const { method, path } = toPath(name, call as { params?: object; query?: object });
    const { body } = call as { body?: unknown };
    return (await send({ method, path, body: body === undefined ? undefined : JSON.stringify(body) })) as never;
  };
}

/** The path with parameters filled in and the query appended: also for streams, which the caller opens itself. */
export function toPath(name: keyof Api, call: { params?: object; query?: object } = {}): { method: string; path: string } {
  const [method = "", template = ""] = String(name).split(" ");
  const params = (call.params ?? {}) as Record<string, string | number>;
  const path = template.replaceAll(/\{([^}]+)\}/g, (_, key: string) => encodeURIComponent(String(params[key])));
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(call.query ?? {})) if (value !== undefined) query.set(key, String(value));
  const text = query.toString();
  return { method, path: text ? `${path}?${text}` : path };
}
