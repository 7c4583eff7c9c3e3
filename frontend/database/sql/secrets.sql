-- Secrets that all processes of one database share.
-- Moments are the database's: the clocks of frontends and workers may differ.

-- name: keep_secret
-- Keep a secret unless there is one already.
INSERT INTO tritone_secrets (name, value) VALUES (%(name)s, %(value)s) ON CONFLICT DO NOTHING;

-- name: read_secret
-- Return the secret that all processes use.
SELECT value FROM tritone_secrets WHERE name = %(name)s;
