export interface AuditTables {
  audit_row: AuditRowTable;
  /** One row: the end of the chain. Sealers take turns by changing it. */
  audit_head: { id: number; seq: number; hash: string };
}

export interface AuditRowTable {
  id: string;
  /** Null until sealed. */
  seq: number | null;
  at: number;
  workspace: string;
  actor_kind: string;
  actor_id: string;
  actor_label: string;
  action: string;
  subject: string;
  /** JSON text. */
  before: string | null;
  after: string | null;
  operation: string | null;
  request_id: string | null;
  /** Which key sealed it, so that keys can be replaced. */
  key_id: string | null;
  hash: string | null;
}
