-- The bookkeeping of migrations.

-- name: lift_timeouts
-- Let this transaction take as long as it needs.
SELECT set_config('statement_timeout', '0', true),
    set_config('idle_in_transaction_session_timeout', '0', true);

-- name: lock_migrations
-- Let one process at a time change the schema; released at the end of the transaction.
SELECT pg_advisory_xact_lock(7472697401);

-- name: create_migrations
-- Make the table of applied migrations.
CREATE TABLE IF NOT EXISTS tritone_migrations (
    name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now()
);

-- name: applied_migrations
-- Tell which migrations are applied.
SELECT name FROM tritone_migrations;

-- name: record_migration
-- Remember that a migration is applied.
INSERT INTO tritone_migrations (name) VALUES (%(name)s);
