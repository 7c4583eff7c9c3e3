-- Webhooks take turns between owners and hosts, and hosts that do not answer are left alone.

ALTER TABLE tritone_deliveries
    ADD COLUMN owner text NOT NULL DEFAULT '',  -- of the job
    ADD COLUMN host text NOT NULL DEFAULT '';   -- of the URL

UPDATE tritone_deliveries AS delivery SET
    owner = job.owner,
    host = coalesce(trim('[]' FROM lower(
        substring(delivery.url FROM '^[a-z]+://(\[[^]]*\]|[^:/?]*)')
    )), '')
FROM tritone_jobs AS job WHERE job.id = delivery.job_id;

DROP INDEX tritone_deliveries_pending;
CREATE INDEX tritone_deliveries_due ON tritone_deliveries (next_at, owner, host)
    WHERE status = 'pending';
CREATE INDEX tritone_deliveries_turns ON tritone_deliveries (owner, host, next_at)
    WHERE status = 'pending';

-- Hosts that left attempts without an answer, for each owner apart: nobody can close a host for
-- another. A host that answers has no row.
CREATE TABLE tritone_webhook_circuits (
    owner text NOT NULL,
    host text NOT NULL,
    failures integer NOT NULL,              -- in a row; those while it is open do not count
    open_until timestamptz NOT NULL,        -- until then nothing is sent
    PRIMARY KEY (owner, host)
);

-- Deliveries are found in their own table now.
DELETE FROM procrastinate_jobs WHERE queue_name = 'deliver';
