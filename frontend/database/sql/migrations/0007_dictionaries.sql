-- Pronunciation dictionaries. A change of the rules is a new version; versions never change.

CREATE TABLE tritone_dictionaries (
    id text PRIMARY KEY,
    owner text NOT NULL,                    -- of the API key; empty where there are no keys
    name text NOT NULL,
    description text,                       -- null: none
    created_at timestamptz NOT NULL DEFAULT now(),
    archived_at timestamptz                 -- null: it is not
);

CREATE INDEX tritone_dictionaries_owner ON tritone_dictionaries (owner, created_at);

CREATE TABLE tritone_dictionary_versions (
    id text PRIMARY KEY,
    dictionary_id text NOT NULL REFERENCES tritone_dictionaries ON DELETE CASCADE,
    seq bigint GENERATED ALWAYS AS IDENTITY,
    rules json NOT NULL,                    -- json, not jsonb: kept as it was written
    n_rules integer NOT NULL
);

CREATE INDEX tritone_dictionary_versions_latest
    ON tritone_dictionary_versions (dictionary_id, seq DESC);
