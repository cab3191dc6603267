/** The room's tables, in the schema `kernel`. `event_sequence` has one row: the last `seq` given. */
export interface EventTables {
  events: {
    seq: number;
    id: string;
    at: number;
    actor: string;
    workspace: string;
    subject: string;
    operation: string | null;
    category: string;
    action: string;
    message: string;
    /** JSON object of strings. */
    metadata: string;
  };
  event_sequence: { id: number; last: number };
}

export type EventRow = EventTables["events"];
