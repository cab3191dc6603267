// Written by scripts/client.ts from openapi.json. Do not edit.
export interface Api {}
