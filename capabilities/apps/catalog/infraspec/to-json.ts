import type { Infraspec } from "./infraspec.ts";

/** The spec with the seed's field names and units, as the API shows it. */
export interface SpecJson {
  readonly name: string;
  readonly [field: string]: unknown;
}

/** The spec as clients read it. Values of `env` that look like secrets are masked. */
export declare function toSpecJson(spec: Infraspec): SpecJson;
