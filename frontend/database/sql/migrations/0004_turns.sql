-- Jobs take turns between owners, and whoever follows them hears of changes.

ALTER TABLE tritone_jobs ADD COLUMN cost double precision NOT NULL DEFAULT 1;  -- of its work, any unit

CREATE TABLE tritone_job_shares (
    owner text PRIMARY KEY,
    used double precision NOT NULL          -- the costs of its jobs that were begun since it came
) WITH (fillfactor = 50);                   -- room to update in place

CREATE INDEX tritone_jobs_turns ON tritone_jobs (owner, seq) WHERE status = 'queued';

-- Digests are of the caller's body from now on; an empty one stands for any.
UPDATE tritone_jobs SET digest = '' WHERE idempotency_key IS NOT NULL;

CREATE FUNCTION tritone_notify_jobs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('tritone_jobs', '');
    RETURN NULL;
END
$$;

CREATE TRIGGER tritone_notify_jobs AFTER INSERT OR UPDATE OR DELETE ON tritone_jobs
    FOR EACH STATEMENT EXECUTE FUNCTION tritone_notify_jobs();
