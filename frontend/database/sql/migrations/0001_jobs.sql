-- Jobs, the deliveries of their endings, and the secrets that all processes share.

CREATE TABLE tritone_jobs (
    id uuid PRIMARY KEY,
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,  -- order of acceptance
    owner text NOT NULL,                    -- of the API key; empty where there are no keys
    contract text NOT NULL,
    idempotency_key text,
    digest bytea NOT NULL,                  -- of the request, to tell a repetition from a clash
    request json NOT NULL,                  -- json, not jsonb: kept as it was written
    labels jsonb NOT NULL,                  -- the contract's own words, to list by
    status text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'running', 'completed', 'error', 'cancelled')),
    not_before timestamptz NOT NULL DEFAULT now(),
    attempt integer NOT NULL DEFAULT 0,     -- how often it was begun
    strikes integer NOT NULL DEFAULT 0,     -- how often that went wrong in a way that counts
    claim_id uuid,                          -- of the attempt that runs it: nobody else may end it
    worker text,
    lease_until timestamptz,                -- past: its worker is dead
    cancel_requested boolean NOT NULL DEFAULT false,
    steps_done integer,
    steps integer,
    result json,
    error json,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz
) WITH (fillfactor = 70);                   -- room to renew leases in place

CREATE UNIQUE INDEX tritone_jobs_idempotency ON tritone_jobs (owner, idempotency_key)
    WHERE idempotency_key IS NOT NULL;
CREATE INDEX tritone_jobs_queued ON tritone_jobs (seq) WHERE status = 'queued';
CREATE INDEX tritone_jobs_running ON tritone_jobs (id) WHERE status = 'running';
CREATE INDEX tritone_jobs_finished ON tritone_jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX tritone_jobs_owner ON tritone_jobs (owner, seq);

CREATE TABLE tritone_deliveries (
    id text PRIMARY KEY,                    -- the receiver sees it, the same on every attempt
    job_id uuid NOT NULL REFERENCES tritone_jobs ON DELETE CASCADE,
    event text NOT NULL,
    url text NOT NULL,
    body bytea NOT NULL,                    -- signed and sent as it is
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'gave_up')),
    tries integer NOT NULL DEFAULT 0,       -- since it was created or redelivered
    next_at timestamptz NOT NULL DEFAULT now(),
    claim_id uuid,
    lease_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);

CREATE INDEX tritone_deliveries_job ON tritone_deliveries (job_id);
CREATE INDEX tritone_deliveries_pending ON tritone_deliveries (next_at) WHERE status = 'pending';

CREATE TABLE tritone_delivery_attempts (
    delivery_id text NOT NULL REFERENCES tritone_deliveries ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT now(),
    status_code integer,                    -- null: there was no answer
    problem text,                           -- null: it was accepted
    seconds double precision NOT NULL
);

CREATE INDEX tritone_delivery_attempts_delivery ON tritone_delivery_attempts (delivery_id, at);

CREATE TABLE tritone_secrets (
    name text PRIMARY KEY,
    value bytea NOT NULL
);
