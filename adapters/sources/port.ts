/** Where an app's source comes from: a repository by URL, a directory with its own git, an uploaded archive. */
import type { AppName } from "@norns/kernel/ids";

export type SourceLocation =
  | { readonly kind: "git"; readonly url: string; readonly branch: string }
  /** A directory of the catalogue: its own git HEAD, never dirty files; without git, a content hash. */
  | { readonly kind: "directory"; readonly path: string }
  /** What `norns deploy [dir]` sent: a tar of one commit, kept by the server under this id. */
  | { readonly kind: "archive"; readonly id: string; readonly commit: string };

export interface ResolvedSource {
  readonly location: SourceLocation;
  /** What was asked for: `HEAD`, a branch, a tag, a short or full SHA. */
  readonly ref: string;
  /** 40 hex digits, or `content-<40 hex>` for a directory without git. Every retry uses it. */
  readonly commit: string;
  /** The commit's first line, when there is one. */
  readonly subject?: string;
  readonly isDirty: boolean;
}

export interface Sources {
  /** Finds the commit once. `ref_not_found`, `ref_ambiguous`, `ref_invalid`, `repository_refused` (invalid), `repository_unreachable` (unavailable). */
  resolve(app: AppName, location: SourceLocation, ref: string, signal: AbortSignal): Promise<ResolvedSource>;
  /** Writes the tree of the commit into `target` (made, empty). No links that leave it, no hooks, no `.git`. */
  checkOut(app: AppName, source: ResolvedSource, target: string, signal: AbortSignal): Promise<void>;
  /** Keeps an uploaded tar (bounded, checked entry by entry) for later check-outs. */
  keepArchive(
    app: AppName,
    commit: string,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<SourceLocation & { kind: "archive" }>;
}
