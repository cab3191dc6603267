export interface WorkspaceTables {
  workspaces: {
    id: string;
    slug: string;
    name: string;
    created_by: string;
    created_at: number;
    updated_at: number;
  };
  workspace_members: {
    workspace: string;
    user_id: string;
    role: string;
    created_at: number;
  };
  workspace_invitations: {
    id: string;
    workspace: string;
    email: string;
    role: string;
    /** HMAC of the token: whoever reads the table cannot accept. */
    token_hmac: string;
    invited_by: string;
    invited_by_label: string;
    created_at: number;
    expires_at: number;
    accepted_at: number | null;
    accepted_by: string | null;
    revoked_at: number | null;
  };
}
